/** What a rollout is judged by. Shares are 0 to 1. */
export interface JudgeSettings {
  /** Probability that a rollout within all margins is ever marked bad, from its first request to `done`. @default 0.01 */
  readonly risk: number;
  /** By how much more of its requests the new version may fail than the old one. @default 0.01 */
  readonly maxErrorIncrease: number;
  /** Share of the new version's requests that may fail, for `control: 0`, where nothing is compared. @default not judged */
  readonly maxErrors?: number | undefined;
  /** By how many times each quantile of the new version may be slower. @default not judged */
  readonly maxLatencyRatio?: Readonly<Partial<Record<LatencyQuantile, number | undefined>>> | undefined;
  /** Share of pairs that may differ. @default not judged */
  readonly maxMismatch?: number | undefined;
  /** Requests, or pairs, of each side before anything is good. @default 100 */
  readonly minRequests: number;
  /** Users are drawn, not requests: what counts is each one's first request, and the share of a user's requests that fail. @default requests are */
  readonly users?: boolean | undefined;
  /**
   * Requests are drawn, and recorders store every one with how it was drawn: errors inside streams are judged too, and latency by what recorders
   * measured. @default gateways alone tell of requests that are drawn
   */
  readonly recorded?: boolean | undefined;
  /** Share of requests that the old version answers too while the new one answers all, in percent; 0 is none. @default 5 */
  readonly control: number;
}

export const latencyQuantiles = { p50: 0.5, p95: 0.95 } as const;
export type LatencyQuantile = keyof typeof latencyQuantiles;

export type Metric = "errors" | "users" | "streams" | "maxErrors" | "mismatch" | LatencyQuantile;

/** The metrics that share the risk, see {@link riskShareOf}. Without a control only the fixed limit of errors is left. */
export function metricsOf({
  control,
  maxErrors,
  maxLatencyRatio = {},
  maxMismatch,
  users,
  recorded,
}: JudgeSettings): readonly Metric[] {
  if (control === 0) return maxErrors === undefined ? [] : ["maxErrors"];
  return [
    "errors",
    ...(users ? ["users" as const] : []),
    ...(recorded ? ["streams" as const] : []),
    ...(maxMismatch === undefined ? [] : ["mismatch" as const]),
    ...(["p50", "p95"] as const).filter((quantile) => maxLatencyRatio[quantile] !== undefined),
  ];
}

/** What of the share of errors is for those that recorders alone can tell: as much as leaves ten pairs enough for a version that fails every request. */
const shareOfStreams = 0.1;

/**
 * Part of a judgement's risk that a metric may take: as much for each, but that `streams` is a second look at what `errors` claims, and has a part of its
 * share. Together they are at most 1 (union bound).
 */
export function riskShareOf(metric: Metric, settings: JudgeSettings): number {
  const metrics = metricsOf(settings);
  const isTwice = metrics.includes("streams");
  const each = 1 / (isTwice ? metrics.length - 1 : metrics.length);
  if (metric === "streams") return each * shareOfStreams;
  return metric === "errors" && isTwice ? each * (1 - shareOfStreams) : each;
}
