import { platformMetadata } from "./platformMetadata.ts";

/** Name of the Secret with the token of `menagerie:prometheus`, and of the TriggerAuthentication that hands it to KEDA. */
export const counterAccessName = "gateway-counters";

/** How KEDA (keda.sh/v1alpha1) comes to the token: a ScaledObject may name only what is in its own namespace, the models'. */
export function triggerAuthentication(namespace: string) {
  return {
    apiVersion: "keda.sh/v1alpha1" as const,
    kind: "TriggerAuthentication" as const,
    metadata: platformMetadata(counterAccessName, namespace),
    spec: { secretTargetRef: [{ parameter: "bearerToken", name: counterAccessName, key: "bearerToken" }] },
  };
}
