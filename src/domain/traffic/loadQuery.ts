import type { ScaleMetric } from "../serving/scaleTarget.ts";

/** A version as the gateway's counters name it. */
export interface CountedService {
  /** Name of its InferenceService, without what the engine adds. */
  readonly service: string;
  /** The models' namespace. */
  readonly namespace: string;
  /** Namespace of the Services by which requests for models that sleep come to the API service. */
  readonly servicesNamespace: string;
  /** Namespace of the gateway's pods, which Prometheus puts on what it scrapes of them. */
  readonly gatewayNamespace: string;
}

/** Requests of the last two minutes, so that one scrape a minute is enough, and what is in flight on average over one. */
const measured = {
  rps: {
    series: "envoy_cluster_upstream_rq_completed",
    load: (selector: string) => `sum(rate(${selector}[2m]))`,
  },
  concurrency: {
    series: "envoy_cluster_upstream_rq_active",
    load: (selector: string) => `sum(avg_over_time(${selector}[1m]))`,
  },
} as const;

/**
 * What KEDA asks Prometheus (PromQL) about a version's load: requests a second, or requests in flight, of all gateway pods together.
 * Envoy may have no counters of a destination that nobody has asked yet: the load is zero if it has those of others. Where there are no
 * counters at all, the answer has two elements, which KEDA takes for an error (2.18, `prometheus_scaler.go`): pods stay as many as they
 * are. An empty answer would be zero to it.
 */
export function loadQuery(
  metric: Exclude<ScaleMetric, "cpu">,
  { service, namespace, servicesNamespace, gatewayNamespace }: CountedService,
): string {
  const { series, load } = measured[metric];
  const gateway = `namespace="${gatewayNamespace}"`;
  // The engine adds a part of its own to names, and a recorder comes and goes. PromQL matches the whole value.
  const host = `${service}(-[0-9a-f]{8})?-((predictor|transformer)[.]${namespace}|activator[.]${servicesNamespace})[.]svc[.].+`;
  const own = `${series}{${gateway},cluster_name=~"outbound[|]80[|][^|]*[|]${host}"}`;
  const unasked = `0 * sum(${series}{${gateway}}) unless on() ${own}`;
  const unknown = `label_replace(vector(0), "counters", "missing", "", "") or vector(0)`;
  return `${load(own)} or on() (${unasked}) or on() (${unknown})`;
}
