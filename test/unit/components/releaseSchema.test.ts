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

  it("gives rights once its tables are there", async () => {
    const made = await declared();
    const grants = made.names.filter((name) => name.startsWith("Grant "));
    for (const name of grants) expect(made(name).options.dependsOn).toContain("ReleaseState v1.1.0");
    expect(grants.length).toBeGreaterThan(6);
  });

  it("lets services write what is copied and read what is shared", async () => {
    const made = await declared();
    const objects = (label: string) => made(`Grant service_v1.1.0-${label}`).inputs.objects;
    expect([objects("write"), objects("read")]).toEqual([["item"], ["model"]]);
  });
});
