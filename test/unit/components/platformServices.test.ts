import { describe, expect, it } from "vitest";
import { PlatformServices, type PlatformServicesArgs } from "../../../components/platformServices.ts";
import { partsOf } from "../../support/playedEngine.ts";

const args = (more: Partial<PlatformServicesArgs>): PlatformServicesArgs => ({
  namespace: "menagerie",
  image: `registry/services@sha256:${"0".repeat(64)}`,
  databaseUrl: "postgresql://menagerie_api:tulip@db:5432/menagerie",
  modelsNamespace: "models",
  requireApiKey: true,
  replicas: 2,
  gateway: { name: "istio-ingress/models", hosts: ["models.example.com"] },
  ...more,
});
const declared = (more: Partial<PlatformServicesArgs> = {}) =>
  partsOf(() => new PlatformServices("platform", args(more)));

describe("the API service", () => {
  it("starts once its Secret and its rights are there", async () => {
    const { dependsOn } = (await declared())("Deployment api").options;
    expect(dependsOn).toEqual(
      expect.arrayContaining(["Secret api-database", "RoleBinding api", "Namespace menagerie"]),
    );
  });

  it("has its way into the database and its keys in the Secret alone", async () => {
    const made = await declared({ builds: { url: "http://build", token: "daisy" } });
    expect(made("Secret api-database").inputs.stringData).toEqual({
      secret: expect.objectContaining({ url: args({}).databaseUrl, buildToken: "daisy" }),
    });
    const others = made.names.filter((name) => !/^Secret /.test(name)).map(made);
    expect(JSON.stringify(others)).not.toMatch(/tulip|daisy/);
  });

  it("gets new pods for another password", async () => {
    const podsOf = async (databaseUrl: string) =>
      JSON.stringify((await declared({ databaseUrl }))("Deployment api").inputs.spec);
    expect(await podsOf("postgresql://a:1@db/m")).toBe(await podsOf("postgresql://a:1@db/m"));
    expect(await podsOf("postgresql://a:1@db/m")).not.toBe(await podsOf("postgresql://a:2@db/m"));
  });
});
