import { about, refusal, refused } from "../refusals/refusal.ts";
import { loadQuery } from "../traffic/loadQuery.ts";
import { fewestPods, metricOf, needsCounters, type Replicas } from "./scaleTarget.ts";
import type { GatewayCounters, ServedModel } from "./servedModel.ts";

/** Which autoscaler KServe makes for a component in Standard mode; a HorizontalPodAutoscaler without it. Pods carry it too. */
export const autoscalerClassAnnotation = "serving.kserve.io/autoscalerClass";

/** What an autoscaler is made of, in a predictor. KServe's webhook refuses `scaleMetric` beside KEDA (0.20, `validateScalingKedaCompExtension`). */
interface PredictorScaling {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  readonly scaleMetric?: "concurrency" | "rps" | "cpu";
  readonly scaleTarget?: number;
  readonly autoScaling?: { metrics: { type: "External"; external: ExternalMetric }[] };
}

export interface ExternalMetric {
  readonly metric: { backend: "prometheus"; serverAddress: string; query: string };
  /** KServe makes it the trigger's threshold, which KEDA takes as the average of the pods. */
  readonly target: { type: "Value"; value: string };
  readonly authenticationRef?: { authModes: "bearer"; authenticationRef: { name: string } };
}

type Scaled = Pick<ServedModel<unknown>, "name" | "namespace" | "mode" | "counters" | "keptPods"> & {
  readonly replicas: Replicas;
};

/** Value of {@link autoscalerClassAnnotation}; undefined where KServe chooses. */
export function autoscalerClass(model: Pick<Scaled, "mode" | "replicas">): "none" | "keda" | undefined {
  const { mode, replicas } = model;
  if (mode !== "Standard") return undefined;
  // A fixed number of pods needs no autoscaler, and an HPA would need the cluster's metrics server.
  if (fewestPods(mode, replicas) === replicas.max) return "none";
  return needsCounters(model) ? "keda" : undefined;
}

/** How many pods KServe (0.20) keeps of a predictor, and by what. */
export function predictorScaling(model: Scaled): PredictorScaling {
  const scaling = usualScaling(model);
  return { ...scaling, minReplicas: Math.max(scaling.minReplicas, model.keptPods ?? 0) };
}

function usualScaling(model: Scaled): PredictorScaling {
  const { mode, replicas } = model;
  const pods = { minReplicas: fewestPods(mode, replicas), maxReplicas: replicas.max };
  const target = metricOf(replicas.target);
  if (!target || pods.minReplicas === pods.maxReplicas) return pods;
  const { metric, value } = target;
  if (mode === "Knative" || metric === "cpu") return { ...pods, scaleMetric: metric, scaleTarget: value };
  const { counters } = model;
  // The config of today is checked before; a version that an earlier one declared is served as its row says.
  if (!counters) throw refused(about(model.name, refusal("model.target-without-prometheus", null, { metric })));
  return {
    ...pods,
    autoScaling: { metrics: [{ type: "External", external: external(metric, value, model, counters) }] },
  };
}

function external(
  metric: "concurrency" | "rps",
  value: number,
  { name, namespace, replicas }: Pick<Scaled, "name" | "namespace" | "replicas">,
  { url, authentication, ...namespaces }: GatewayCounters,
): ExternalMetric {
  const query = loadQuery(metric, { service: name, namespace, sleeps: replicas.min === 0, ...namespaces });
  return {
    metric: { backend: "prometheus", serverAddress: url, query },
    target: { type: "Value", value: String(value) },
    ...(authentication === undefined
      ? {}
      : { authenticationRef: { authModes: "bearer", authenticationRef: { name: authentication } } }),
  };
}
