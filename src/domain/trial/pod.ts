import { inferenceServiceManifest } from "../serving/inferenceService.ts";
import { annotations, type EnvironmentSource } from "../serving/servedModel.ts";
import type { RunnableModel } from "./combination.ts";

/** Namespace of a trial's objects. Nothing but the trial itself knows it. */
export const trialNamespace = "trial";
/** Secret with the values of all models. */
const secretName = "secrets";
/** It serves nobody else: a short time for what is in flight, in seconds. */
const graceSeconds = 2;

/** What is known of a model's pod in a trial. */
export interface TrialPodSettings {
  /** `<url>@sha256:<64 hex>` */
  readonly image: string;
  /** Number of the model in the combination, from 0. */
  readonly index: number;
  readonly variables: EnvironmentSource | undefined;
  readonly egress: boolean;
  /** How long it may take until it is ready, in seconds. */
  readonly startWithinSeconds: number;
}

/**
 * The pod of a model: the container is that of its InferenceService, as a stack declares it, so that image, command, variables, secrets
 * and probes are those that it has where it serves.
 */
export function trialPod(model: RunnableModel, settings: TrialPodSettings) {
  const { image, index, variables, egress, startWithinSeconds } = settings;
  const name = podName(model.name, index);
  const { predictor } = inferenceServiceManifest({
    name,
    namespace: trialNamespace,
    model: model.name,
    kind: "zoo",
    managedBy: "stack",
    mode: "Standard",
    image,
    trussHash: "",
    env: model.env,
    secrets: model.secrets.length === 0 ? undefined : [{ secret: secretName, keys: model.secrets }],
    variables,
    // Somebody waits for it, as for one that sleeps.
    replicas: { min: 0, max: 1 },
    resources: model.resources,
    placement: { pool: "cpu", tolerations: [] },
  }).spec;
  const { containers, volumes } = predictor;
  return {
    apiVersion: "v1" as const,
    kind: "Pod" as const,
    metadata: {
      name,
      namespace: trialNamespace,
      uid: uidOf(index),
      annotations: egress ? { [annotations.egress]: "true" } : {},
    },
    spec: {
      restartPolicy: "Always" as const,
      terminationGracePeriodSeconds: graceSeconds,
      containers: containers.map((container) => ({
        ...container,
        startupProbe: {
          ...container.startupProbe,
          failureThreshold: Math.ceil(startWithinSeconds / container.startupProbe.periodSeconds),
        },
        readinessProbe: { ...container.readinessProbe, periodSeconds: 1 },
      })),
      ...(volumes ? { volumes } : {}),
    },
  };
}

/** Id of a model's pod, by its place in the combination. A cluster gives its own. */
export function uidOf(index: number): string {
  return `trial-${index}`;
}

/** A pod's name is its host name, too. */
function podName(model: string, index: number): string {
  const label = model.replaceAll(/[^a-z0-9]+/g, "-").slice(0, 20);
  return `${label.replaceAll(/^-|-$/g, "") || "model"}-${index}`;
}

/** The Secret that models read their secrets from; of `values` those that some model names. */
export function trialSecret(
  models: readonly RunnableModel[],
  values: Readonly<Record<string, string>>,
  namespace: string = trialNamespace,
) {
  const named = new Set(models.flatMap(({ secrets }) => secrets));
  const data = [...named].flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [[name, Buffer.from(value).toString("base64")] as const];
  });
  return {
    path: `/api/v1/namespaces/${namespace}/secrets/${secretName}`,
    object: {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: secretName, namespace },
      data: Object.fromEntries(data),
    },
  };
}
