import { modelLabels } from "./inferenceService.ts";
import { type DeploymentMode, type ServedModel, servingPath } from "./servedModel.ts";
import { type RouteGateway, withoutKeys } from "./virtualService.ts";

/** A route whose requests are copied to shadows. */
export interface MirroredRoute extends Pick<ServedModel, "name" | "namespace" | "model" | "kind" | "managedBy"> {
  readonly gateway: RouteGateway;
  /** InferenceService that answers, behind its recorder. */
  readonly primary: { readonly service: string; readonly mode: DeploymentMode };
  /** InferenceServices in Standard mode that get copies, behind their recorders. */
  readonly shadows: readonly string[];
  /** Share of the requests that each shadow gets, 0 to 100. */
  readonly percent: number;
}

/** Host name of the Service of an InferenceService's transformer. */
export function transformerHost(service: string, namespace: string): string {
  return `${service}-transformer.${namespace}.svc.cluster.local`;
}

/**
 * The VirtualService (networking.istio.io/v1) that takes `/serving/<namespace>/<name>/v1/…` to the primary and copies to
 * the shadows. One route, whose only destination is the primary: no weight, no match and no host can take a request to a
 * shadow. Copies go straight to the shadows' Services, because Istio (since 1.28) sends them with the original Host.
 */
export function mirroredRouteManifest(route: MirroredRoute) {
  const { name, namespace, primary, percent } = route;
  const host = transformerHost(primary.service, namespace);
  const isKnative = primary.mode === "Knative";
  return {
    apiVersion: "networking.istio.io/v1" as const,
    kind: "VirtualService" as const,
    metadata: { name, namespace, labels: modelLabels(route) },
    spec: {
      gateways: [route.gateway.name],
      hosts: [...route.gateway.hosts],
      http: [
        {
          name: "predict",
          match: [{ uri: { prefix: `${servingPath(namespace, name)}/v1/` } }],
          // Knative's ingress routes by Host alone. The copies carry it too, and recorders do not ask for it.
          rewrite: { uri: "/v1/", ...(isKnative ? { authority: host } : {}) },
          ...withoutKeys(route.gateway),
          route: [
            {
              destination: {
                host: isKnative ? "knative-local-gateway.istio-system.svc.cluster.local" : host,
                port: { number: 80 },
              },
            },
          ],
          mirrors: route.shadows.map((shadow) => ({
            destination: { host: transformerHost(shadow, namespace), port: { number: 80 } },
            percentage: { value: percent },
          })),
        },
      ],
    },
  };
}
