import { modelLabels } from "./inferenceService.ts";
import { type DeploymentMode, predictorHost, type ServedModel, servingPath } from "./servedModel.ts";

/** A model's way in. */
export interface ModelRoute extends Pick<ServedModel, "name" | "namespace" | "model" | "kind" | "managedBy"> {
  readonly mode: DeploymentMode;
  /** InferenceService that answers: requests name the model, not its version. @default `name` */
  readonly service?: string;
  readonly gateway: { readonly name: string; readonly hosts: readonly string[] };
}

/**
 * The VirtualService (networking.istio.io/v1) that takes `/serving/<namespace>/<model>/v1/…` at the gateway to the
 * model's `/v1/…`. Only `/v1/` is routed: `/control/` is on the same port and must not be reached from outside.
 */
export function virtualServiceManifest(route: ModelRoute) {
  const { name, namespace } = route;
  const predictor = predictorHost(route.service ?? name, namespace);
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
          // Knative's ingress routes by Host alone, so the request must carry the revision Service's own name.
          rewrite: { uri: "/v1/", ...(route.mode === "Knative" ? { authority: predictor.host } : {}) },
          route: [knativeOrPlain(route.mode, predictor)],
        },
      ],
    },
  };
}

export type VirtualServiceManifest = ReturnType<typeof virtualServiceManifest>;

/** In Knative mode requests enter by Knative's local gateway, which wakes a model that is scaled to zero. */
function knativeOrPlain(mode: DeploymentMode, predictor: { readonly host: string; readonly port: number }) {
  const host = mode === "Knative" ? "knative-local-gateway.istio-system.svc.cluster.local" : predictor.host;
  return { destination: { host, port: { number: predictor.port } } };
}
