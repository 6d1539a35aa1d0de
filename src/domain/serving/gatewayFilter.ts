/** Patch of an EnvoyFilter (networking.istio.io/v1alpha3): gateways run the HTTP filter `value` as the last one before the router. */
export function gatewayFilter<T extends object>(value: T) {
  return {
    applyTo: "HTTP_FILTER" as const,
    match: matchOf({ ...connectionManager, subFilter: { name: "envoy.filters.http.router" } }),
    patch: { operation: "INSERT_BEFORE" as const, value },
  };
}

/** As {@link gatewayFilter}, before all others, such as those that ask for keys. */
export function firstGatewayFilter<T extends object>(value: T) {
  return {
    applyTo: "HTTP_FILTER" as const,
    match: matchOf(connectionManager),
    patch: { operation: "INSERT_FIRST" as const, value },
  };
}

/** An HTTP filter for {@link gatewayFilter} that is a script: Lua with `envoy_on_request(handle)`, which Envoy runs for each request. */
export function luaFilter(name: string, script: string) {
  return {
    name,
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
      default_source_code: { inline_string: script },
    },
  };
}

const connectionManager = { name: "envoy.filters.network.http_connection_manager" };

function matchOf<T extends object>(filter: T) {
  return { context: "GATEWAY" as const, listener: { filterChain: { filter } } };
}
