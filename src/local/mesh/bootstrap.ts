import { embeddedGateway } from "../../domain/serving/embeddedGateway.ts";
import { statisticsPort } from "../../domain/traffic/statistics.ts";
import { addresses, ports } from "../network/addresses.ts";
import { proxyStatsMatcher, statisticsConfig } from "./statistics.ts";

/**
 * Envoy's bootstrap as a gateway of istiod, as Istio's agent writes it, without certificates. Listeners, routes, clusters and
 * endpoints come over one stream, so istiod decides their order.
 */
export function envoyBootstrap(adminSocket: string): object {
  const name = "gateway";
  const { namespace, labels, version } = embeddedGateway;
  const ads = { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" };
  return {
    node: {
      id: `router~${addresses.host}~${name}.${namespace}~${namespace}.svc.${addresses.clusterDomain}`,
      cluster: `${name}.${namespace}`,
      metadata: {
        NAME: name,
        NAMESPACE: namespace,
        SERVICE_ACCOUNT: name,
        LABELS: labels,
        INSTANCE_IPS: addresses.host,
        CLUSTER_ID: "Kubernetes",
        INTERCEPTION_MODE: "NONE",
        ISTIO_VERSION: version,
      },
    },
    admin: { address: { pipe: { path: adminSocket } } },
    stats_config: statisticsConfig(proxyStatsMatcher),
    layered_runtime: {
      layers: [
        {
          name: "istio",
          static_layer: {
            "re2.max_program_size.error_level": 32_768,
            "envoy.reloadable_features.http_reject_path_with_fragment": false,
            "envoy.reloadable_features.coalesce_lb_rebuilds_on_batch_update": false,
          },
        },
      ],
    },
    dynamic_resources: {
      lds_config: ads,
      cds_config: ads,
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
    },
    static_resources: { clusters: [istiod(), statistics(adminSocket)], listeners: [statisticsListener()] },
  };
}

const statisticsCluster = "prometheus_stats";

/** Envoy's own admin interface, of which {@link statisticsListener} shows a part. */
function statistics(adminSocket: string): object {
  const address = { pipe: { path: adminSocket } };
  return {
    name: statisticsCluster,
    type: "STATIC",
    connect_timeout: "0.25s",
    load_assignment: { cluster_name: statisticsCluster, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
  };
}

/** Answers `/stats/prometheus` in the cluster, as Istio's proxies do, and nothing else of the admin interface. */
function statisticsListener(): object {
  const filters = "type.googleapis.com/envoy.extensions.filters";
  const routes = [{ match: { prefix: "/stats/prometheus" }, route: { cluster: statisticsCluster } }];
  return {
    name: "statistics",
    address: { socket_address: { address: addresses.host, port_value: statisticsPort } },
    filter_chains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type": `${filters}.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: "stats",
              route_config: { virtual_hosts: [{ name: "statistics", domains: ["*"], routes }] },
              http_filters: [
                { name: "envoy.filters.http.router", typed_config: { "@type": `${filters}.http.router.v3.Router` } },
              ],
            },
          },
        ],
      },
    ],
  };
}

function istiod(): object {
  const address = { socket_address: { address: "127.0.0.1", port_value: ports.istiodXds } };
  return {
    name: "xds-grpc",
    type: "STATIC",
    connect_timeout: "1s",
    load_assignment: { cluster_name: "xds-grpc", endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    // Detects an istiod that has gone without closing the connection.
    upstream_connection_options: { tcp_keepalive: { keepalive_time: 300 } },
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  };
}
