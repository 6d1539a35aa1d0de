import { expect, it } from "vitest";
import { ShadowDeployment } from "../../../components/shadowDeployment.ts";
import { environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const trussHashes = new Map([["models/iris", "a1"]]);
const shadow = { primary: { truss: "models/iris" }, shadows: { candidate: { truss: "models/iris" } }, percent: 10 };

it("the route begins once primary and shadows answer, and copies to the shadows alone", async () => {
  const made = await partsOf(
    () => new ShadowDeployment("next", { environment: environmentOnPlatform({}, { trussHashes }), ...shadow }),
  );
  expect(made("TrafficMirror next").options.dependsOn).toEqual(
    expect.arrayContaining(["ModelReady next-primary-recorder", "ModelReady next-candidate-recorder"]),
  );
  expect(made("ShadowDeployment next").inputs).toMatchObject({ percent: 10, primary: { truss: "models/iris" } });
  expect(JSON.stringify(made("ShadowDeployment next").inputs)).not.toMatch(/tulip|http:/);
});

it("a second copy of the primary, for the noise floor, gets copies too", async () => {
  const environment = () => environmentOnPlatform({}, { trussHashes });
  const made = await partsOf(() => {
    const declared = new ShadowDeployment("next", { environment: environment(), ...shadow, noiseFloor: true });
    expect(Object.keys(declared.shadowImages)).toEqual(["candidate", "noise"]);
    return declared;
  });
  expect(made("TrafficMirror next").inputs).toMatchObject({ shadows: ["next-candidate", "next-noise"] });
});
