import { describe, expect, it } from "vitest";
import { ReleaseSchema } from "../../../components/releaseSchema.ts";
import type { PlannedState } from "../../../src/domain/release/plannedState.ts";
import { environmentOf, environmentOnPlatform, statesOf } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const declared = (more: Partial<PlannedState> = {}) =>
  partsOf(() => {
    const state = statesOf({
      tag: "v1.1.0",
      schema: "v1.1.0",
      seedFrom: "v1.0.0",
      declared: "<hash>",
      views: [],
      tables: [
        { name: "item", seed: "copy", from: "v1.0.0" },
        { name: "model", seed: "view", from: "v1.0.0" },
      ],
      ...more,
    });
    return new ReleaseSchema("v1.1.0", { environment: environmentOnPlatform({}, { state }), schemas: "state" });
  });

describe("the state of a release", () => {
  it("outlives its resource, whatever the config says: it goes by the retention alone", async () => {
    expect((await declared())("Schema v1.1.0").options).toMatchObject({ retainOnDelete: true });
  });

  it("gives both logins their rights, and can drop them once the state has left", async () => {
    const made = await declared({ views: ["shown"], sequences: true });
    const state = made("ReleaseState v1.1.0");
    expect(state.options.dependsOn).toEqual(
      expect.arrayContaining(["Schema v1.1.0", "Role service_v1.1.0", "Role pipeline_v1.1.0"]),
    );
    expect(state.inputs).toMatchObject({ views: ["shown"], sequences: true });
    expect(made.names.filter((name) => name.startsWith("Grant "))).toEqual([]);
  });

  it("is seeded as it was planned", async () => {
    const made = await declared();
    expect(made("ReleaseState v1.1.0").inputs).toMatchObject({
      seedFrom: "v1.0.0",
      declared: "<hash>",
      folder: "state",
    });
    expect(made("ReleaseSchema v1.1.0").inputs).toEqual({ schemas: "state", current: true });
  });

  it("is refused without a database", async () => {
    await partsOf(() => {
      const args = { environment: environmentOf(), schemas: "state" };
      expect(() => new ReleaseSchema("v1.1.0", args)).toThrow("ReleaseSchema v1.1.0 needs the platform's database");
    });
  });
});
