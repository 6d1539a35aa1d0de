import { expect, it } from "vitest";
import { NetworkPolicies } from "../../../components/networkPolicies.ts";
import { partsOf } from "../../support/playedEngine.ts";

const zones = { models: "models", gateway: "istio-ingress", allowFrom: [] };
const declared = (more: object) =>
  partsOf(() => new NetworkPolicies("platform", { services: undefined, database: undefined, ...zones, ...more }));

it("there are policies in the namespaces that the stack has, and in no other", async () => {
  const namespaces = async (more: object) => {
    const made = await declared(more);
    const policies = made.names.filter((name) => name.startsWith("NetworkPolicy "));
    return [...new Set(policies.map((name) => (made(name).inputs.metadata as { namespace: string }).namespace))].sort();
  };
  expect(await namespaces({})).toEqual(["models"]);
  expect(await namespaces({ services: "menagerie", database: "menagerie-database" })).toEqual([
    "menagerie",
    "menagerie-database",
    "models",
  ]);
});
