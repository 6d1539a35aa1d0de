import type { KubeConfig } from "@kubernetes/client-node";
import { load } from "js-yaml";
import * as z from "zod";
import { organizationHeader } from "../../domain/access/organizationHeader.ts";
import { claimHeader } from "../../domain/limits/claim.ts";
import type { StatsMatcher } from "../../domain/traffic/statistics.ts";
import { requestJson } from "./request.ts";

/** How long the API server may take, in milliseconds. */
const patience = 10_000;

/** Where istiod reads its mesh's configuration: the namespace that it is installed in. */
const istioNamespace = "istio-system";

/** What a MeshConfig of Istio says about keys and identities. */
export interface MeshConfig {
  /** Names of its extension providers. */
  readonly providers: readonly string[];
  /** Names of those that pass on what recorders need to report tokens. @default none */
  readonly claimProviders?: readonly string[] | undefined;
  /** Names of those that pass on whose a request is. @default none */
  readonly organizationProviders?: readonly string[] | undefined;
  /** Domains that its identities are known by: its own and the aliases. */
  readonly trustDomains: readonly string[];
  /** Statistics that proxies keep besides Istio's few. @default none */
  readonly statsMatcher?: StatsMatcher | undefined;
}

/**
 * Whether a pattern of `headersToUpstreamOnAllow` names a header: as Istio reads it (1.31, `generateHeaders` of `extauthz.go`), which is a
 * name, the end of one behind a star, or the beginning of one before a star, in upper or lower case.
 */
function includes(pattern: string, header: string): boolean {
  const text = pattern.toLowerCase();
  if (text.startsWith("*")) return header.endsWith(text.slice(1));
  if (text.endsWith("*")) return header.startsWith(text.slice(0, -1));
  return text === header;
}

const configMaps = z.object({
  items: z.array(z.object({ data: z.object({ mesh: z.string().optional() }).nullish() })),
});

const patterns = z.array(z.string()).optional();

/** The part of a ProxyConfig about statistics, which annotation `proxy.istio.io/config` of a pod may also hold. */
export const proxyConfig = z.object({
  proxyStatsMatcher: z
    .object({ inclusionPrefixes: patterns, inclusionSuffixes: patterns, inclusionRegexps: patterns })
    .optional(),
});

const meshConfig = z.object({
  extensionProviders: z
    .array(
      z.object({
        name: z.string(),
        envoyExtAuthzHttp: z.object({ headersToUpstreamOnAllow: z.array(z.string()).default([]) }).optional(),
      }),
    )
    .default([]),
  // Istio's own default.
  trustDomain: z.string().default("cluster.local"),
  trustDomainAliases: z.array(z.string()).default([]),
  defaultConfig: proxyConfig.default({}),
});

/** How many pods of a namespace carry all these labels. */
export async function countPods(
  config: KubeConfig,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Promise<number> {
  const labelSelector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  const signal = AbortSignal.timeout(patience);
  const { items } = await requestJson<{ items: unknown[] }>(config, "GET", path, { query: { labelSelector }, signal });
  return items.length;
}

const istiodPods = z.object({
  items: z.array(z.object({ spec: z.object({ containers: z.array(z.object({ image: z.string() })) }) })),
});

/** Versions of the cluster's control planes, as the images of their pods are tagged, such as `1.31.0-distroless`; other tags are left out. */
export async function readIstioVersions(config: KubeConfig): Promise<string[]> {
  const path = `/api/v1/namespaces/${istioNamespace}/pods`;
  const query = { labelSelector: "app=istiod" };
  const { items } = istiodPods.parse(
    await requestJson(config, "GET", path, { query, signal: AbortSignal.timeout(patience) }),
  );
  const tags = items.flatMap(({ spec }) =>
    spec.containers.map(({ image }) => /:(\d+\.\d+\.[^:@/]+)(?:@|$)/.exec(image)?.[1]),
  );
  return [...new Set(tags.filter((tag) => tag !== undefined))];
}

/**
 * Every MeshConfig of the cluster: ConfigMap `istio`, `istio-<revision>` for each revision, and what is shared among them
 * (key `mesh` of each). Empty where Istio is installed somewhere else.
 */
export async function readMeshConfigs(config: KubeConfig): Promise<MeshConfig[]> {
  const path = `/api/v1/namespaces/${istioNamespace}/configmaps`;
  const { items } = configMaps.parse(await requestJson(config, "GET", path, { signal: AbortSignal.timeout(patience) }));
  return items.flatMap(({ data }) => {
    if (data?.mesh === undefined) return [];
    const { extensionProviders, trustDomain, trustDomainAliases, defaultConfig } = meshConfig.parse(
      load(data.mesh || "{}") ?? {},
    );
    const passing = (header: string) =>
      extensionProviders
        .filter(({ envoyExtAuthzHttp: http }) => http?.headersToUpstreamOnAllow.some((each) => includes(each, header)))
        .map(({ name }) => name);
    return [
      {
        providers: extensionProviders.map(({ name }) => name),
        claimProviders: passing(claimHeader),
        organizationProviders: passing(organizationHeader),
        trustDomains: [trustDomain, ...trustDomainAliases],
        statsMatcher: defaultConfig.proxyStatsMatcher,
      },
    ];
  });
}
