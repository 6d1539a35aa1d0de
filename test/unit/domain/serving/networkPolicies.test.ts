import { describe, expect, it } from "vitest";
import { type NetworkZones, networkPolicyManifests } from "../../../../src/domain/serving/networkPolicies.ts";
import { developmentLevel, labels } from "../../../../src/domain/serving/servedModel.ts";

const zones: NetworkZones = {
  models: "models",
  services: "menagerie",
  database: "menagerie-database",
  gateway: "istio-ingress",
  allowFrom: ["monitoring"],
};
const model = { "serving.kserve.io/inferenceservice": "iris" };
const developed = { "serving.kserve.io/inferenceservice": "greeter", [labels.serviceLevel]: developmentLevel };

type Labels = Readonly<Record<string, string>>;

/** By Kubernetes' rules: a pod that no policy selects is open; else one of those that do must let the request in. */
function reaches(from: string, namespace: string, pod: Labels, port: number): boolean {
  const policies = networkPolicyManifests(zones).filter(
    ({ metadata, spec }) =>
      metadata.namespace === namespace &&
      (spec.podSelector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
        const value = pod[key];
        if (operator === "Exists") return value !== undefined;
        if (operator === "In") return value !== undefined && values.includes(value);
        return value === undefined || !values.includes(value);
      }),
  );
  if (policies.length === 0) return true;
  return policies.some(({ spec }) =>
    spec.ingress.some(
      ({ from: peers, ports }) =>
        (!ports || ports.some((each) => each.port === port)) &&
        peers.some((peer) =>
          "namespaceSelector" in peer
            ? peer.namespaceSelector.matchExpressions.every(({ values }) => values.includes(from))
            : "podSelector" in peer && from === namespace,
        ),
    ),
  );
}

describe("NetworkPolicies", () => {
  it.each<[string, string, Labels, number, boolean]>([
    ["istio-ingress", "models", model, 8080, true],
    ["models", "models", model, 8080, true],
    ["menagerie", "models", model, 8080, true],
    ["monitoring", "models", model, 8080, true],
    ["default", "models", model, 8080, false],
    ["istio-ingress", "models", developed, 8080, true],
    ["menagerie", "models", developed, 8080, true],
    ["models", "models", developed, 8080, false],
    ["default", "models", developed, 8080, false],
    ["models", "models", {}, 8080, true],
    ["models", "menagerie", {}, 8080, true],
    ["default", "menagerie", {}, 8080, false],
    ["menagerie", "menagerie-database", {}, 5432, true],
    ["models", "menagerie-database", {}, 5432, true],
    ["models", "menagerie-database", {}, 8008, false],
    ["menagerie-database", "menagerie-database", {}, 8008, true],
    ["istio-ingress", "menagerie-database", {}, 5432, false],
  ])("from %s to %s %j port %i: %s", (from, to, pod, port, expected) => {
    expect(reaches(from, to, pod, port)).toBe(expected);
  });

  it("keep every model from the cloud's metadata service", () => {
    const ofModels = networkPolicyManifests(zones).filter(({ metadata }) => metadata.namespace === zones.models);
    expect(ofModels).toHaveLength(2);
    for (const { spec } of ofModels) {
      expect(spec.policyTypes).toContain("Egress");
      const excepted = spec.egress?.flatMap(({ to }) =>
        to.flatMap((peer) => ("ipBlock" in peer ? peer.ipBlock.except : [])),
      );
      expect(excepted).toEqual(["169.254.169.254/32", "fd00:ec2::254/128"]);
    }
  });

  it("name no namespace that a stack does not have", () => {
    const { services: _, database: __, ...few } = zones;
    expect(networkPolicyManifests(few).map(({ metadata }) => metadata.name)).toEqual([
      "models",
      "development-versions",
    ]);
  });
});
