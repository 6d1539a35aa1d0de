import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it } from "vitest";
import { InferenceService, type InferenceServiceArgs } from "../../../components/inferenceService.ts";
import { environmentOf } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const model: Omit<InferenceServiceArgs, "environment"> = {
  model: "iris",
  kind: "zoo",
  mode: "Standard",
  image: `registry/iris@sha256:${"0".repeat(64)}`,
  trussHash: "a1",
  env: {},
  replicas: { min: 1, max: 1 },
  resources: { cpu: "1", memory: "1Gi", gpus: 0 },
  pool: "cpu",
};
const declared = (change: Partial<InferenceServiceArgs>, renamed = false) =>
  partsOf(() => new InferenceService("iris-v1", { environment: environmentOf(), ...model, ...change, renamed }));

describe("an InferenceService", () => {
  it("of a fixed name is deleted before another takes its name, and replaced for another mode", async () => {
    expect((await declared({}))("InferenceService iris-v1").options).toMatchObject({
      deleteBeforeReplace: true,
      replaceOnChanges: ['metadata.annotations["serving.kserve.io/deploymentMode"]'],
    });
  });

  it("that is renamed each time has no name of ours, and answers until its successor does", async () => {
    const { inputs, options } = (await declared({}, true))("InferenceService iris-v1");
    expect(options).toMatchObject({ deleteBeforeReplace: false });
    expect(inputs.metadata).not.toHaveProperty("name");
  });

  it("of a development version is replaced for every change of its pod", async () => {
    const control = { versionId: "7", ping: { secret: "iris-ping" } };
    expect((await declared({ control }))("InferenceService iris-v1").options).toMatchObject({
      replaceOnChanges: expect.arrayContaining(["spec.predictor"]),
    });
  });

  it("that scales by the gateway's counters comes after the token that KEDA asks Prometheus with", async () => {
    const prometheus = { url: "http://prometheus:9090", bearerToken: "tulip" };
    const environment = environmentOf({ prometheus }, { prometheusToken: pulumi.secret("tulip") });
    const scaled = { environment, replicas: { min: 1, max: 3, target: { rps: 20 } } };
    const part = await declared(scaled);
    expect(JSON.stringify(part("InferenceService iris-v1").inputs)).toMatch(
      /"authenticationRef":\{"authModes":"bearer","authenticationRef":\{"name":"gateway-counters"\}\}/,
    );
    expect(part("TriggerAuthentication gateway-counters").inputs).toMatchObject({
      metadata: { name: "gateway-counters", namespace: "models" },
      spec: { secretTargetRef: [{ parameter: "bearerToken", name: "gateway-counters", key: "bearerToken" }] },
    });
    expect(part("Secret gateway-counters").inputs).toMatchObject({ metadata: { namespace: "models" } });
  });

  it("that scales by CPU needs nothing besides", async () => {
    const prometheus = { url: "http://prometheus:9090", bearerToken: "tulip" };
    const environment = environmentOf({ prometheus }, { prometheusToken: pulumi.secret("tulip") });
    const part = await declared({ environment, replicas: { min: 1, max: 3, target: { cpu: 70 } } });
    expect(part("InferenceService iris-v1").inputs).toMatchObject({ spec: { predictor: { scaleTarget: 70 } } });
    expect(() => part("Secret gateway-counters")).toThrow();
  });

  it("has a revision that changes with what makes new pods", async () => {
    const revisionOf = async (change: Partial<InferenceServiceArgs>) => {
      const { inputs } = (await declared(change))("InferenceService iris-v1");
      return JSON.stringify(inputs).match(/"menagerie.dev\/revision":"(\w+)"/)?.[1];
    };
    expect(await revisionOf({})).toBe(await revisionOf({}));
    expect(await revisionOf({ env: { FACTOR: "2" } })).not.toBe(await revisionOf({}));
  });
});
