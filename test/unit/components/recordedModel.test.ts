import { expect, it } from "vitest";
import { PredictionStore } from "../../../components/predictionStore.ts";
import { RecordedModel } from "../../../components/recordedModel.ts";
import type { RedactionRules } from "../../../src/domain/redaction/rules.ts";
import { environmentOnPlatform } from "../../support/componentEnvironment.ts";
import { partsOf } from "../../support/playedEngine.ts";

const declared = (min: number, redact: RedactionRules = []) =>
  partsOf(() => {
    const environment = environmentOnPlatform();
    const stored = { schema: "shadow_next_primary", retentionDays: 30, secretName: "next-primary-recorder" };
    const store = new PredictionStore("next-primary", { environment, ...stored });
    return new RecordedModel("next-primary", {
      environment,
      service: "next-primary",
      model: "next",
      trussHash: "a1",
      spec: {
        truss: "models/iris",
        mode: "Knative",
        pool: "cpu",
        env: {},
        replicas: { min, max: 2 },
        resources: { cpu: "1", memory: "1Gi", gpus: 0 },
      },
      store,
      version: "v1",
      storedHeaders: [],
      redact,
    });
  });

it("a model starts once its predictions can be stored, and answers once model and recorder do", async () => {
  const made = await declared(1);
  expect(made("component InferenceService next-primary").options.dependsOn).toContain("PredictionStore next-primary");
  expect(made("ModelReady next-primary-recorder").options.dependsOn).toContain("ModelReady next-primary");
});

it("a recorder that redacts has the key of pseudonyms from its Secret, and memory for it", async () => {
  const { spec } = (await declared(1, [{ kind: "email" }]))("InferenceService next-primary").inputs;
  const { containers } = (spec as { transformer: { containers: [{ env: object[]; resources: { limits: object } }] } })
    .transformer;
  const [recorder] = containers;
  expect(recorder.env).toContainEqual({
    name: "MENAGERIE_RECORDER_PSEUDONYM_KEY",
    valueFrom: { secretKeyRef: { name: "next-primary-recorder", key: "pseudonyms" } },
  });
  expect(recorder.env).toContainEqual({ name: "MENAGERIE_RECORDER_REDACT", value: '[{"kind":"email"}]' });
  expect(recorder.resources.limits).toMatchObject({ memory: "1280Mi" });
});

it("a recorder is there while the model is scaled to zero", async () => {
  expect((await declared(0))("InferenceService next-primary").inputs.spec).toMatchObject({
    predictor: { minReplicas: 0 },
    transformer: { minReplicas: 1 },
  });
});
