import { describe, expect, it } from "vitest";
import { ReleaseSchema } from "../../../components/releaseSchema.ts";
import { partsOf } from "../../support/playedEngine.ts";

const declared = (more: object = {}) =>
  partsOf(
    () =>
      new ReleaseSchema("v1.1.0", {
        tag: "v1.1.0",
        seedFrom: "v1.0.0",
        folder: "state",
        declared: "<hash>",
        tables: [
          { name: "item", seed: "copy", from: "v1.0.0" },
          { name: "model", seed: "view", from: "v1.0.0" },
        ],
        ...more,
      }),
  );

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
});
