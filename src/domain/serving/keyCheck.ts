import { askedSidePatch } from "./askedSide.ts";
import { batchPatch } from "./batchRequests.ts";
import { organizationPatch } from "./organizationPatch.ts";
import { platformMetadata } from "./platformMetadata.ts";
import { queryKeyPatch } from "./queryKeys.ts";
import { readyAtOnce } from "./readyAtOnce.ts";
import { gatewayNameLabel, nameOfGateway, type RouteGateway } from "./route.ts";
import { servingRoot } from "./servedModel.ts";

/** A gateway of Istio that asks the API service before it lets a request pass to a model. */
export interface KeyCheck {
  /** Namespace of the Gateway and its pods. */
  readonly gatewayNamespace: string;
  /** Labels of the gateway's pods, or the name of the Gateway (gateway.networking.k8s.io) that they are run for. */
  readonly gateway: { readonly pods: Readonly<Record<string, string>> } | { readonly name: string };
  /** Namespace of the models. */
  readonly namespace: string;
  /** Extension provider of MeshConfig. */
  readonly provider: string;
}

/**
 * The AuthorizationPolicy (security.istio.io/v1) by which the gateway asks for each request to a model. Istio refuses what the rule
 * matches while MeshConfig does not know the provider (https://istio.io/latest/docs/tasks/security/authorization/authz-custom/).
 * Paths are compared as routes compare them, so no spelling passes the one and not the other.
 */
export function keyCheckManifest({ gatewayNamespace, gateway, namespace, provider }: KeyCheck) {
  return {
    apiVersion: "security.istio.io/v1" as const,
    kind: "AuthorizationPolicy" as const,
    // Stacks may share a gateway.
    metadata: platformMetadata(`${namespace}-keys`, gatewayNamespace),
    spec: {
      ...("pods" in gateway
        ? { selector: { matchLabels: { ...gateway.pods } } }
        : { targetRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: gateway.name }] }),
      action: "CUSTOM" as const,
      provider: { name: provider },
      rules: [{ to: [{ operation: { paths: [`${servingRoot(namespace)}/*`] } }] }],
    },
  };
}

/** Which gateway's pods ask: by their labels where the config gives them, else by the Gateway of Gateway API that Istio runs them for. */
export function askingGateway(
  gateway: Pick<RouteGateway, "name">,
  gatewayPods: Readonly<Record<string, string>> | undefined,
): KeyCheck["gateway"] {
  return gatewayPods ? { pods: gatewayPods } : { name: nameOfGateway(gateway) };
}

/** Labels of the pods that ask. Istio labels those of a Gateway with its name, and goes by that label itself. */
export function labelsOfAsking(gateway: KeyCheck["gateway"]): Readonly<Record<string, string>> {
  return "pods" in gateway ? gateway.pods : { [gatewayNameLabel]: gateway.name };
}

/**
 * The EnvoyFilter by which the gateway takes keys from the queries of requests to models, which no header's rule reaches, lets nobody say
 * whose a request is, passes on what is asked of one version of a rollout, tells routes of batches, and knows pods as soon as they are ready.
 */
export function queryKeysManifest({ gatewayNamespace, gateway, namespace }: KeyCheck) {
  return {
    apiVersion: "networking.istio.io/v1alpha3" as const,
    kind: "EnvoyFilter" as const,
    metadata: platformMetadata(`${namespace}-query-keys`, gatewayNamespace),
    spec: {
      workloadSelector: { labels: { ...labelsOfAsking(gateway) } },
      configPatches: [
        organizationPatch,
        queryKeyPatch(`${servingRoot(namespace)}/`),
        askedSidePatch(namespace),
        batchPatch,
        readyAtOnce,
      ],
    },
  };
}
