import { isIPv4 } from "node:net";
import type { V1EndpointSlice, V1Service } from "@kubernetes/client-node";
import { addresses } from "./addresses.ts";
import { clusterIPsOf, slicesByService } from "./serviceEndpoints.ts";

/** Target of an SRV record. */
export interface ServiceTarget {
  readonly host: string;
  readonly port: number;
}

/** Every record of the cluster's domain, by lower-case name without the last dot. */
export interface DnsZone {
  /** Domain that this zone is the authority of, such as `cluster.local`. */
  readonly domain: string;
  readonly hosts: ReadonlyMap<string, readonly string[]>;
  readonly aliases: ReadonlyMap<string, string>;
  readonly targets: ReadonlyMap<string, readonly ServiceTarget[]>;
  /** Names by IPv4 address. */
  readonly reverse: ReadonlyMap<string, readonly string[]>;
  /** Names that exist without records of their own, such as a namespace: they answer "no data", not "no such name". */
  readonly parents: ReadonlySet<string>;
}

/**
 * The zone that Kubernetes' DNS specification 1.1.0 (https://github.com/kubernetes/dns/blob/master/docs/specification.md) derives
 * from Services and EndpointSlices. Endpoints without a hostname are named by their address with dashes, as CoreDNS does.
 */
export function buildDnsZone(
  services: Iterable<V1Service>,
  slices: Iterable<V1EndpointSlice>,
  domain: string = addresses.clusterDomain,
): DnsZone {
  const hosts = new Map<string, string[]>();
  const aliases = new Map<string, string>();
  const targets = new Map<string, ServiceTarget[]>();
  const reverse = new Map<string, string[]>();
  const parents = new Set<string>([domain, `svc.${domain}`, `pod.${domain}`]);
  const index = slicesByService(slices);

  function addHost(name: string, ip: string, reversible: boolean): void {
    push(hosts, name, ip);
    if (reversible) push(reverse, ip, name);
  }
  function addTarget(service: string, port: string | undefined, protocol: string | undefined, to: ServiceTarget): void {
    // Only named ports have SRV records.
    if (!port) return;
    const transport = `_${(protocol ?? "TCP").toLowerCase()}.${service}`;
    parents.add(transport);
    push(targets, `_${port.toLowerCase()}.${transport}`, to);
  }

  for (const service of services) {
    const namespace = service.metadata?.namespace ?? "";
    const name = `${service.metadata?.name ?? ""}.${namespace}.svc.${domain}`;
    parents.add(`${namespace}.svc.${domain}`);
    parents.add(name);
    if (service.spec?.type === "ExternalName") {
      const alias = service.spec.externalName?.toLowerCase().replace(/\.$/, "");
      // Some write an address here; a CNAME to one would resolve nowhere.
      if (alias && isIPv4(alias)) addHost(name, alias, false);
      else if (alias) aliases.set(name, alias);
      continue;
    }
    const clusterIPs = clusterIPsOf(service);
    for (const ip of clusterIPs) {
      addHost(name, ip, true);
      for (const { name: port, port: number, protocol } of service.spec?.ports ?? []) {
        addTarget(name, port, protocol, { host: name, port: number });
      }
    }
    const headless = clusterIPs.length === 0;
    for (const slice of index.get(`${namespace}/${service.metadata?.name ?? ""}`) ?? []) {
      for (const { addresses: ips, conditions, hostname } of slice.endpoints ?? []) {
        const ip = ips[0];
        if (!ip || conditions?.ready === false) continue;
        // Pods with a hostname have a name below their Service of either kind; PTR records only the headless.
        const label = hostname ?? (headless ? ip.replaceAll(".", "-") : undefined);
        if (label === undefined) continue;
        const host = `${label.toLowerCase()}.${name}`;
        addHost(host, ip, true);
        if (!headless) continue;
        addHost(name, ip, false);
        for (const { name: port, port: number, protocol } of slice.ports ?? []) {
          if (number !== undefined) addTarget(name, port, protocol, { host, port: number });
        }
      }
    }
  }
  return { domain, hosts, aliases, targets, reverse, parents };
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const known = map.get(key);
  if (!known) map.set(key, [value]);
  else if (!known.includes(value)) known.push(value);
}
