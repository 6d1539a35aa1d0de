import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DividedRoute, TrafficSide } from "../../../../src/domain/serving/trafficRoute.ts";
import {
  batchKey,
  type CheckingEnvoy,
  type Reached,
  startCheckingEnvoy,
} from "../../../support/gateway/checkingEnvoy.ts";

/**
 * Requests of batches at a gateway that checks keys, while a rollout divides them: a real Envoy with the filters and rules that a stack
 * declares, and a check whose answer takes the purpose from keys that may make no batch, as the API service's does.
 */

const side = (number: number): TrafficSide => ({
  versionId: `1${number}`,
  service: `iris-v${number}`,
  mode: "Standard",
  recorded: true,
});
const route: DividedRoute = {
  name: "iris",
  namespace: "models",
  model: "iris",
  kind: "zoo",
  managedBy: "stack",
  gateway: { name: "istio-system/menagerie", hosts: ["*"], checksKeys: true },
  old: side(1),
  new: side(2),
  batches: { servicesNamespace: "menagerie" },
};
const pair = { model: "iris", from: "11", to: "12", hash: "b", generation: 7, changedAt: new Date(0) };
const batch = { "x-menagerie-purpose": "batch" };
const batches = "batches.menagerie";
const versions = ["iris-v1-transformer.models", "iris-v2-transformer.models"];

let envoy: CheckingEnvoy;
beforeAll(async () => {
  const split = { weight: 30, control: 0, sticky: "cookie" } as const;
  envoy = await startCheckingEnvoy({ ...pair, ...split }, route, ["x-menagerie-purpose", "x-menagerie-version"]);
});
afterAll(() => envoy?.stop());

async function asked(count: number, headers: Parameters<CheckingEnvoy["ask"]>[0]): Promise<Reached[]> {
  const all: Reached[] = [];
  while (all.length < count) all.push(...(await Promise.all(Array.from({ length: 20 }, () => envoy.ask(headers)))));
  return all;
}
const reached = (all: readonly Reached[]) => [...new Set(all.map(({ destination }) => destination))].sort();

describe("a key that may make batches", () => {
  it("has them led past what is counted, to the versions by their weights, with their purpose", async () => {
    const count = 600;
    const all = await asked(count, { "x-api-key": batchKey, ...batch });
    expect(reached(all)).toEqual([batches]);
    const toNew = all.filter(({ headers }) => headers["x-menagerie-batch-to"] === "iris-v2").length;
    expect(all.filter(({ headers }) => headers["x-menagerie-batch-to"] === "iris-v1")).toHaveLength(count - toNew);
    // One in a million draws is further off.
    expect(Math.abs(toNew - count * 0.3)).toBeLessThan(5 * Math.sqrt(count * 0.3 * 0.7));
    expect(all[0]?.headers).toMatchObject(batch);
  });

  it("chooses no side by a cookie, or by the header that names one", async () => {
    for (const more of [{ cookie: "menagerie-iris-7=new" }, { "x-menagerie-batch-to": "iris-v2" }]) {
      const all = await asked(100, { "x-api-key": batchKey, ...batch, ...more });
      expect(reached(all)).toEqual([batches]);
      expect(new Set(all.map(({ headers }) => headers["x-menagerie-batch-to"]))).toEqual(
        new Set(["iris-v1", "iris-v2"]),
      );
    }
  });

  it("has its other requests divided as all others", async () => {
    for (const purpose of [{}, { "x-menagerie-purpose": "pleasure" }])
      expect(reached(await asked(100, { "x-api-key": batchKey, ...purpose }))).toEqual(versions);
  });
});

it.each([
  ["the purpose", batch],
  ["the header that names a version", { "x-menagerie-batch-to": "iris-v2" }],
  ["both", { ...batch, "x-menagerie-batch-to": "iris-v2" }],
  ["both, twice", { "x-menagerie-purpose": ["batch", "batch"], "x-menagerie-batch-to": ["iris-v2", "iris-v1"] }],
])("of any other key, %s is nobody's word: its requests are divided and counted, and lose both", async (_, claims) => {
  const all = await asked(100, { "x-api-key": "ordinary", ...claims });
  expect(reached(all)).toEqual(versions);
  for (const { headers } of all) {
    for (const name of ["x-menagerie-purpose", "x-menagerie-batch-to"]) expect(headers).not.toHaveProperty(name);
  }
});
