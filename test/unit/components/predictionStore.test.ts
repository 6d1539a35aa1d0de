import { describe, expect, it } from "vitest";
import { PredictionStore } from "../../../components/predictionStore.ts";
import { environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const declared = () =>
  partsOf(
    () =>
      new PredictionStore("next-primary", {
        environment: environmentOnPlatform(),
        schema: "shadow_next_primary",
        retentionDays: 30,
        secretName: "next-primary-recorder",
      }),
  );

describe("a prediction store", () => {
  it("can be deleted: predictions go before the schema, and the schema before the login that has rights in it", async () => {
    const made = await declared();
    expect(made("Schema next-primary").inputs).toMatchObject({ dropCascade: true });
    expect(made("Schema next-primary").options.dependsOn).toContain("Role next-primary");
    expect(made("PredictionTables next-primary").options.dependsOn).toEqual(
      expect.arrayContaining(["Schema next-primary", "Role next-primary"]),
    );
  });

  it("tells the recorder its way in only once the tables are there, and nobody else", async () => {
    const made = await declared();
    expect(made("Secret next-primary").options.dependsOn).toContain("PredictionTables next-primary");
    expect(made("Secret next-primary").inputs.stringData).toHaveProperty("secret.url");
    expect(JSON.stringify(made("PredictionStore next-primary").inputs)).not.toContain("password");
  });

  it("gives every store of a program one key of pseudonyms, so that their answers can be compared", async () => {
    const environment = environmentOnPlatform();
    const store = (side: string) => ({
      environment,
      schema: `shadow_next_${side}`,
      retentionDays: 30,
      secretName: `next-${side}-recorder`,
    });
    const made = await partsOf(() =>
      ["primary", "shadow"].map((side) => new PredictionStore(`next-${side}`, store(side))),
    );
    const keys = ["primary", "shadow"].map(
      (side) => (made(`Secret next-${side}`).inputs.stringData as { secret: { pseudonyms: string } }).secret.pseudonyms,
    );
    expect(keys[0]).toBe(keys[1]);
    expect(keys[0]).toContain("pseudonyms");
  });
});
