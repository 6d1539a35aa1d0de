/**
 * Patch of an EnvoyFilter (networking.istio.io/v1alpha3): gateways send requests to pods as soon as they learn that these are ready. Since
 * Istio 1.31 they are told of pods before that, and Envoy takes a pod's readiness for one of the changes that it gathers for a second
 * (`update_merge_window`, https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/cluster.proto), so that a route could lead
 * to a Service without a ready pod: 503.
 */
export const readyAtOnce = {
  applyTo: "CLUSTER" as const,
  match: { context: "GATEWAY" as const },
  patch: { operation: "MERGE" as const, value: { common_lb_config: { update_merge_window: "0s" } } },
};
