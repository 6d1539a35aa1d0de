import type { KubeConfig } from "@kubernetes/client-node";
import type { ServedState } from "../../domain/console/cards.ts";
import { modelStateOf } from "../../domain/serving/modelState.ts";
import type { ObservedInferenceService } from "../../domain/serving/observed.ts";
import { annotations, labels } from "../../domain/serving/servedModel.ts";
import type { Served } from "../../domain/serving/standing.ts";
import { observeStandings } from "./observeServed.ts";
import { readIfThere } from "./request.ts";

/** How long a model may start before it counts as down, where only its stack knows better. Seconds. */
const usualTimeout = 600;
const modeAnnotation = "serving.kserve.io/deploymentMode";

/** How each InferenceService of Menagerie's in a namespace stands, without the stack's state: by what the cluster holds alone. */
export async function readServedStates(
  config: KubeConfig,
  namespace: string,
  signal: AbortSignal,
): Promise<ServedState[]> {
  const path = `/apis/serving.kserve.io/v1beta1/namespaces/${encodeURIComponent(namespace)}/inferenceservices`;
  const found = await readIfThere<{ items: readonly ObservedInferenceService[] }>(config, path, {
    signal,
    query: { labelSelector: labels.kind },
  });
  const services = found?.items ?? [];
  const standings = await observeStandings(
    config,
    services.flatMap((each) => servedBy(each, namespace)),
    signal,
  );
  return services.flatMap(({ metadata }) => {
    const service = metadata?.name;
    const kind = kinds.find((each) => each === metadata?.labels?.[labels.kind]);
    if (service === undefined || kind === undefined) return [];
    const model = metadata?.labels?.[labels.model] ?? service;
    const hash = metadata?.annotations?.[annotations.trussHash] ?? null;
    return [{ model, kind, service, hash, ...modelStateOf(standings, namespace, service) }];
  });
}

const kinds = ["zoo", "development", "shadow"] as const;

function servedBy({ metadata, spec }: ObservedInferenceService, namespace: string): Served[] {
  const object = metadata?.name;
  if (object === undefined) return [];
  const components = spec?.transformer ? (["predictor", "transformer"] as const) : (["predictor"] as const);
  return components.map((component) => ({
    kind: "model",
    name: object,
    object,
    namespace,
    component,
    timeoutSeconds: usualTimeout,
    pool: metadata?.labels?.[labels.pool] ?? "",
    mode: metadata?.annotations?.[modeAnnotation] === "Knative" ? "Knative" : "Standard",
  }));
}
