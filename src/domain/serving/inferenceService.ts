import { requireServiceName } from "../generatedNames.ts";
import { autoscalerClass, autoscalerClassAnnotation, predictorScaling } from "./autoscaling.ts";
import { credentialVariables } from "./credentialFiles.ts";
import { resourceAmounts } from "./placement.ts";
import { recorderTransformer } from "./recorder.ts";
import { containerSecrets, podSecrets } from "./secrets.ts";
import {
  annotations,
  type ControlledModel,
  containerPort,
  developmentLevel,
  type EnvironmentSource,
  inferencePort,
  labels,
  loadedPath,
  type ServedModel,
} from "./servedModel.ts";
import { valueHash } from "./valueHash.ts";

/**
 * Seconds that a model's `load` may take before its container is restarted: weights of tens of gigabytes are read in
 * it. A `load` that raises is not waited for: the truss server then ends itself at the next probe.
 */
const longestLoadSeconds = 1800;
/** Somebody waits for the start of a model that sleeps; the kubelet looks no more often. */
const startupPeriodSeconds = { sleeps: 1, stays: 2 };

/** Time for predictions in flight after SIGTERM, in seconds. */
const terminationGraceSeconds = 60;

/** Labels of everything that belongs to one model. */
export function modelLabels(model: Pick<ServedModel, "name" | "model" | "kind" | "managedBy">) {
  return {
    "app.kubernetes.io/name": model.name,
    "app.kubernetes.io/component": "model",
    "app.kubernetes.io/part-of": "menagerie",
    "app.kubernetes.io/managed-by": "menagerie",
    [labels.model]: model.model,
    [labels.kind]: model.kind,
    [labels.managedBy]: model.managedBy,
  };
}

/**
 * The InferenceService of a model (serving.kserve.io/v1beta1).
 *
 * Truss images run as root unless their config asks for another user (`base.Dockerfile.jinja` of truss 0.18.35), so
 * `runAsNonRoot` would refuse them; what is set here is the Baseline pod security standard and harmless to them.
 */
export function inferenceServiceManifest<Image>(model: ServedModel<Image>) {
  requireServiceName(model.name, { ...model, recorded: model.recorder !== undefined });
  return {
    apiVersion: "serving.kserve.io/v1beta1" as const,
    kind: "InferenceService" as const,
    metadata: {
      name: model.name,
      namespace: model.namespace,
      labels: {
        ...modelLabels(model),
        ...(model.control
          ? { [labels.versionId]: model.control.versionId, [labels.serviceLevel]: developmentLevel }
          : {}),
      } as Record<string, string | Image>,
      annotations: {
        "serving.kserve.io/deploymentMode": model.mode,
        ...autoscaling(model),
        [annotations.trussHash]: model.trussHash,
        ...(model.variables ? { [annotations.environment]: valueHash(model.variables.values) } : {}),
        // Patches install what a requirement names.
        ...(model.control ? { [annotations.egress]: "true" } : {}),
        ...idle(model),
      } as Record<string, string>,
    },
    spec: {
      predictor: predictor(model),
      ...(model.recorder ? { transformer: recorderTransformer(model.recorder, model.mode) } : {}),
    },
  };
}

export type InferenceServiceManifest<Image = string> = ReturnType<typeof inferenceServiceManifest<Image>>;

function autoscaling(model: ServedModel<unknown>): Record<string, string> {
  const chosen = autoscalerClass({ ...model, replicas: podsOf(model) });
  return chosen === undefined ? {} : { [autoscalerClassAnnotation]: chosen };
}

/** A development version has one pod, whatever config says: patches go to one container. */
function podsOf({ control, mode, replicas }: ServedModel<unknown>): ServedModel["replicas"] {
  if (!control) return replicas;
  return { min: mode === "Knative" ? Math.min(replicas.min, 1) : 1, max: 1 };
}

/** In Standard mode the API service stops it; Knative's autoscaler does so itself (at most an hour's window). */
function idle({ control, mode, replicas }: ServedModel<unknown>): Record<string, string> {
  const idleMinutes = control ? control.idleMinutes : replicas.min === 0 ? replicas.idleMinutes : undefined;
  if (idleMinutes === undefined) return {};
  if (mode === "Standard") return { [annotations.idleMinutes]: String(idleMinutes) };
  return { "autoscaling.knative.dev/scale-to-zero-pod-retention-period": `${idleMinutes}m` };
}

