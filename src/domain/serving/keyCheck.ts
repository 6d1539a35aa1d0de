import { platformMetadata } from "./platformMetadata.ts";
import { servingRoot } from "./servedModel.ts";

/** A gateway of Istio that asks the API service before it lets a request pass to a model. */
export interface KeyCheck {
  /** Namespace of the gateway's pods. */
  readonly gatewayNamespace: string;
  /** Labels of the gateway's pods. */
  readonly gatewayPods: Readonly<Record<string, string>>;
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
export function keyCheckManifest({ gatewayNamespace, gatewayPods, namespace, provider }: KeyCheck) {
  return {
    apiVersion: "security.istio.io/v1" as const,
    kind: "AuthorizationPolicy" as const,
    // Stacks may share a gateway.
    metadata: platformMetadata(`${namespace}-keys`, gatewayNamespace),
    spec: {
      selector: { matchLabels: { ...gatewayPods } },
      action: "CUSTOM" as const,
      provider: { name: provider },
      rules: [{ to: [{ operation: { paths: [`${servingRoot(namespace)}/*`] } }] }],
    },
  };
}
