import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KilledUps } from "../local/support/killedUps.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";

const points = 20;

let project: string;
let home: TestHome;
let ups: KilledUps;
/** Duration of an undisturbed first `up` of the program, in milliseconds. */
let duration: number;

beforeAll(async () => {
  project = await copyOfCheckout();
  home = await TestHome.create(project);
  ups = new KilledUps(home);
  await ups.change();
  await home.menagerie(["up", "--no-program"]);
  const began = Date.now();
  const { code, stdout, stderr } = await home.menagerie(["up"]);
  if (code !== 0) throw new Error(stdout + stderr);
  duration = Date.now() - began;
});

afterAll(async () => {
  await home.dispose();
  await rm(project, { recursive: true, force: true });
});

describe("the engine is killed in the first `up` of a stack, at 20 points spread over it", () => {
  test.each(Array.from({ length: points }, (_, point) => point))("point %i", async (point) => {
    const destroyed = await home.menagerie(["pulumi", "--", "destroy", "--yes", "--skip-preview"]);
    expect(destroyed.code, destroyed.stdout + destroyed.stderr).toBe(0);
    await ups.kill((duration * point) / points);
    // What was declared may change before the next attempt.
    if (point % 2 === 1) await ups.change();
    await ups.expectConvergence();
  });
});
