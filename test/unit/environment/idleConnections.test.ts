import { expect, it } from "vitest";
import type { RawEnvironment } from "../../../src/config/environment.ts";
import type { EnvironmentFacts } from "../../../src/environment/facts.ts";
import { environmentOf } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const rulesOf = async (config: RawEnvironment, facts: Partial<EnvironmentFacts> = {}) => {
  const made = await partsOf(() => {
    const environment = environmentOf(config, facts);
    for (const namespace of ["models", "menagerie", "models"]) environment.endIdleConnections(namespace);
  });
  return made.names.filter((name) => name.startsWith("DestinationRule ")).map((name) => made(name).inputs.spec);
};

const both = ["menagerie", "models"].map((namespace) => ({
  host: `*.${namespace}.svc.cluster.local`,
  trafficPolicy: { connectionPool: { http: { idleTimeout: "4s" } } },
}));

it("the gateway ends idle connections, by one rule of a namespace, where Istio is behind it", async () => {
  const gatewayApi = { gateway: { api: "gateway-api" } } as const;
  expect(await rulesOf({})).toEqual(both);
  expect(await rulesOf(gatewayApi)).toEqual([]);
  expect(await rulesOf({ ...gatewayApi, mesh: {} })).toEqual(both);
  expect(await rulesOf(gatewayApi, { isEmbedded: true })).toEqual(both);
});
