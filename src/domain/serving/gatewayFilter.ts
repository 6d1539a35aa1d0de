/** Patch of an EnvoyFilter (networking.istio.io/v1alpha3): gateways run the HTTP filter `value` as the last one before the router. */
export function gatewayFilter<T extends object>(value: T) {
  return {
    applyTo: "HTTP_FILTER" as const,
    match: {
      context: "GATEWAY" as const,
      listener: {
        filterChain: {
          filter: {
            name: "envoy.filters.network.http_connection_manager",
            subFilter: { name: "envoy.filters.http.router" },
          },
        },
      },
    },
    patch: { operation: "INSERT_BEFORE" as const, value },
  };
}
