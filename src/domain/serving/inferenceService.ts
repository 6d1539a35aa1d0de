import { containerSecrets, podSecrets } from "./secrets.ts";
import { annotations, containerPort, labels, loadedPath, type ServedModel } from "./servedModel.ts";

/**
 * Seconds that a model's `load` may take before its container is restarted: weights of tens of gigabytes are read in
 * it. A `load` that raises is not waited for: the truss server then ends itself at the next probe.
 */
const longestLoadSeconds = 1800;
const startupPeriodSeconds = 2;

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
  return {
    apiVersion: "serving.kserve.io/v1beta1" as const,
    kind: "InferenceService" as const,
    metadata: {
      name: model.name,
      namespace: model.namespace,
      labels: modelLabels(model),
      annotations: {
        "serving.kserve.io/deploymentMode": model.mode,
        ...autoscaling(model),
        [annotations.trussHash]: model.trussHash,
      } as Record<string, string>,
    },
    spec: { predictor: predictor(model) },
  };
}

export type InferenceServiceManifest<Image = string> = ReturnType<typeof inferenceServiceManifest<Image>>;

/** A fixed number of pods needs no autoscaler, and in Standard mode an HPA would need the cluster's metrics server. */
function autoscaling({ mode, replicas }: ServedModel<unknown>): Record<string, string> {
  return mode === "Standard" && replicas.min === replicas.max ? { "serving.kserve.io/autoscalerClass": "none" } : {};
}

function predictor<Image>(model: ServedModel<Image>) {
  const { mode, replicas, placement, resources } = model;
  return {
    minReplicas: replicas.min,
    maxReplicas: replicas.max,
    ...(mode === "Standard" ? standardOnly(resources.gpus > 0) : {}),
    automountServiceAccountToken: false,
    nodeSelector: { [labels.pool]: placement.pool },
    tolerations: [...placement.tolerations],
    ...podSecrets(model.secrets),
    containers: [container(model)],
  };
}

/** Fields that Knative refuses, for it has its own rollout and grace period. */
function standardOnly(onGpus: boolean) {
  return {
    terminationGracePeriodSeconds: terminationGraceSeconds,
    // The old pod holds the GPU that the new one waits for: with a surge the update would never progress.
    deploymentStrategy: onGpus
      ? { type: "Recreate" as const }
      : { type: "RollingUpdate" as const, rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  };
}

function container<Image>({ image, env, resources, secrets }: ServedModel<Image>) {
  // KServe fills in a CPU limit of its own where there is none, which may be below the request.
  const amounts: Record<string, string> = {
    cpu: resources.cpu,
    memory: resources.memory,
    ...(resources.gpus > 0 ? { "nvidia.com/gpu": String(resources.gpus) } : {}),
  };
  const loaded = { path: loadedPath, port: containerPort };
  return {
    name: "kserve-container",
    image,
    ports: [{ containerPort, protocol: "TCP" }],
    env: Object.entries(env)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => ({ name, value })),
    resources: { requests: amounts, limits: amounts },
    startupProbe: {
      httpGet: loaded,
      periodSeconds: startupPeriodSeconds,
      timeoutSeconds: 5,
      failureThreshold: longestLoadSeconds / startupPeriodSeconds,
    },
    readinessProbe: { httpGet: loaded, periodSeconds: 5, timeoutSeconds: 5, failureThreshold: 3 },
    ...containerSecrets(secrets),
    securityContext: { allowPrivilegeEscalation: false, seccompProfile: { type: "RuntimeDefault" } },
  };
}
