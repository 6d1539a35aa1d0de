import { modelLabels } from "./inferenceService.ts";
import { type ModelRoute, servedPaths } from "./modelRoute.ts";
import { namespaceOfGateway } from "./route.ts";

/** What keeps the users of a divided model on one side, by a header of their requests. */
export interface StickyHeader
  extends Pick<ModelRoute, "name" | "namespace" | "model" | "kind" | "managedBy" | "gateway" | "paths"> {
  /** Name of the header, in lower case. */
  readonly header: string;
  /** Content of the new version: another one draws everybody anew. */
  readonly hash: string;
  /**
   * Every request of both versions is recorded, so that a judge may count users. It has a draw of its own, so that no user's side was known before a
   * recorder saw the first request: where recording begins later, or ends, everybody is drawn anew. @default some are not
   */
  readonly tellsUsers?: boolean | undefined;
}

/**
 * Name of the delegate's rule that draws by a header. Istio puts the name of the path's rule before it; a gateway has the routes of every
 * namespace.
 */
export function stickyRule({ namespace, name }: Pick<StickyHeader, "namespace" | "name">): string {
  return `by-header-${namespace}-${name}`;
}

/**
 * The EnvoyFilter (networking.istio.io/v1alpha3), in the gateway's namespace, by which the gateway chooses between a rule's weights by the hash
 * of a header instead of a random number (Envoy 1.36, `use_hash_policy` of
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-weightedcluster). It has no weight:
 * whoever changes these leaves it alone. Requests without the header are drawn by themselves.
 */
export function stickyHeaderManifest({ header, hash, tellsUsers, ...route }: StickyHeader) {
  const { name, namespace, model, gateway } = route;
  // Hashed with the value: of each rollout others are the first.
  const salt = `${namespace}/${model}/${hash}/${tellsUsers ? "users/" : ""}`;
  return {
    apiVersion: "networking.istio.io/v1alpha3" as const,
    kind: "EnvoyFilter" as const,
    metadata: {
      name: `${namespace}-${name}-by-header`,
      namespace: namespaceOfGateway(gateway, namespace),
      labels: modelLabels(route),
    },
    spec: {
      configPatches: servedPaths(route).map((path) => ({
        applyTo: "HTTP_ROUTE" as const,
        match: {
          context: "GATEWAY" as const,
          routeConfiguration: { vhost: { route: { name: `${path.name}-${stickyRule(route)}` } } },
        },
        patch: {
          operation: "MERGE" as const,
          value: {
            route: {
              weighted_clusters: { use_hash_policy: true },
              hash_policy: [
                {
                  header: {
                    header_name: header,
                    regex_rewrite: { pattern: { regex: "^(.*)$" }, substitution: `${salt}\\1` },
                  },
                },
              ],
            },
          },
        },
      })),
    },
  };
}
