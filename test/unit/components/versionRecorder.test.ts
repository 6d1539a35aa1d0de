import { expect, it } from "vitest";
import { ModelZooEntry } from "../../../components/modelZooEntry.ts";
import type { RawEnvironment } from "../../../src/config/environment.ts";
import { emptyRegistry } from "../../../src/domain/zoo/registry.ts";
import { planZoo } from "../../../src/plan/zoo.ts";
import { emptyPlatform, environmentOf, environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { irisServing } from "../../support/irisServing.ts";
import { partsOf } from "../../support/playedEngine.ts";

/** What an entry of the zoo declares when it is recorded, and in which order. */

const entry = { truss: "models/iris", phase: "done" } as const;
const row = { id: "1", number: 1, hash: "hash-1", isCurrent: true, apps: 0, serving: irisServing };
const image = `registry/iris@sha256:${"1".repeat(64)}`;

function declared(more: Partial<NonNullable<RawEnvironment["zoo"]>[string]>) {
  return partsOf(() => {
    const versions = new Map([["iris", [{ ...row, image }]]]);
    const platform = { ...emptyPlatform, registry: { ...emptyRegistry, versions } };
    const { spec } = environmentOf({ zoo: { iris: { ...entry, ...more } } }, { platform });
    const hashes = new Map([["models/iris", "hash-1"]]);
    const zoo = planZoo(spec, { platform, hashes, secretsOf: () => [], smoke: new Map() });
    const environment = environmentOnPlatform({}, { platform, zoo });
    return new ModelZooEntry("iris", { environment, ...entry, ...(more as object) });
  });
}

it("requests are led to a recorder once it answers, by the route and by the version's row", async () => {
  const made = await declared({ recording: { sample: 25 } });
  const isReady = "ModelReady iris-v1-recorder";
  expect(made("VirtualService iris").options.dependsOn).toContain(isReady);
  expect(made("ModelVersion iris-v1").options.dependsOn).toContain(isReady);
  expect(made(isReady).options.dependsOn).toContain("ModelRecorder iris-v1");
  expect(made("ModelRecorder iris-v1").options.dependsOn).toContain("PredictionStore iris");
  expect(JSON.stringify(made("VirtualService iris").inputs)).toContain(
    '"iris-v1-transformer.models.svc.cluster.local"',
  );
  expect(made("ModelVersion iris-v1").inputs.serving).toMatchObject({ recording: { sample: 25, bodies: true } });
});

it("the model's own pods know nothing of their recorder, so that it comes and goes without a new one", async () => {
  const [plain, recorded] = [await declared({}), await declared({ recording: {} })];
  const service = "InferenceService iris-v1";
  expect(recorded(service).inputs).toEqual(plain(service).inputs);
  // The route leads to the recorder's pods, so the gateway has to know only these. A change of that alone updates nothing.
  expect(recorded("ModelReady iris-v1").inputs).toEqual({ ...plain("ModelReady iris-v1").inputs, gatewayLags: false });
  expect(plain("ModelVersion iris-v1").inputs.serving).not.toHaveProperty("recording");
});

it("what was recorded is kept while recording is paused, and while the model is off", async () => {
  for (const change of [{ recording: { paused: true } }, { phase: "off" as const, recording: {} }]) {
    const made = await declared(change);
    expect(made("Schema iris")).toMatchObject({ inputs: { name: "recorded_iris" } });
    expect(() => made("ModelRecorder iris-v1")).toThrow();
  }
});
