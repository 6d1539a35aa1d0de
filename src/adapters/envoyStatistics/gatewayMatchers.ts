import type { KubeConfig } from "@kubernetes/client-node";
import { load } from "js-yaml";
import type { StatsMatcher } from "../../domain/traffic/statistics.ts";
import { proxyConfig } from "../kubernetes/mesh.ts";
import { findGatewayPods, type GatewayOfStack } from "./gateways.ts";

/** What each of a gateway's pods says itself of the statistics that it keeps; nothing where MeshConfig decides. */
export async function readGatewayMatchers(config: KubeConfig, gateway: GatewayOfStack): Promise<StatsMatcher[]> {
  const pods = await findGatewayPods(config, gateway);
  return pods.map(({ annotations }) => matcherOf(annotations));
}

const listed = (text: string | undefined) => (text ? text.split(",") : undefined);

/** Annotations of one kind win over the ProxyConfig in `proxy.istio.io/config` (Istio 1.31, `pkg/bootstrap/config.go`). */
export function matcherOf(annotations: Readonly<Record<string, string>>): StatsMatcher {
  const own = proxyConfig.safeParse(load(annotations["proxy.istio.io/config"] || "{}") ?? {});
  const matcher = own.success ? own.data.proxyStatsMatcher : undefined;
  return {
    inclusionPrefixes: listed(annotations["sidecar.istio.io/statsInclusionPrefixes"]) ?? matcher?.inclusionPrefixes,
    inclusionSuffixes: listed(annotations["sidecar.istio.io/statsInclusionSuffixes"]) ?? matcher?.inclusionSuffixes,
    inclusionRegexps: listed(annotations["sidecar.istio.io/statsInclusionRegexps"]) ?? matcher?.inclusionRegexps,
  };
}
