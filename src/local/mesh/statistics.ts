import { endsCounter, inclusionRegexp, type StatsMatcher } from "../../domain/traffic/statistics.ts";

/** What MeshConfig tells proxies to keep besides: counts of requests are made from it, as in a cluster. */
export const proxyStatsMatcher = { inclusionRegexps: [inclusionRegexp] } satisfies StatsMatcher;

/** What Istio's proxies keep in any case, as its agent writes it into a gateway's bootstrap (Istio 1.31, `pkg/bootstrap/config.go`). */
const always: Required<StatsMatcher> = {
  inclusionPrefixes: ["reporter=", "cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "wasm"],
  inclusionSuffixes: ["rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied", "downstream_cx_active"],
  inclusionRegexps: [String.raw`vhost\..*\.route\..*`],
};

/** What this environment asks its gateway besides: whether requests are in flight, before it stops it, and what a person looks for. */
const own: StatsMatcher = { inclusionPrefixes: ["http.outbound_", "listener."] };

/**
 * Envoy's `stats_config`: which statistics it keeps, and what of their names are labels, both as of Istio's proxies.
 *
 * @param more - as `proxyStatsMatcher` of MeshConfig has it
 */
export function statisticsConfig(more: StatsMatcher) {
  const matchers: readonly StatsMatcher[] = [always, own, more];
  const all = (key: keyof StatsMatcher) => matchers.flatMap((matcher) => matcher[key] ?? []);
  return {
    use_all_default_tags: false,
    stats_tags: [
      { tag_name: "cluster_name", regex: String.raw`^cluster(\.(.+);)` },
      {
        tag_name: "http_conn_manager_prefix",
        regex: String.raw`^http\.(((?:[_.[:digit:]\w]*|[_\[\]aAbBcCdDeEfF[:digit:]\w\:]*));\.)`,
      },
      { tag_name: "response_code", regex: String.raw`_rq(_(\d{3}))$` },
      { tag_name: "response_code_class", regex: String.raw`_rq(_(\dxx))$` },
      {
        tag_name: "listener_address",
        regex: String.raw`^listener\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)`,
      },
    ],
    stats_matcher: {
      inclusion_list: {
        patterns: [
          ...all("inclusionPrefixes").map((prefix) => ({ prefix })),
          ...all("inclusionSuffixes").map((suffix) => ({ suffix })),
          ...all("inclusionRegexps").map((regex) => ({ safe_regex: { regex } })),
          { prefix: "component" },
          { prefix: "istio" },
        ],
      },
    },
  };
}

/**
 * Access log of an HttpConnectionManager that counts requests when they are over, as Istio's proxies do by a filter that Envoy's release
 * does not have (istio/proxy, `source/extensions/filters/http/istio_stats`): under the same name, with the labels that counts are made from.
 * A name that begins with `istio` is kept without a `proxyStatsMatcher`, there as here.
 */
export const endsLogger = {
  name: "envoy.access_loggers.stats",
  // istiod's build has no such type, and passes on what it does not know in this form only.
  typed_config: {
    "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
    type_url: "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config",
    value: {
      stats_scope: { prefix: "istiocustom" },
      counters: [
        {
          stat: {
            name: endsCounter,
            tags: [
              { name: "reporter", value_format: "source" },
              { name: "cluster_name", value_format: "%UPSTREAM_CLUSTER_RAW%" },
              { name: "response_code", value_format: "%RESPONSE_CODE%" },
              { name: "response_flags", value_format: "%RESPONSE_FLAGS%" },
            ],
          },
          value_fixed: 1,
        },
      ],
    },
  },
};
