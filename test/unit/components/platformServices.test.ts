import { describe, expect, it } from "vitest";
import { PlatformServices } from "../../../components/platformServices.ts";
import type { EnvironmentFacts } from "../../../src/environment/facts.ts";
import { emptyPlatform, environmentOf, environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const declared = (facts: Partial<EnvironmentFacts> = {}, password?: string) =>
  partsOf(() => new PlatformServices("platform", { environment: environmentOnPlatform({}, facts, password) }));

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
      secret: expect.objectContaining({
        url: "postgresql://menagerie_api:tulip@db:5432/menagerie?sslmode=disable",
        buildToken: "daisy",
      }),
    });
    const others = made.names.filter((name) => !/^Secret /.test(name)).map(made);
    expect(JSON.stringify(others)).not.toMatch(/tulip|daisy/);
  });

  it("gets new pods for another password", async () => {
    const podsOf = async (password: string) =>
      JSON.stringify((await declared({}, password))("Deployment api").inputs.spec);
    expect(await podsOf("one")).toBe(await podsOf("one"));
    expect(await podsOf("one")).not.toBe(await podsOf("two"));
  });

  it("is refused before the platform's tables", async () => {
    await partsOf(() => {
      const environment = environmentOf({}, { platform: emptyPlatform });
      expect(() => new PlatformServices("platform", { environment })).toThrow("declare PlatformDatabase before it");
    });
  });
});
