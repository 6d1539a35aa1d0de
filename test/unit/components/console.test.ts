import { describe, expect, it } from "vitest";
import { NetworkPolicies } from "../../../components/networkPolicies.ts";
import { PlatformServices } from "../../../components/platformServices.ts";
import type { RawEnvironment } from "../../../src/config/environment.ts";
import { environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const image = `registry/services@sha256:${"0".repeat(64)}`;
const declared = (services: RawEnvironment["services"], pools: RawEnvironment["pools"] = {}) =>
  partsOf(
    () =>
      new PlatformServices("platform", {
        environment: environmentOnPlatform({ services: { image, ...services }, pools }),
      }),
  );
const t4 = { gpu: { kind: "t4", perNode: 1 }, replicas: 1 };

describe("the console", () => {
  it("runs where it is declared, without a route, and nowhere else", async () => {
    expect((await declared({})).names.filter((name) => / console/.test(name))).toEqual([]);
    const made = await declared({ console: { replicas: 2 } });
    expect(made.names.filter((name) => / console/.test(name)).sort()).toEqual([
      "Deployment console",
      "Role console",
      "RoleBinding console",
      "Secret console-database",
      "Service console",
      "ServiceAccount console",
    ]);
    expect(made("Deployment console").inputs).toMatchObject({ spec: { replicas: 2 } });
    expect(made("Deployment console").options.dependsOn).toEqual(
      expect.arrayContaining(["Secret console-database", "RoleBinding console"]),
    );
  });

  it("has a route of its own host name where that is declared, and is then reached by the gateway too", async () => {
    const host = "console.example.com";
    const made = await declared({ console: { host } });
    const route = made.names.find((name) => /(?:VirtualService|HTTPRoute|CustomResource) console$/.test(name)) ?? "";
    const { spec } = made(route).inputs as { spec: { hosts: string[] } };
    expect(spec.hosts).toEqual([host]);
    expect(JSON.stringify(spec)).toContain("console.menagerie.svc.cluster.local");
    const zones = { models: "models", services: "menagerie", gateway: "istio-ingress", allowFrom: [] };
    const policies = await partsOf(() => new NetworkPolicies("platform", { ...zones, console: "routed" }));
    expect(JSON.stringify(policies("NetworkPolicy platform-console").inputs.spec)).toContain("istio-ingress");
  });

  it("lists what serves, and nodes where the stack declares pools, and changes nothing of the cluster", async () => {
    const made = await declared({ console: {} }, { t4 });
    const rules = ["Role console", "ClusterRole console"].flatMap(
      (name) => (made(name).inputs as { rules: { verbs: string[] }[] }).rules,
    );
    expect(new Set(rules.flatMap(({ verbs }) => verbs))).toEqual(new Set(["list"]));
    expect(JSON.stringify(rules)).not.toMatch(/secrets|configmaps|\*/);
  });

  it("has a login of its own, in a Secret alone", async () => {
    const made = await declared({ console: {} });
    expect(made("Secret console-database").inputs.stringData).toEqual({
      secret: { url: expect.stringMatching(/^postgresql:\/\/menagerie_console:console@/) },
    });
    expect(JSON.stringify(made("Deployment console").inputs)).not.toContain("postgresql://");
  });

  it("is reached neither by the gateway nor by models", async () => {
    const zones = { models: "models", services: "menagerie", gateway: "istio-ingress", allowFrom: [] };
    const policies = await partsOf(() => new NetworkPolicies("platform", { ...zones, console: "inside" }));
    expect(policies("NetworkPolicy platform-console").inputs.spec).toMatchObject({ ingress: [] });
    expect(policies("NetworkPolicy platform-services").inputs.spec).toMatchObject({
      podSelector: { matchExpressions: [{ key: "app.kubernetes.io/name", operator: "NotIn", values: ["console"] }] },
    });
  });
});
