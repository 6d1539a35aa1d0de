import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KilledUps } from "../local/support/killedUps.ts";
import { stillRunning, type TestHome } from "../local/support/menagerie.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/** What an `up` that ended by force leaves, and how the next one goes on. All kill points run in `npm run soak`. */

let shared: SharedEnvironment;
let home: TestHome;
let ups: KilledUps;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  home = shared.home;
  ups = new KilledUps(home);
});

afterAll(() => shared.close());

describe("the engine is killed", () => {
  test.each([300, 4500])("%i ms after it began: the next `up` converges", async (afterMs) => {
    await ups.change();
    await ups.kill(afterMs);
    await ups.expectConvergence();
  });

  test("7000 ms after it began: the next `up` converges, and ends its plugins", async () => {
    await ups.change();
    await ups.kill(7000);
    const plugins = ups.plugins();
    await ups.expectConvergence();
    expect(stillRunning(plugins)).toEqual([]);
  });
});

describe("the API server is killed half-way through `up`", () => {
  test("`up` ends, and the next one converges", async () => {
    await ups.change();
    const running = home.menagerie(["up"]);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    home.kill(/^\S+\/kube-apiserver /);
    const { code, stdout, stderr } = await running;
    if (code !== 0) expect(stdout + stderr).toMatch(/connection refused|connect|EOF|unreachable|does not answer/i);
    await ups.expectConvergence();
  });
});

describe("two at once", () => {
  test("the second `up` is told in one sentence", async () => {
    await ups.change();
    const first = home.menagerie(["up"]);
    while (home.engine() === undefined) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const second = await home.menagerie(["up"]);
    expect(second.code).toBe(1);
    expect(second.stderr.trim().split("\n").at(-1)).toMatch(
      /^menagerie: another run of the engine \(process \d+\) works on stack "local"; wait for its end, or stop it with `kill -INT \d+`$/,
    );
    expect((await first).code).toBe(0);
  });
});
