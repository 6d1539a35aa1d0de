import { frontPorts } from "../serving/activator.ts";
import type { ScaleMetric } from "../serving/scaleTarget.ts";

/** A version as the counters of the gateway and of the API service name it. */
export interface CountedService {
  /** Name of its InferenceService, without what the engine adds. */
  readonly service: string;
  /** The models' namespace. */
  readonly namespace: string;
  /**
   * Namespace of the API service's pods, which Prometheus puts on what it scrapes of them, and of the Services by which requests for models
   * that sleep come to them.
   */
  readonly servicesNamespace: string;
  /** Namespace of the gateway's pods, which Prometheus puts on what it scrapes of them. */
  readonly gatewayNamespace: string;
  /** Whether it may sleep: copies come to it by a port of their own then. @default false */
  readonly sleeps?: boolean;
}

/** Metrics of the API service about predictions that it sends to versions itself, past the gateway. */
export const sentByApi = {
  /** Of all versions together: a pod of the service always has it. */
  inFlight: "menagerie_api_predictions_in_flight",
  /** By version: those that are over, and those that are not. */
  ofVersion: { rps: "menagerie_api_version_requests_total", concurrency: "menagerie_api_version_requests_in_flight" },
  /** Label with the name of the version's InferenceService. Prometheus' own labels of what it scrapes have other names. */
  label: "inference_service",
} as const;

/** Requests of the last two minutes, so that one scrape a minute is enough, and what is in flight on average over one. */
const measured = {
  rps: {
    gateway: "envoy_cluster_upstream_rq_completed",
    load: (selector: string) => `sum(rate(${selector}[2m]))`,
  },
  concurrency: {
    gateway: "envoy_cluster_upstream_rq_active",
    load: (selector: string) => `sum(avg_over_time(${selector}[1m]))`,
  },
} as const;

/**
 * What KEDA asks Prometheus (PromQL) about a version's load: requests a second, or requests in flight, of all gateway pods and all pods of
 * the API service together. A request is counted once: the gateway counts what it sends to the version, or to the Service by which it wakes;
 * the API service counts what it sends to the version as the answer to an app.
 *
 * Neither may have counters of a version that nobody has asked yet: the load is zero if it has those of others. Where one of the two has no
 * counters at all, the answer has two elements, which KEDA takes for an error (2.18, `prometheus_scaler.go`): pods stay as many as they
 * are. An empty answer would be zero to it.
 */
export function loadQuery(
  metric: Exclude<ScaleMetric, "cpu">,
  { service, namespace, servicesNamespace, gatewayNamespace, sleeps = false }: CountedService,
): string {
  const { gateway, load } = measured[metric];
  // The engine adds a part of its own to names, and a recorder comes and goes. PromQL matches the whole value.
  const name = `${service}(-[0-9a-f]{8})?`;
  const host = `${name}-((predictor|transformer)[.]${namespace}|activator[.]${servicesNamespace})[.]svc[.].+`;
  // Versions that never sleep keep the query that they have: another one is another revision, and new pods.
  const port = sleeps ? `(${frontPorts.requests}|${frontPorts.copies})` : "80";
  const ofGateway = `namespace="${gatewayNamespace}"`;
  const ofApi = `namespace="${servicesNamespace}"`;
  const loadOf = (own: string, all: string) => `(${load(own)} or on() (0 * sum(${all}) unless on() ${own}))`;
  const byGateway = loadOf(
    `${gateway}{${ofGateway},cluster_name=~"outbound[|]${port}[|][^|]*[|]${host}"}`,
    `${gateway}{${ofGateway}}`,
  );
  const byApi = loadOf(
    `${sentByApi.ofVersion[metric]}{${ofApi},${sentByApi.label}=~"${name}"}`,
    `${sentByApi.inFlight}{${ofApi}}`,
  );
  const unknown = `label_replace(vector(0), "counters", "missing", "", "") or vector(0)`;
  return `${byGateway} + ${byApi} or on() (${unknown})`;
}
