import type { KubeConfig, V1EndpointSlice, V1Service } from "@kubernetes/client-node";
import { reflect } from "../../adapters/kubernetes/reflector.ts";
import { messageOf } from "../../domain/errors.ts";
import { addresses } from "./addresses.ts";
import { answerQuery } from "./dnsAnswer.ts";
import { startDnsServer } from "./dnsServer.ts";
import { buildDnsZone, type DnsZone } from "./dnsZone.ts";
import { servicePorts } from "./serviceEndpoints.ts";
import { startServiceProxy } from "./serviceProxy.ts";

export interface ClusterNetworkOptions {
  /** Identity that may list and watch Services and EndpointSlices. */
  readonly config: KubeConfig;
  readonly log: (line: string) => void;
  /** Where DNS listens. @default 10.96.0.10:53 */
  readonly dns?: { readonly host: string; readonly port: number };
  /** Milliseconds that changes are gathered before listeners and names follow. @default 10 */
  readonly debounce?: number;
}

export interface ClusterNetwork {
  /** Resolves when Services and EndpointSlices have been listed and what they ask for is served. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** Service proxy and cluster DNS, which follow the API server. DNS answers (SERVFAIL) from the start. */
export async function startClusterNetwork(options: ClusterNetworkOptions): Promise<ClusterNetwork> {
  const { config, log, dns = { host: addresses.dns, port: 53 }, debounce = 10 } = options;
  const abort = new AbortController();
  let services: ReadonlyMap<string, V1Service> | undefined;
  let slices: ReadonlyMap<string, V1EndpointSlice> | undefined;
  let zone: DnsZone | undefined;
  let scheduled: NodeJS.Timeout | undefined;
  let announceReady = (): void => {};
  const ready = new Promise<void>((resolve) => {
    announceReady = resolve;
  });

  const server = await startDnsServer({ ...dns, answer: (query) => answerQuery(query, zone) });
  const proxy = startServiceProxy({ onProblem: log });

  function converge(): void {
    scheduled = undefined;
    if (!services || !slices) return;
    const wanted = servicePorts(services.values(), slices.values());
    // DNS has servers of its own there.
    wanted.delete(`${addresses.dns}:53`);
    proxy.update(wanted);
    zone = buildDnsZone(services.values(), slices.values());
    proxy.untilOpened().then(announceReady, () => {});
  }
  function changed(): void {
    scheduled ??= setTimeout(converge, debounce);
  }
  const follow = { config, signal: abort.signal };
  void reflect<V1Service>({
    ...follow,
    path: "/api/v1/services",
    onChange: (objects) => {
      services = objects;
      changed();
    },
    onError: (error) => log(`cannot watch Services: ${messageOf(error)}`),
  });
  void reflect<V1EndpointSlice>({
    ...follow,
    path: "/apis/discovery.k8s.io/v1/endpointslices",
    onChange: (objects) => {
      slices = objects;
      changed();
    },
    onError: (error) => log(`cannot watch EndpointSlices: ${messageOf(error)}`),
  });

  return {
    ready,
    async close() {
      abort.abort();
      clearTimeout(scheduled);
      await Promise.all([server.close(), proxy.close()]);
    },
  };
}
