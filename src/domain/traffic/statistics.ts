/** Port of Istio's proxies that answers `/stats/prometheus` to anybody in the cluster. */
export const statisticsPort = 15_090;

/**
 * Counter of requests when they are over, by destination, status and response flags, that Istio's proxies keep unless a Telemetry says
 * otherwise (https://istio.io/latest/docs/reference/config/metrics/). One name of it is all that Envoy's `filter` needs.
 */
export const endsCounter = "istio_requests_total";

const always = String.raw`^server\.uptime$|\b${endsCounter}\b`;

/**
 * Statistics of Envoy that counts are made from, as its `filter` takes them: answers by status of each destination, those that Envoy gave
 * itself among them, one for each request however often it was tried; whether the process is still the same one
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats); and how requests ended.
 */
export const countersFilter = String.raw`^cluster\.outbound\|[^;]*;?\.upstream_rq_(\d\d\d|completed)$|${always}`;
/** The same, with durations: Envoy brings these up to date every 5 s only. */
export const durationsFilter = String.raw`^cluster\.outbound\|[^;]*;?\.upstream_rq_(\d\d\d|completed|time)$|${always}`;
/** Is there from the start, also of a destination that nobody asked: whether Envoy keeps these statistics at all. */
export const presenceFilter = String.raw`^cluster\.outbound\|[^;]*;?\.upstream_rq_completed$`;

/** What Istio's gateways are to keep besides what they keep by default; it must match whole names. */
export const inclusionRegexp = String.raw`cluster\.outbound\|[^;]*;?\.upstream_rq_(\d\d\d|completed|time|active)`;

/** Which statistics a proxy of Istio keeps (https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig-ProxyStatsMatcher). */
export interface StatsMatcher {
  readonly inclusionPrefixes?: readonly string[] | undefined;
  readonly inclusionSuffixes?: readonly string[] | undefined;
  readonly inclusionRegexps?: readonly string[] | undefined;
}

const counters = ["200", "404", "503", "completed", "time"];

/**
 * Whether a matcher keeps the statistics `upstream_rq_<end>` of destinations. Regular expressions that JavaScript does not know match
 * nothing.
 *
 * @param ends - @default everything that counts are made from
 */
export function keepsCounters(
  { inclusionPrefixes = [], inclusionSuffixes = [], inclusionRegexps = [] }: StatsMatcher,
  ends: readonly string[] = counters,
): boolean {
  const needed = ends.map((end) => `cluster.outbound|80||iris-predictor.models.svc.cluster.local;.upstream_rq_${end}`);
  const expressions = inclusionRegexps.flatMap((text) => {
    try {
      return [new RegExp(`^(?:${text})$`)];
    } catch {
      return [];
    }
  });
  return needed.every(
    (name) =>
      inclusionPrefixes.some((prefix) => name.startsWith(prefix)) ||
      inclusionSuffixes.some((suffix) => name.endsWith(suffix)) ||
      expressions.some((expression) => expression.test(name)),
  );
}
