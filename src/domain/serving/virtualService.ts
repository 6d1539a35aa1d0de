import { modelLabels } from "./inferenceService.ts";
import { type DeploymentMode, predictorHost, type ServedModel, servingPath } from "./servedModel.ts";

/** Where a model's requests come in. */
export interface RouteGateway {
  /** Istio Gateway, as `<namespace>/<name>`. */
  readonly name: string;
  readonly hosts: readonly string[];
  /**
   * The gateway lets only requests with a key pass; models do not get to see it.
   * @default false
   */
  readonly checksKeys?: boolean;
}

/** A gateway with the address by which clients reach it. */
export interface ClientGateway extends RouteGateway {
  /** Without a path. */
  readonly url: string;
}

/** Namespace of the Gateway and its pods; one that is named without a namespace is in that of the routes. */
export function namespaceOfGateway({ name }: Pick<RouteGateway, "name">, routes: string): string {
  return /^([^/]+)\//.exec(name)?.[1] ?? routes;
}

/** Headers that carry a key. */
const keyHeaders = ["authorization", "x-api-key"];

/** Part of a route that takes keys from requests which have passed. */
export function withoutKeys({ checksKeys = false }: RouteGateway) {
  return checksKeys ? { headers: { request: { remove: keyHeaders } } } : {};
}

/** A model's way in. */
export interface ModelRoute<Text = string>
  extends Pick<ServedModel, "name" | "namespace" | "model" | "kind" | "managedBy"> {
  readonly mode: DeploymentMode;
  /** InferenceService that answers: requests name the model, not its version. @default `name` */
  readonly service?: string;
  readonly gateway: RouteGateway;
  /**
   * The API service, where it stands before a development version in Standard mode and wakes it: its host, and the path
   * that it serves the version's `/v1/` under, see `activatorPath`.
   * @default requests go to the model directly
   */
  readonly activator?: { readonly host: string; readonly path: Text } | undefined;
}

/** Path of the API service that stands for a development version's `/v1/`. */
export function activatorPath(versionId: string): string {
  return `/development/${versionId}/v1/`;
}

/**
 * The VirtualService (networking.istio.io/v1) that takes `/serving/<namespace>/<model>/v1/…` at the gateway to the
 * model's `/v1/…`. Only `/v1/` is routed: `/control/` is on the same port and must not be reached from outside.
 */
export function virtualServiceManifest<Text = string>(route: ModelRoute<Text>) {
  const { name, namespace, activator } = route;
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
          rewrite: activator
            ? { uri: activator.path }
            : { uri: "/v1/", ...(route.mode === "Knative" ? { authority: predictor.host } : {}) },
          // The API service asks for the key itself.
          ...(activator ? {} : withoutKeys(route.gateway)),
          route: [
            activator
              ? { destination: { host: activator.host, port: { number: 80 } } }
              : knativeOrPlain(route.mode, predictor),
          ],
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
