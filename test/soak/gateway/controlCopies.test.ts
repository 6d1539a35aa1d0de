import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { routeApis } from "../../../src/domain/serving/route.ts";
import type { RolloutSide } from "../../../src/domain/zoo/traffic.ts";
import { DividedIris, irisServers } from "../../support/gateway/dividedIris.ts";

/** Copies of a rollout's requests for the version that does not answer, as istiod translates its object and Envoy sends them. */

let iris: DividedIris;
/** In place of the API service, for the old version. */
const waking = "iris-v1-activator";

beforeAll(async () => {
  iris = await DividedIris.open("copies-of-a-rollout", { weight: 50 }, { others: [waking] });
});

afterAll(() => iris?.own.close());

/** So many requests, each with an id of its own; answers who answered them, and which of them each server saw. */
async function asked(count: number) {
  const ids = Array.from({ length: count }, () => randomUUID());
  const answered = await iris.askAll(ids.map((id) => ({ "x-request-id": id })));
  // A copy is sent beside its original and may come after its answer.
  await delay(2_000);
  const seenBy = (side: RolloutSide) => {
    const own = new Set(
      iris.own.backends.seen
        .filter(({ server }) => server === irisServers[side])
        .map(({ headers }) => headers["x-request-id"]),
    );
    return ids.filter((id) => own.has(id));
  };
  return { answered: new Set(answered), old: seenBy("old"), new: seenBy("new") };
}

/** One in a million draws is further off. */
const most = (count: number, share: number) => 5 * Math.sqrt(count * share * (1 - share));

test.each([
  ["judge.control at 100 %", { weight: 100, control: 5 }, "new", "old"],
  ["mirror in phase copy", { weight: 0, control: 20 }, "old", "new"],
] as const)(
  "%s copies its share to the other version, whose answers nobody gets",
  async (_, split, answering, other) => {
    await iris.divide(split);
    await expect
      .poll(async () => new Set(await iris.askAll(Array.from({ length: 200 }, () => ({})))))
      .toEqual(new Set([answering]));
    const count = 2_000;
    const found = await asked(count);
    expect(found.answered).toEqual(new Set([answering]));
    expect(found[answering]).toHaveLength(count);
    const copies = found[other].length;
    console.log(`${copies} of ${count} copied to the ${other} version at ${split.control} %`);
    expect(Math.abs(copies - (count * split.control) / 100), `${copies}`).toBeLessThan(
      most(count, split.control / 100),
    );
  },
);

test("between 0 and 100 % nothing is copied", async () => {
  await iris.divide({ weight: 50, control: 20 });
  await expect.poll(async () => new Set(await iris.askAll(Array.from({ length: 200 }, () => ({})))).size).toBe(2);
  const found = await asked(500);
  expect(found.old.filter((id) => found.new.includes(id))).toEqual([]);
});

test.each(routeApis)(
  "by an object of %s, copies for a version that may sleep go to what wakes it, and name it",
  async (api) => {
    const { namespace, gateway, old } = iris.route;
    const asleep = { ...old, sleeps: { servicesNamespace: namespace }, copiesPort: 81 };
    const host = api === "istio" ? iris.host : "copies-by-httproute.test";
    await iris.divide(
      { weight: 100, control: 100 },
      { ...iris.route, gateway: { ...gateway, api, hosts: [host] }, old: asleep },
    );
    const path = `/serving/${namespace}/iris/v1/models/model:predict`;
    const answered = async () => {
      const id = randomUUID();
      const headers = { "x-request-id": id, "x-menagerie-copied-to": "somebody" };
      const { status, text } = await iris.own.routes.ask(host, path, { method: "POST", body: "{}", headers });
      expect({ status, text }).toMatchObject({ status: 200, text: expect.stringContaining(irisServers.new) });
      return id;
    };
    const copyOf = (id: string) =>
      iris.own.backends.seen.find(({ server, headers }) => server === waking && headers["x-request-id"] === id);
    await expect.poll(async () => copyOf(await answered())).toBeDefined();
    const id = await answered();
    await expect.poll(() => copyOf(id)).toMatchObject({ headers: { "x-menagerie-copied-to": "iris-v1" } });
    expect(
      iris.own.backends.seen.filter(
        ({ server, headers }) => server === irisServers.old && headers["x-request-id"] === id,
      ),
    ).toEqual([]);
  },
);