function predictor<Image>(model: ServedModel<Image>) {
  const { mode, placement, resources, control } = model;
  return {
    ...predictorScaling({ ...model, replicas: podsOf(model) }),
    ...(mode === "Standard" ? standardOnly(resources.gpus > 0 || control !== undefined) : {}),
    ...(control?.priorityClass === undefined ? {} : { priorityClassName: control.priorityClass }),
    automountServiceAccountToken: false,
    nodeSelector: { [labels.pool]: placement.pool },
    tolerations: [...placement.tolerations],
    ...podSecrets(model.secrets),
    containers: [container(model)],
  };
}

/** Fields that Knative refuses, for it has its own rollout and grace period. */
function standardOnly(oneAfterAnother: boolean) {
  return {
    terminationGracePeriodSeconds: terminationGraceSeconds,
    // The old pod holds the GPU that the new one waits for: with a surge the update would never progress. And of a
    // development version there is never a second pod.
    deploymentStrategy: oneAfterAnother
      ? { type: "Recreate" as const }
      : { type: "RollingUpdate" as const, rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  };
}

function container<Image>(model: ServedModel<Image>) {
  const { image, mode, resources, secrets, control, replicas } = model;
  // KServe fills in a CPU limit of its own where there is none, which may be below the request.
  const amounts = resourceAmounts(resources);
  // A control server that has not started its inference server yet is blocked by requests for it; its own port is not.
  const loaded = { path: loadedPath, port: control ? inferencePort : containerPort };
  const periodSeconds = startupPeriodSeconds[mode === "Standard" && replicas.min === 0 ? "sleeps" : "stays"];
  const started = control ? { path: "/", port: containerPort } : loaded;
  return {
    name: "kserve-container",
    image,
    ports: [{ containerPort, protocol: "TCP" }],
    env: environmentOf(model).sort((a, b) => (a.name < b.name ? -1 : 1)),
    ...environmentSources(model.variables),
    resources: { requests: amounts, limits: amounts },
    startupProbe: {
      httpGet: started,
      periodSeconds,
      timeoutSeconds: 5,
      failureThreshold: longestLoadSeconds / periodSeconds,
    },
    readinessProbe: { httpGet: loaded, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
    ...containerSecrets(secrets),
    securityContext: { allowPrivilegeEscalation: false, seccompProfile: { type: "RuntimeDefault" } },
  };
}

/** `envFrom` of a container. */
export function environmentSources(environment: Pick<EnvironmentSource, "configMap" | "secret"> | undefined) {
  if (!environment) return {};
  const { configMap, secret } = environment;
  return {
    envFrom: [
      { configMapRef: { name: configMap } },
      ...(secret === undefined ? [] : [{ secretRef: { name: secret } }]),
    ],
  };
}

/**
 * For the control server's uv and its git: an index that does not answer is given up within a minute, instead of four. uv's other name
 * of the variable, UV_HTTP_TIMEOUT, wins.
 */
const installing = {
  UV_REQUEST_TIMEOUT: "10",
  UV_HTTP_RETRIES: "1",
  GIT_HTTP_LOW_SPEED_LIMIT: "1",
  GIT_HTTP_LOW_SPEED_TIME: "20",
};

/**
 * A development version's hash is that of the user's folder, whatever the build added to it; and its code is written
 * again under the same second, which Python's bytecode files would not notice.
 */
function environmentOf<Image>({ env, trussHash, control }: ServedModel<Image>): EnvironmentVariable<Image>[] {
  const variables: Record<string, string> = control
    ? { ...installing, ...credentialVariables, ...env, HASH_TRUSS: trussHash, PYTHONDONTWRITEBYTECODE: "1" }
    : env;
  const plain = Object.entries(variables).map(([name, value]) => ({ name, value }));
  return control ? [...plain, pingVariable(control.ping)] : plain;
}

/** From a Secret, so that nothing of the manifest is one. */
function pingVariable<Text>(ping: ControlledModel<Text>["ping"]): EnvironmentVariable<Text> {
  const name = "PATCH_PING_URL_TRUSS";
  if ("url" in ping) return { name, value: ping.url };
  return { name, valueFrom: { secretKeyRef: { name: ping.secret, key: "url" } } };
}

type EnvironmentVariable<Text> =
  | { readonly name: string; readonly value: string | Text }
  | {
      readonly name: string;
      readonly valueFrom: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
    };
