import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { ServedVersion } from "../../../components/servedVersion.ts";
import { environmentOf, environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { irisServing } from "../../support/irisServing.ts";
import { OtherResource, partsOf } from "../../support/playedEngine.ts";
import { servedPlan } from "../../support/servedPlan.ts";

const image = { url: "registry/iris", digest: "sha256:0" };
class Part extends pulumi.ComponentResource {}

describe("a served version", () => {
  it("is registered once it answers and what must be there before is", async () => {
    const made = await partsOf(() => {
      const before = () => [new OtherResource("Smoke", "iris")];
      return new ServedVersion("iris-v2", {
        environment: environmentOnPlatform(),
        version: servedPlan(2),
        image,
        before,
      });
    });
    expect(made("ModelVersion iris-v2").options.dependsOn).toEqual(
      expect.arrayContaining(["ModelReady iris-v2", "Smoke iris", "Tables tables"]),
    );
    expect(made("ModelVersion iris-v2").inputs).toMatchObject({
      database: { secret: expect.stringContaining("lily") },
    });
    expect(JSON.stringify(made("ServedVersion iris-v2").inputs)).not.toContain("lily");
  });

  it.each([
    [1, ["iris-v1"]],
    [0, undefined],
  ])("with %i GPUs takes the place of the one before in the state: %j", async (gpus, aliases) => {
    const serving = { ...irisServing, resources: { cpu: "1", memory: "1Gi", gpus } };
    const version = servedPlan(2, { serving, takesPlaceOf: "iris-v1" });
    const made = await partsOf(() => new ServedVersion("iris-v2", { environment: environmentOf(), version, image }));
    expect(made("ServedVersion iris-v2").options.aliases).toEqual(aliases);
  });

  it("adopts what was its entry's own before there were several versions", async () => {
    const made = await partsOf(() => {
      const parent = new Part("menagerie:zoo:ModelZooEntry", "iris");
      const adoptFrom = { name: "iris", parent };
      return new ServedVersion("iris-v2", { environment: environmentOf(), version: servedPlan(2), image, adoptFrom });
    });
    expect(made("ModelReady iris-v2").options.aliases).toEqual(["iris in menagerie:zoo:ModelZooEntry iris"]);
  });
});
