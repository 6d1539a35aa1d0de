import { platformMetadata } from "./platformMetadata.ts";

/**
 * How long a gateway keeps a connection on which nothing is under way. A truss's server (uvicorn) ends one after 5 s, our own after 75 s, and Envoy
 * keeps it for an hour: a request that it sends just then is answered 503 (`UC`), and nobody may send a prediction again. A stream is under way
 * until its end, so none is cut off, however long it is silent.
 */
export const idleTimeout = "4s";

/**
 * The DestinationRule (networking.istio.io/v1) by which gateways end idle connections to a namespace's Services before their pods do. One
 * rule holds for a host, that which names it most closely: a rule of a Service's own has to say {@link idleTimeout} itself.
 */
export function idleConnectionsManifest(namespace: string) {
  return {
    apiVersion: "networking.istio.io/v1" as const,
    kind: "DestinationRule" as const,
    metadata: platformMetadata("idle-connections", namespace),
    spec: {
      host: `*.${namespace}.svc.cluster.local`,
      trafficPolicy: { connectionPool: { http: { idleTimeout } } },
    },
  };
}
