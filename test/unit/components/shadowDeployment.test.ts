import { expect, it } from "vitest";
import { ShadowDeployment } from "../../../components/shadowDeployment.ts";
import { shadowPort } from "../../../src/domain/serving/activator.ts";
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

const sleepy = { replicas: { min: 0, idleMinutes: 5 } };

it("models that may sleep have Services of their own before the API service, each with a port of its own, before the route", async () => {
  const made = await partsOf(
    () =>
      new ShadowDeployment("next", {
        environment: environmentOnPlatform({}, { trussHashes }),
        ...shadow,
        primary: { truss: "models/iris", ...sleepy },
        shadows: { candidate: { truss: "models/iris" }, other: { truss: "models/iris", ...sleepy } },
        noiseFloor: true,
      }),
  );
  const sleeping = ["next-primary", "next-other", "next-noise"];
  expect(made("TrafficMirror next").inputs).toMatchObject({ sleeping });
  expect(made("TrafficMirror next").options.dependsOn).toEqual(
    expect.arrayContaining(sleeping.map((service) => `Service ${service}-activator`)),
  );
  for (const service of sleeping) {
    expect(made(`Service ${service}-activator`).inputs).toMatchObject({
      metadata: { name: `${service}-activator`, namespace: "menagerie" },
      spec: { ports: [{ port: 80, targetPort: shadowPort(service) }] },
    });
  }
  expect(made("VirtualService next").inputs.spec).toMatchObject({
    http: expect.arrayContaining([
      expect.objectContaining({
        route: [{ destination: { host: "next-primary-activator.menagerie.svc.cluster.local", port: { number: 80 } } }],
        mirrors: ["candidate-transformer.models", "other-activator.menagerie", "noise-activator.menagerie"].map(
          (to) => ({
            destination: { host: `next-${to}.svc.cluster.local`, port: { number: 80 } },
            percentage: { value: 10 },
          }),
        ),
      }),
    ]),
  });
});

it("HTTPRoutes are let lead to these Services", async () => {
  const gateway = { api: "gateway-api", name: "istio-ingress/models" } as const;
  const made = await partsOf(
    () =>
      new ShadowDeployment("next", {
        environment: environmentOnPlatform({ gateway }, { trussHashes }),
        ...shadow,
        shadows: { candidate: { truss: "models/iris", ...sleepy } },
      }),
  );
  expect(made("ReferenceGrant next-candidate-activator").inputs).toMatchObject({
    metadata: { namespace: "menagerie" },
    spec: { to: [{ kind: "Service", name: "next-candidate-activator" }] },
  });
});

it("a Knative primary's noise sleeps after the usual time", async () => {
  const made = await partsOf(
    () =>
      new ShadowDeployment("next", {
        environment: environmentOnPlatform({}, { trussHashes }),
        ...shadow,
        primary: { truss: "models/iris", mode: "Knative", replicas: { min: 0 } },
        noiseFloor: true,
      }),
  );
  expect(made("TrafficMirror next").inputs).toMatchObject({ sleeping: ["next-noise"] });
  expect(JSON.stringify(made("InferenceService next-noise").inputs)).toContain('"menagerie.dev/idle-minutes":"15"');
});
