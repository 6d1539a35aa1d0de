import { isIPv4 } from "node:net";
import type { V1EndpointSlice, V1Service } from "@kubernetes/client-node";

/** Where one connection can go. */
export interface Endpoint {
  /** IPv4 address. */
  readonly address: string;
  readonly port: number;
}

/** One ClusterIP and TCP port, with the endpoints that connections to it may take. */
export interface ServicePort {
  readonly clusterIP: string;
  readonly port: number;
  /** `namespace/name` of the Service, for messages. */
  readonly service: string;
  readonly endpoints: readonly Endpoint[];
  /** Seconds that a client stays with its endpoint (sessionAffinity ClientIP); absent without affinity. */
  readonly affinitySeconds?: number;
}

/** EndpointSlices by `namespace/name` of the Service they belong to. */
export function slicesByService(slices: Iterable<V1EndpointSlice>): Map<string, V1EndpointSlice[]> {
  const index = new Map<string, V1EndpointSlice[]>();
  for (const slice of slices) {
    const service = slice.metadata?.labels?.["kubernetes.io/service-name"];
    if (!service || slice.addressType !== "IPv4") continue;
    const key = `${slice.metadata?.namespace ?? ""}/${service}`;
    const known = index.get(key);
    if (known) known.push(slice);
    else index.set(key, [slice]);
  }
  return index;
}

/** The IPv4 ClusterIPs of a Service: none for headless and ExternalName ones. */
export function clusterIPsOf(service: V1Service): string[] {
  if (service.spec?.type === "ExternalName") return [];
  const all = service.spec?.clusterIPs ?? (service.spec?.clusterIP ? [service.spec.clusterIP] : []);
  return all.filter((ip) => isIPv4(ip));
}

/**
 * What a Service proxy has to listen on, by `ip:port`: every TCP port of every Service that has a ClusterIP. Endpoints
 * are the ready ones; where none is, those that terminate but still serve (KEP-1669), as kube-proxy does.
 * `publishNotReadyAddresses` needs nothing here, because the EndpointSlice controller then reports all as ready.
 */
export function servicePorts(
  services: Iterable<V1Service>,
  slices: Iterable<V1EndpointSlice>,
): Map<string, ServicePort> {
  const index = slicesByService(slices);
  const result = new Map<string, ServicePort>();
  for (const service of services) {
    const name = `${service.metadata?.namespace ?? ""}/${service.metadata?.name ?? ""}`;
    const affinitySeconds =
      service.spec?.sessionAffinity === "ClientIP"
        ? (service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800)
        : undefined;
    for (const clusterIP of clusterIPsOf(service)) {
      for (const { name: portName, port, protocol } of service.spec?.ports ?? []) {
        if ((protocol ?? "TCP") !== "TCP") continue;
        result.set(`${clusterIP}:${port}`, {
          clusterIP,
          port,
          service: name,
          endpoints: endpointsOf(index.get(name) ?? [], portName ?? ""),
          ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
        });
      }
    }
  }
  return result;
}

/** Endpoints of one port, by the name that Service and EndpointSlice share (empty for an only port). */
function endpointsOf(slices: readonly V1EndpointSlice[], portName: string): Endpoint[] {
  const ready = new Map<string, Endpoint>();
  const serving = new Map<string, Endpoint>();
  for (const slice of slices) {
    for (const { name, port, protocol } of slice.ports ?? []) {
      if ((name ?? "") !== portName || (protocol ?? "TCP") !== "TCP" || port === undefined) continue;
      for (const { addresses, conditions } of slice.endpoints ?? []) {
        // The API says to take only the first address: all of one endpoint are interchangeable.
        const address = addresses[0];
        if (!address) continue;
        const endpoint = { address, port };
        if (conditions?.ready !== false) ready.set(`${address}:${port}`, endpoint);
        else if (conditions.serving && conditions.terminating) serving.set(`${address}:${port}`, endpoint);
      }
    }
  }
  return [...(ready.size > 0 ? ready : serving).values()];
}
