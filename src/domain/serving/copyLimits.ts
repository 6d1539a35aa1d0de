import { idleTimeout } from "./idleConnections.ts";
import { modelLabels } from "./inferenceService.ts";
import { type MirroredRoute, shadowBackends } from "./mirroredRoute.ts";
import { hostOf, namespaceOfGateway, type RouteGateway } from "./route.ts";

/** What a gateway of Istio does for the copies of a mirrored route. */
export type CopyLimits = Pick<
  MirroredRoute,
  "name" | "namespace" | "model" | "kind" | "managedBy" | "gateway" | "shadows" | "sleeping"
>;

/** Whether a gateway is Istio's: by its API, or because its stack knows of a mesh. */
export function isIstioGateway({
  gateway,
  mesh,
}: {
  readonly gateway: Pick<RouteGateway, "api">;
  readonly mesh?: object | undefined;
}): boolean {
  return gateway.api !== "gateway-api" || mesh !== undefined;
}

/**
 * Of a copy that its shadow does not read, the gateway holds so many bytes; the original is passed on at its own pace until then. As much
 * as a recorder keeps of a body: longer ones are not compared.
 */
const heldBytes = 10 * 1024 * 1024;
/** A shadow that takes no byte for so long loses the copy. */
const stalledMs = 5_000;
/** Envoy's own limits of what is under way to one shadow, which Istio lifts. Copies beyond them are dropped. */
const atOnce = 1_024;

/** TCP_USER_TIMEOUT of Linux, level IPPROTO_TCP (https://man7.org/linux/man-pages/man7/tcp.7.html): also ends a connection whose peer has closed its window. */
const userTimeout = { level: 6, name: 18, int_value: stalledMs, state: "STATE_PREBIND" } as const;

/**
 * The EnvoyFilter (networking.istio.io/v1alpha3) by which a shadow that stops reading costs no original more than {@link stalledMs}, and none
 * with less than {@link heldBytes} anything: Envoy passes a body on at the pace of the slower side, once a buffer is full. It is in the
 * gateway's namespace.
 */
export function copyBuffersManifest(limits: CopyLimits) {
  const { name, namespace, gateway } = limits;
  return {
    apiVersion: "networking.istio.io/v1alpha3" as const,
    kind: "EnvoyFilter" as const,
    metadata: {
      name: `${namespace}-${name}-copies`,
      namespace: namespaceOfGateway(gateway, namespace),
      labels: modelLabels(limits),
    },
    spec: {
      configPatches: shadowBackends(limits).map((shadow) => ({
        applyTo: "CLUSTER" as const,
        match: { context: "GATEWAY" as const, cluster: { service: hostOf(shadow) } },
        patch: {
          operation: "MERGE" as const,
          value: {
            per_connection_buffer_limit_bytes: heldBytes,
            upstream_bind_config: { socket_options: [userTimeout] },
          },
        },
      })),
    },
  };
}

/**
 * The DestinationRules (networking.istio.io/v1), by name, that bound how many copies wait for a shadow: one that never answers would hold
 * more and more of the gateway, because a copy has no time-out either. Each is in the namespace of its Service: a gateway of another namespace
 * looks there.
 */
export function copyRulesManifests(limits: CopyLimits) {
  return shadowBackends(limits).map((shadow) => ({
    apiVersion: "networking.istio.io/v1" as const,
    kind: "DestinationRule" as const,
    metadata: { name: shadow.service, namespace: shadow.namespace, labels: modelLabels(limits) },
    spec: {
      host: hostOf(shadow),
      trafficPolicy: {
        connectionPool: {
          tcp: { maxConnections: atOnce },
          http: { http1MaxPendingRequests: atOnce, http2MaxRequests: atOnce, idleTimeout },
        },
      },
    },
  }));
}
