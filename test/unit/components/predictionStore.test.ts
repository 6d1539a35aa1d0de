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
});
