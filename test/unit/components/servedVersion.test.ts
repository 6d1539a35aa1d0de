import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { ServedVersion, type ServedVersionArgs } from "../../../components/servedVersion.ts";
import { irisServing } from "../../support/irisServing.ts";
import { OtherResource, partsOf } from "../../support/playedEngine.ts";

const args = (gpus: number, more: Partial<ServedVersionArgs> = {}): ServedVersionArgs => ({
  service: "iris-v2",
  namespace: "models",
  model: "iris",
  hash: "a1",
  image: { url: "registry/iris", digest: "sha256:0" },
  serving: { ...irisServing, resources: { cpu: "1", memory: "1Gi", gpus } },
  placement: { pool: "cpu", tolerations: [] },
  readyTimeoutSeconds: 60,
  ...more,
});
class Part extends pulumi.ComponentResource {}

describe("a served version", () => {
  it("is registered once it answers and what must be there before is", async () => {
    const made = await partsOf(() => {
      const row = {
        number: 2,
        current: true,
        tables: new Part("test:Tables", "tables"),
        database: "postgresql://a:tulip@db",
      };
      const before = () => [new OtherResource("Smoke", "iris")];
      return new ServedVersion("iris-v2", args(0, { row, before }));
    });
    expect(made("ModelVersion iris-v2").options.dependsOn).toEqual(
      expect.arrayContaining(["ModelReady iris-v2", "Smoke iris"]),
    );
    expect(made("ModelVersion iris-v2").inputs).toMatchObject({ database: { secret: "postgresql://a:tulip@db" } });
    expect(JSON.stringify(made("ServedVersion iris-v2").inputs)).not.toContain("tulip");
  });

  it.each([
    [1, ["iris-v1"]],
    [0, undefined],
  ])("with %i GPUs takes the place of the one before in the state: %j", async (gpus, aliases) => {
    const made = await partsOf(() => new ServedVersion("iris-v2", args(gpus, { replaces: "iris-v1" })));
    expect(made("ServedVersion iris-v2").options.aliases).toEqual(aliases);
  });

  it("adopts what was its entry's own before there were several versions", async () => {
    const made = await partsOf(() => {
      const parent = new Part("menagerie:zoo:ModelZooEntry", "iris");
      return new ServedVersion("iris-v2", args(0, { adoptFrom: { name: "iris", parent } }));
    });
    expect(made("ModelReady iris-v2").options.aliases).toEqual(["iris in menagerie:zoo:ModelZooEntry iris"]);
  });
});
