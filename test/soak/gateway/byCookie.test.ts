import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { storedCoin } from "../../../src/domain/serving/coin.ts";
import { DividedIris } from "../../support/gateway/dividedIris.ts";

/** What a real gateway tells recorders of users whom a cookie keeps on their side, and what their browsers get of it. */
describe.each(["istio", "gateway-api"] as const)("with %s", (api) => {
  let iris: DividedIris;
  const first = "menagerie-iris-1";

  beforeAll(async () => {
    iris = await DividedIris.open(`by-cookie-${api}`, { weight: 50, sticky: "cookie" }, { recorded: true, api });
  });

  afterAll(() => iris?.own.close());

  test("the request that is drawn gives the cookie its id, and is told from those that follow", async () => {
    await expect.poll(() => iris.ask({}).catch(() => undefined)).toBeDefined();
    const sides = new Set<string>();
    for (let user = 0; user < 40; user += 1) {
      const drawn = await iris.answered({ "x-menagerie-coin": "menagerie-iris-9" });
      const id = drawn.seen["x-request-id"];
      sides.add(drawn.side);
      expect(drawn.cookie).toBe(`${first}=${drawn.side}.${id}`);
      // Whatever a client says.
      expect(drawn.seen["x-menagerie-coin"]).toBe(first);
      expect(storedCoin(drawn.seen["x-menagerie-coin"], drawn.seen.cookie)).toBe("drawn 1");
      for (let times = 0; times < 3; times += 1) {
        const kept = await iris.answered({ cookie: `theirs=1; ${drawn.cookie}` });
        expect(kept).toMatchObject({ side: drawn.side, cookie: undefined });
        expect(storedCoin(kept.seen["x-menagerie-coin"], kept.seen.cookie)).toBe(`kept 1 ${id}`);
      }
    }
    expect([...sides].sort()).toEqual(["new", "old"]);
  });

  test("an id of the client's own keeps its user too", async () => {
    const drawn = await iris.answered({ "x-request-id": "my request/7" });
    for (let times = 0; times < 10; times += 1) expect(await iris.ask({ cookie: `${drawn.cookie}` })).toBe(drawn.side);
  });

  test("another weight draws everybody anew", async () => {
    const { cookie = "" } = await iris.answered({});
    await iris.divide({ weight: 50, sticky: "cookie" });
    await expect.poll(async () => (await iris.answered({ cookie })).cookie).toMatch(/^menagerie-iris-2=/);
    const again = await iris.answered({ cookie });
    expect(storedCoin(again.seen["x-menagerie-coin"], again.seen.cookie)).toBe("drawn 2");
  });
});
