import type { KubeConfig } from "@kubernetes/client-node";
import { gatewayNameLabel } from "../../domain/serving/route.ts";
import { requestJson } from "../kubernetes/request.ts";

/** A pod of the gateway. */
export interface GatewayPod {
  /** `<namespace>/<pod>`. */
  readonly name: string;
  /** Name of the pod alone. */
  readonly pod: string;
  readonly address: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Which pods a stack's gateway is. */
export interface GatewayOfStack {
  readonly namespace: string;
  /** Of the Gateway. */
  readonly name: string;
  readonly api: "istio" | "gateway-api";
}

interface PodList {
  readonly items: readonly {
    readonly metadata?: { readonly name?: string; readonly annotations?: Readonly<Record<string, string>> };
    readonly status?: {
      readonly phase?: string;
      readonly podIP?: string;
    };
  }[];
}

const patience = 5_000;

/** The pods that answer for a gateway: those that the Gateway's selector names, or that Istio runs for it. */
export async function findGatewayPods(config: KubeConfig, gateway: GatewayOfStack): Promise<GatewayPod[]> {
  const labels = gateway.api === "istio" ? await selectorOf(config, gateway) : { [gatewayNameLabel]: gateway.name };
  const items = await podsWith(config, gateway.namespace, labels);
  return items.flatMap(({ metadata, status }): GatewayPod[] => {
    const { podIP, phase } = status ?? {};
    if (metadata?.name === undefined || podIP === undefined || phase !== "Running") return [];
    const { name: pod, annotations = {} } = metadata;
    return [{ name: `${gateway.namespace}/${pod}`, pod, address: podIP, annotations }];
  });
}

async function selectorOf(config: KubeConfig, { namespace, name }: GatewayOfStack): Promise<Record<string, string>> {
  const path = `/apis/networking.istio.io/v1/namespaces/${encodeURIComponent(namespace)}/gateways/${encodeURIComponent(name)}`;
  const signal = AbortSignal.timeout(patience);
  const found = await requestJson<{ spec?: { selector?: Record<string, string> } }>(config, "GET", path, { signal });
  const selector = found.spec?.selector ?? {};
  if (Object.keys(selector).length === 0) throw new Error(`Gateway ${namespace}/${name} selects no pods`);
  return selector;
}

/** Names of the pods of a namespace that run, or are about to, and carry the labels. */
export async function findPodNames(
  config: KubeConfig,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Promise<string[]> {
  const items = await podsWith(config, namespace, labels);
  return items.flatMap(({ metadata, status }) =>
    metadata?.name !== undefined && (status?.phase === "Running" || status?.phase === "Pending") ? [metadata.name] : [],
  );
}

async function podsWith(
  config: KubeConfig,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Promise<PodList["items"]> {
  const labelSelector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  const signal = AbortSignal.timeout(patience);
  const { items } = await requestJson<PodList>(config, "GET", path, { query: { labelSelector }, signal });
  return items;
}
