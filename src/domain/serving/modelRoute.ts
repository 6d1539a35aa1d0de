import { modelLabels } from "./inferenceService.ts";
import { type Backend, hostOf, type Route, type RouteGateway, type RouteRule } from "./route.ts";
import { answeringBackend, type DeploymentMode, type ServedModel, servingPath } from "./servedModel.ts";

/** A model's way in. */
export interface ModelRoute<Text = string>
  extends Pick<ServedModel, "name" | "namespace" | "model" | "kind" | "managedBy"> {
  readonly mode: DeploymentMode;
  /** InferenceService that answers: requests name the model, not its version. @default `name` */
  readonly service?: string;
  /** Whether a recorder is in front of it. @default false */
  readonly recorded?: boolean | undefined;
  readonly gateway: RouteGateway;
  /**
   * The API service, where it stands before a development version in Standard mode and wakes it, and the path that it serves the
   * version's `/v1/` under, see `activatorPath`.
   * @default requests go to the model directly
   */
  readonly activator?: { readonly backend: Backend; readonly path: Text } | undefined;
}

/** Path of the API service that stands for a development version's `/v1/`. */
export function activatorPath(versionId: string): string {
  return `/development/${versionId}/v1/`;
}

/**
 * Takes `/serving/<namespace>/<model>/v1/…` at the gateway to the model's `/v1/…`. Only `/v1/` is routed: `/control/` is on the same
 * port and must not be reached from outside.
 */
export function modelRoute<Text = string>(route: ModelRoute<Text>): Route<Text | string> {
  const { name, namespace, activator, gateway, service = name, recorded = false } = route;
  const model = answeringBackend({ service, recorded }, namespace);
  return {
    name,
    namespace,
    gateway,
    labels: modelLabels(route),
    rules: [
      {
        name: "predict",
        prefixes: [predictionsOf(route)],
        ...(activator
          ? // The API service asks for the key itself.
            { rewrite: { path: activator.path }, destinations: [activator.backend] }
          : toModel(model, route)),
      },
    ],
  };
}

/** Prefix of a model's paths at the gateway. */
export function predictionsOf({ namespace, name }: Pick<ServedModel, "namespace" | "name">): string {
  return `${servingPath(namespace, name)}/v1/`;
}

/** Knative's own way in, which wakes a model that is scaled to zero. */
export const knativeGateway: Backend = { service: "knative-local-gateway", namespace: "istio-system", port: 80 };

/** Headers that carry a key. */
const keyHeaders = ["authorization", "x-api-key"];

/** To a part of a model that serves `/v1/`. */
export function toModel(
  part: Backend,
  { mode, gateway }: Pick<ModelRoute, "mode" | "gateway">,
): Pick<RouteRule, "rewrite" | "removedHeaders" | "destinations"> {
  const isKnative = mode === "Knative";
  return {
    // Knative's ingress routes by Host alone, so the request must carry the revision Service's own name.
    rewrite: { path: "/v1/", ...(isKnative ? { host: hostOf(part) } : {}) },
    ...(gateway.checksKeys ? { removedHeaders: keyHeaders } : {}),
    destinations: [isKnative ? knativeGateway : part],
  };
}
