import { modelLabels } from "./inferenceService.ts";
import type { ServedModel } from "./servedModel.ts";

/** Who may call a shadow. */
export interface ShadowAccess extends Pick<ServedModel, "name" | "namespace" | "model" | "kind" | "managedBy"> {
  /** Istio principals of the gateways, such as `cluster.local/ns/istio-system/sa/istio-ingressgateway`. */
  readonly principals: readonly string[];
}

/**
 * The AuthorizationPolicy (security.istio.io/v1) that lets only the gateway's copies reach a shadow's recorder. It needs
 * sidecars, by whose certificates callers are known; without them nobody would be let in.
 */
export function shadowAccessManifest(access: ShadowAccess) {
  const { name, namespace, principals } = access;
  return {
    apiVersion: "security.istio.io/v1" as const,
    kind: "AuthorizationPolicy" as const,
    metadata: { name: `${name}-copies-only`, namespace, labels: modelLabels(access) },
    spec: {
      selector: { matchLabels: { "serving.kserve.io/inferenceservice": name, component: "transformer" } },
      action: "ALLOW" as const,
      rules: [{ from: [{ source: { principals: [...principals] } }] }],
    },
  };
}
