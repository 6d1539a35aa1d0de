import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { NetworkPolicies } from "../../../components/networkPolicies.ts";
import { PlatformServices } from "../../../components/platformServices.ts";
import type { RawEnvironment } from "../../../src/config/environment.ts";
import { environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const entry = { truss: "models/iris", phase: "done", recording: {} } as const;
const declared = (zoo: RawEnvironment["zoo"]) =>
  partsOf(() => new PlatformServices("platform", { environment: environmentOnPlatform({ zoo }) }));

describe("the guard", () => {
  it("runs where a model has a judge, and nowhere else", async () => {
    const without = await declared({ iris: entry });
    expect(without.names.filter((name) => name.includes("guard"))).toEqual([]);
    const made = await declared({ iris: { ...entry, judge: {} } });
    expect(made.names.filter((name) => name.includes("guard")).sort()).toEqual([
      "Deployment guard",
      "Role guard",
      "RoleBinding guard",
      "Secret guard-database",
      "ServiceAccount guard",
    ]);
    expect(made("Deployment guard").options.dependsOn).toEqual(
      expect.arrayContaining(["Secret guard-database", "RoleBinding guard"]),
    );
  });

  it("writes the traffic of the models it guards, by name, and sees pods; nothing else of the cluster", async () => {
    const judge = {};
    const zoo = { iris: { ...entry, judge }, my_model: { ...entry, judge }, other: entry };
    expect((await declared(zoo))("Role guard").inputs.rules).toEqual([
      {
        apiGroups: ["networking.istio.io"],
        resources: ["virtualservices"],
        resourceNames: ["iris-traffic", "my-model-traffic"],
        verbs: ["get", "patch"],
      },
      { apiGroups: [""], resources: ["pods"], verbs: ["list"] },
    ]);
  });

  it("has a login of its own, in a Secret alone", async () => {
    const made = await declared({ iris: { ...entry, judge: {} } });
    expect(made("Secret guard-database").inputs.stringData).toEqual({
      secret: { url: expect.stringMatching(/^postgresql:\/\/menagerie_guard:guard@/) },
    });
    expect(JSON.stringify(made("Deployment guard").inputs)).not.toContain("postgresql://");
  });

  it("has the url of the apps' database, where it has a login there", async () => {
    const guardUrl = pulumi.secret("postgresql://guard:there@db/application");
    const zoo = { iris: { ...entry, judge: {} } };
    const made = await partsOf(
      () => new PlatformServices("platform", { environment: environmentOnPlatform({ zoo }, { guardUrl }) }),
    );
    expect(made("Secret guard-database").inputs.stringData).toMatchObject({
      secret: { appsUrl: "postgresql://guard:there@db/application" },
    });
    const env = JSON.stringify(made("Deployment guard").inputs);
    expect(env).toContain('"name":"MENAGERIE_MIGRATION_DATABASE_URL"');
    expect(env).not.toContain("there@db");
    expect(JSON.stringify((await declared(zoo))("Deployment guard").inputs)).not.toContain("MIGRATION_DATABASE_URL");
  });

  it("is reached by whoever scrapes metrics, and by nobody else", async () => {
    const policies = await partsOf(
      () =>
        new NetworkPolicies("platform", {
          models: "models",
          services: "menagerie",
          guard: true,
          gateway: "istio-ingress",
          allowFrom: ["monitoring"],
        }),
    );
    expect(policies("NetworkPolicy platform-guard").inputs.spec).toMatchObject({
      podSelector: { matchExpressions: [{ key: "app.kubernetes.io/name", operator: "In", values: ["guard"] }] },
      ingress: [
        {
          from: [{ namespaceSelector: { matchExpressions: [expect.objectContaining({ values: ["monitoring"] })] } }],
        },
      ],
    });
    expect(policies("NetworkPolicy platform-services").inputs.spec).toMatchObject({
      podSelector: { matchExpressions: [{ key: "app.kubernetes.io/name", operator: "NotIn", values: ["guard"] }] },
    });
  });
});
