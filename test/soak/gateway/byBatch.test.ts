import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { request } from "../../../src/adapters/kubernetes/request.ts";
import { batchesBackend } from "../../../src/domain/serving/batchRequests.ts";
import { embeddedGateway } from "../../../src/domain/serving/embeddedGateway.ts";
import { queryKeysManifest } from "../../../src/domain/serving/keyCheck.ts";
import { type RouteApi, routeApis } from "../../../src/domain/serving/route.ts";
import type { DividedRoute } from "../../../src/domain/serving/trafficRoute.ts";
import type { SeenRequest } from "../../local/support/backends.ts";
import { applyManifest, type Manifest, pathOf } from "../../local/support/manifests.ts";
import { DividedIris } from "../../support/gateway/dividedIris.ts";

/**
 * Requests of batches of a model whose requests two recorded versions answer, by both APIs, as istiod translates the objects and Envoy routes. The
 * gateway has the filters of one that checks keys, and checks none: whoever says `batch` stands for a key that may. `test/soak/askedSide.test.ts`
 * has the check too.
 */

const space = "batches-of-a-rollout";
const batches = batchesBackend(space).service;
let iris: DividedIris;
const filters = queryKeysManifest({
  gatewayNamespace: embeddedGateway.namespace,
  gateway: { pods: embeddedGateway.labels },
  namespace: space,
  provider: "none",
}) as Manifest;

beforeAll(async () => {
  iris = await DividedIris.open(space, { weight: 50 }, { others: [batches], recorded: true });
});

afterAll(async () => {
  if (iris) await request(iris.own.cluster, "DELETE", await pathOf(iris.own.cluster, filters));
  await iris?.own.close();
});

const routeOf = (api: RouteApi, checksKeys: boolean): DividedRoute => ({
  ...iris.route,
  gateway: { ...iris.route.gateway, api, checksKeys, hosts: [hostOf(api)] },
  batches: { servicesNamespace: space },
});
const hostOf = (api: RouteApi) => (api === "istio" ? iris.host : "batches-by-httproute.test");

async function ask(api: RouteApi, headers: Readonly<Record<string, string>>) {
  const path = `/serving/${space}/iris/v1/models/model:predict`;
  const answer = await iris.own.routes.ask(hostOf(api), path, { method: "POST", body: "{}", headers });
  const [cookie = ""] = [answer.headers["set-cookie"]].flat();
  if (answer.status !== 200) return { server: `${answer.status}`, headers: {}, cookie };
  return { ...(JSON.parse(answer.text) as Pick<SeenRequest, "server" | "headers">), cookie };
}

/** Asks so often, twenty at once; answers who answered how often, with the version that a batch was led to. */
async function tally(api: RouteApi, headers: Readonly<Record<string, string>>, count = 600) {
  const found = new Map<string, number>();
  for (let asked = 0; asked < count; asked += 20) {
    for (const { server, headers: seen } of await Promise.all(Array.from({ length: 20 }, () => ask(api, headers)))) {
      const key = [server, seen["x-menagerie-batch-to"]].filter(Boolean).join(" ");
      found.set(key, (found.get(key) ?? 0) + 1);
    }
  }
  return found;
}

const sides = (server: string) => [`${server} iris-v1`, `${server} iris-v2`];
const versions = ["iris-v1-transformer", "iris-v2-transformer"];

test.each(routeApis)(
  "of a gateway without a key check of %s, a purpose is nobody's word, and is removed",
  async (api) => {
    await iris.divide({ weight: 30 }, routeOf(api, false));
    await expect.poll(async () => (await ask(api, {})).server).toContain("iris-");
    const claims = { "x-menagerie-purpose": "batch", "x-menagerie-batch-to": "iris-v2" };
    const found = await Promise.all(Array.from({ length: 100 }, () => ask(api, claims)));
    expect(new Set(found.map(({ server }) => server))).toEqual(new Set(versions));
    for (const { headers } of found) expect(headers).not.toHaveProperty("x-menagerie-purpose");
  },
);

test.each(routeApis)("of a gateway of %s that checks keys, batches are divided past what is counted", async (api) => {
  await applyManifest(iris.own.cluster, filters);
  await iris.divide({ weight: 30, sticky: "cookie" }, routeOf(api, true));
  const batch = { "x-menagerie-purpose": "batch" };
  await expect.poll(async () => (await ask(api, batch)).server).toBe(batches);
  const found = await tally(api, batch);
  expect([...found.keys()].sort()).toEqual(sides(batches));
  // One in a million draws is further off.
  expect(Math.abs((found.get(`${batches} iris-v2`) ?? 0) - 180)).toBeLessThan(5 * Math.sqrt(600 * 0.3 * 0.7));
  // A cookie, and what a client says of a version, lead nowhere else.
  const { cookie } = await ask(api, {});
  expect(cookie).toMatch(/^menagerie-iris-\d+=/);
  for (const more of [{ cookie }, { "x-menagerie-batch-to": "iris-v9" }]) {
    const { server, headers } = await ask(api, { ...batch, ...more });
    expect([server, headers["x-menagerie-batch-to"]]).toEqual([batches, expect.stringMatching(/^iris-v[12]$/)]);
    expect(headers).toMatchObject(batch);
  }
  // Others are not taken for one, whatever they say.
  for (const claims of [{}, { "x-menagerie-batch-to": "iris-v2" }, { "x-menagerie-purpose": "pleasure" }]) {
    const others = await tally(api, claims, 100);
    expect([...others.keys()].sort()).toEqual(versions);
  }
});

test("where one version answers all, batches go there, and none is copied", async () => {
  await iris.divide({ weight: 100, control: 100 }, routeOf("istio", true));
  await expect
    .poll(async () => [...(await tally("istio", { "x-menagerie-purpose": "batch" }, 100)).keys()])
    .toEqual([`${batches} iris-v2`]);
  const ids = Array.from({ length: 20 }, (_, number) => `0b9f2c1e-6a54-4c1b-9d55-0000000000${10 + number}`);
  const taken = (server: string) =>
    iris.own.backends.seen.filter((each) => each.server === server && ids.includes(each.headers["x-request-id"] ?? ""));
  for (const id of ids) await ask("istio", { "x-menagerie-purpose": "batch", "x-request-id": id });
  expect(taken(batches)).toHaveLength(ids.length);
  // A copy is sent beside its original and may come after its answer.
  await delay(2_000);
  for (const version of versions) expect(taken(version)).toEqual([]);
});
