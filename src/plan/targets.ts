import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { shadowedModels } from "../config/shadowRules.ts";
import { metricOf, type Replicas, type ScaleMetric } from "../domain/serving/scaleTarget.ts";
import type { DeploymentMode } from "../domain/serving/servedModel.ts";

/** A model that an autoscaler gives more pods than its fewest in Standard mode, and what it goes by. */
export interface ScaledModel {
  readonly key: string;
  readonly metric: ScaleMetric;
  /** False where KServe chooses the metric. */
  readonly isChosen: boolean;
}

/** The models of a stack that something in the cluster has to measure. Knative measures those of its mode itself. */
export function scaledModels({ zoo, shadows }: Pick<EnvironmentSpec, "zoo" | "shadows">): ScaledModel[] {
  const noise = Object.entries(shadows).flatMap(([name, { noiseFloor, primary }]) =>
    noiseFloor ? [{ path: ["shadows", name, "primary"], model: primary, mode: "Standard" as const }] : [],
  );
  return [
    ...Object.entries(zoo)
      .filter(([, { phase }]) => phase !== "off")
      .map(([name, model]) => ({ path: ["zoo", name], model, mode: model.mode })),
    ...shadowedModels(shadows),
    ...noise,
  ].flatMap(({ path, model, mode }) => scaled(path, model.replicas, mode));
}

function scaled(path: readonly string[], { min, max, target }: Replicas, mode: DeploymentMode | undefined) {
  if (mode !== "Standard" || max <= Math.max(1, min)) return [];
  const chosen = metricOf(target);
  const metric = chosen?.metric ?? "cpu";
  const key = keyPath([...path, "replicas", ...(chosen ? ["target", metric] : [])]);
  return [{ key, metric, isChosen: chosen !== undefined }];
}
