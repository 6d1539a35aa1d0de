import * as z from "zod";

/** What an autoscaler keeps each pod at. */
export const scaleMetrics = ["concurrency", "rps", "cpu"] as const;
export type ScaleMetric = (typeof scaleMetrics)[number];

/**
 * Exactly one of them: requests that a pod answers at once, requests that a pod answers in a second, or the share of its CPU request that
 * a pod uses, in percent.
 */
export const scaleTargetSchema = z.strictObject({
  concurrency: z.number().optional(),
  rps: z.number().optional(),
  cpu: z.number().optional(),
});

export type ScaleTarget = Readonly<z.output<typeof scaleTargetSchema>>;

/** How many pods serve a model. */
export interface Replicas {
  /** 0 for one that may sleep. */
  readonly min: number;
  readonly max: number;
  /**
   * What decides between the two.
   * @default KServe's choice: 80 % of the CPU request in Standard mode, Knative's own target in Knative mode
   */
  readonly target?: ScaleTarget | undefined;
  /**
   * Minutes without a request after which one that may sleep does.
   * @default Knative's own time in Knative mode; always given in Standard mode
   */
  readonly idleMinutes?: number | undefined;
}

/** Minutes without a request after which a model in Standard mode sleeps, where the config does not say. */
export const usualIdleMinutes = 15;

/** The metric of a target and its value; undefined for one that names none. */
export function metricOf(
  target: ScaleTarget | undefined,
): { readonly metric: ScaleMetric; readonly value: number } | undefined {
  for (const metric of scaleMetrics) {
    const value = target?.[metric];
    if (value !== undefined) return { metric, value };
  }
  return undefined;
}

/**
 * Whether only the gateway's counters tell the metric: KServe has KEDA ask a Prometheus for it. Knative counts the requests itself.
 */
export function needsCounters({ mode, replicas }: { readonly mode: string; readonly replicas: Replicas }): boolean {
  const { metric } = metricOf(replicas.target) ?? {};
  return mode === "Standard" && (metric === "concurrency" || metric === "rps");
}

/** Pods that a model has at least. In Standard mode a sleeping model is stopped as a whole, and its autoscaler knows one to `max`. */
export function fewestPods(mode: string, { min }: Pick<Replicas, "min">): number {
  return mode === "Standard" ? Math.max(1, min) : min;
}
