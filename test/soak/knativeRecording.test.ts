import { spawnSync } from "node:child_process";
import type { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readIfThere, request } from "../../src/adapters/kubernetes/request.ts";
import { applyTransformer, readTransformer, removeTransformer } from "../../src/adapters/kubernetes/transformer.ts";
import { recordsEverything } from "../../src/domain/recording/settings.ts";
import { inferenceServiceManifest } from "../../src/domain/serving/inferenceService.ts";
import { placementOn } from "../../src/domain/serving/placement.ts";
import { recorderTransformer, revisedTransformer } from "../../src/domain/serving/recorder.ts";
import { answeringBackend } from "../../src/domain/serving/servedModel.ts";
import { applyManifest, type Manifest } from "../local/support/manifests.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { building, ensureKnativeJudge } from "../support/testTools.ts";

/**
 * A recorder in Knative mode, as far as it goes without Knative's controllers: what KServe's controller makes of it on a real API server, and
 * whether Knative's own validation takes that. Nobody starts its pods.
 */

const [name, namespace] = ["knative-iris", "models"];
const image = `registry.example.com/iris@sha256:${"1".repeat(64)}`;
/** Entries of Knative's ConfigMap config-features that Knative mode needs, whatever is recorded. */
const features = ["kubernetes.podspec-nodeselector=enabled", "kubernetes.podspec-tolerations=enabled"];

interface KnativeService {
  readonly metadata: { readonly uid: string; readonly generation: number };
  readonly spec: {
    readonly template: {
      readonly metadata: {
        readonly annotations: Record<string, string>;
        readonly labels: Record<string, string>;
      };
      readonly spec: {
        readonly containers: readonly [{ readonly args?: readonly string[]; readonly env: readonly object[] }];
        readonly volumes?: readonly object[];
      };
    };
  };
}

let shared: SharedEnvironment;
let config: KubeConfig;
let judge: string;

const isvc = `/apis/serving.kserve.io/v1beta1/namespaces/${namespace}/inferenceservices/${name}`;
const serviceOf = (component: "predictor" | "transformer"): Promise<KnativeService | undefined> =>
  readIfThere(config, `/apis/serving.knative.dev/v1/namespaces/${namespace}/services/${name}-${component}`);

async function made(component: "predictor" | "transformer"): Promise<KnativeService> {
  await expect.poll(() => serviceOf(component), { timeout: 60_000 }).toBeDefined();
  return (await serviceOf(component)) as KnativeService;
}

/** What Knative's webhook says to a Service; empty where it takes it. */
function refusal(service: KnativeService, entries: readonly string[]): string {
  const { stderr } = spawnSync(judge, entries, { input: JSON.stringify(service), encoding: "utf8" });
  return stderr.trim();
}

const knative: readonly Manifest[] = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: "knative-serving" } },
  { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "config-autoscaler", namespace: "knative-serving" } },
];

const transformer = revisedTransformer(
  recorderTransformer(
    {
      image,
      command: ["node", "src/services/recorder/main.ts"],
      secretName: `${name}-recorder`,
      secretRevision: "1",
      schema: "recorded_knative_iris",
      version: "v1",
      replicas: 2,
      storedHeaders: [],
      settings: { ...recordsEverything, redact: [{ kind: "email" }] },
      logMebibytes: 64,
    },
    "Knative",
  ),
  "r1",
);

beforeAll(async () => {
  judge = await ensureKnativeJudge();
}, building);

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  config = shared.kubeConfig();
  // KServe's controller reads it before it makes anything in Knative mode.
  for (const manifest of knative) await applyManifest(config, manifest);
  await applyManifest(
    config,
    inferenceServiceManifest({
      name,
      namespace,
      model: name,
      kind: "zoo",
      managedBy: "stack",
      mode: "Knative",
      image,
      trussHash: "abc",
      env: {},
      replicas: { min: 0, max: 2 },
      resources: { cpu: "1", memory: "1Gi", gpus: 0 },
      placement: placementOn("cpu", []),
    }),
  );
});

afterAll(async () => {
  await request(config, "DELETE", isvc).catch(() => {});
  await request(config, "DELETE", "/api/v1/namespaces/knative-serving").catch(() => {});
  await shared?.close();
});

test("KServe makes a Knative Service of the recorder, which asks for the model under the model's own name", async () => {
  const before = await made("predictor");
  await applyTransformer({ config, namespace, name }, transformer);
  const recorder = await made("transformer");
  const { metadata, spec } = recorder.spec.template;
  const [container] = spec.containers;
  expect(container.args).toEqual([
    ...["--model_name", name],
    ...["--predictor_host", `${name}-predictor.${namespace}`],
    ...["--http_port", "8080"],
  ]);
  expect(container.env).toContainEqual({ name: "MENAGERIE_RECORDER_SCHEMA", value: "recorded_knative_iris" });
  expect(container).toMatchObject({
    image,
    startupProbe: { httpGet: { path: "/healthz" } },
    livenessProbe: { httpGet: { path: "/healthz" } },
    readinessProbe: { httpGet: { path: "/readyz" } },
    volumeMounts: [{ mountPath: "/var/lib/menagerie/recorder" }],
  });
  expect(spec.volumes).toMatchObject([{ emptyDir: { sizeLimit: "192Mi" } }]);
  // Always as many pods: it answers, and wakes the model, which may be scaled to zero.
  expect(metadata.annotations).toMatchObject({
    "autoscaling.knative.dev/min-scale": "2",
    "autoscaling.knative.dev/max-scale": "2",
    "menagerie.dev/revision": "r1",
  });
  expect(metadata.labels).toMatchObject({ component: "transformer", "serving.kserve.io/inferenceservice": name });
  // The model's own Service is as it was, so that no new revision of it begins.
  expect((await made("predictor")).metadata).toMatchObject({
    uid: before.metadata.uid,
    generation: before.metadata.generation,
  });
  // Where requests are led, by the name that Knative's gateway goes by.
  expect(answeringBackend({ service: name, recorded: true }, namespace).service).toBe(`${name}-transformer`);
});

test.each(["predictor", "transformer"] as const)(
  "Knative takes the %s where nodes may be chosen, and refuses it by its defaults",
  async (component) => {
    const service = await made(component);
    expect(refusal(service, features)).toBe("");
    expect(refusal(service, [])).toMatch(/must not set the field\(s\): .*nodeSelector/);
  },
);

test("what is declared is read back, and taking the recorder away leaves the model", async () => {
  expect(await readTransformer({ config, namespace, name }, transformer)).toEqual(transformer);
  const before = await made("predictor");
  await removeTransformer({ config, namespace, name }, new AbortController().signal);
  expect(await serviceOf("transformer")).toBeUndefined();
  expect((await made("predictor")).metadata).toMatchObject({
    uid: before.metadata.uid,
    generation: before.metadata.generation,
  });
});
