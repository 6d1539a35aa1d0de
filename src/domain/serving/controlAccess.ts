import { servedPrefixes } from "../protocols/operations.ts";
import { apiAccount } from "./apiService.ts";
import { platformMetadata } from "./platformMetadata.ts";
import { containerPort, developmentLevel, labels } from "./servedModel.ts";

/** Who reaches the control servers of development versions, in a mesh of Istio. */
export interface ControlAccess {
  /** Namespace of the models. */
  readonly namespace: string;
  /** Namespace of the API service. */
  readonly servicesNamespace: string;
  /** Trust domain of the mesh, such as `cluster.local`. */
  readonly trustDomain: string;
}

/**
 * What others than the API service may ask of a development version's pod: predictions, metrics, and what Knative and
 * load balancers probe. Named rather than `/control/*`, which has further spellings (`/%63ontrol/…`).
 */
const openPaths = ["/", "/healthz", "/metrics*", ...servedPrefixes.map((prefix) => `${prefix}*`)];

const selector = { [labels.serviceLevel]: developmentLevel };

/**
 * The AuthorizationPolicy (security.istio.io/v1) that leaves `/control/…` of development versions to the API service. It is
 * by the certificates of sidecars that a caller is known; in pods without one nothing is enforced.
 */
export function controlAccessManifest({ namespace, servicesNamespace, trustDomain }: ControlAccess) {
  const principal = `${trustDomain}/ns/${servicesNamespace}/sa/${apiAccount}`;
  return {
    apiVersion: "security.istio.io/v1" as const,
    kind: "AuthorizationPolicy" as const,
    metadata: platformMetadata("development-control", namespace),
    spec: {
      selector: { matchLabels: selector },
      action: "DENY" as const,
      rules: [
        { from: [{ source: { notPrincipals: [principal] } }], to: [{ operation: { notPaths: [...openPaths] } }] },
      ],
    },
  };
}

/**
 * A headless Service over the pods of development versions. The API service calls pods by their addresses, and Istio gives
 * such a call a certificate only where a headless Service has the pod, with a port that is not named after HTTP
 * (https://github.com/istio/istio/issues/36596). Pods that wait for their patches are in it.
 */
export function controlServiceManifest({ namespace }: Pick<ControlAccess, "namespace">) {
  return {
    metadata: platformMetadata("development-control", namespace),
    spec: {
      clusterIP: "None",
      publishNotReadyAddresses: true,
      selector,
      ports: [{ name: "tcp-control", port: containerPort, targetPort: containerPort, protocol: "TCP" }],
    },
  };
}
