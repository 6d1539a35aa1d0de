import { organizationHeader } from "../access/organizationHeader.ts";
import { purposeHeader } from "../access/purpose.ts";
import { servedPrefixes } from "../protocols/operations.ts";
import { activatorBackend, versionHeader } from "./activator.ts";
import { modelLabels } from "./inferenceService.ts";
import { type Backend, type Destination, hostOf, type Route, type RouteGateway, type RouteRule } from "./route.ts";
import { type Answering, answeringBackend, type DeploymentMode, type ServedModel, servingPath } from "./servedModel.ts";

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
   * Paths of the model's own, which `ownPathMistake` has nothing to say about.
   * @default none
   */
  readonly paths?: readonly string[] | undefined;
  /**
   * The API service, where it stands before a development version in Standard mode and wakes it, and the path that it serves one of the
   * version's under, see `activatorPath`.
   * @default requests go to the model directly
   */
  readonly activator?: { readonly backend: Backend; readonly pathOf: (inner: string) => Text } | undefined;
  /**
   * VirtualService that divides its requests between two versions, see `trafficObject`; nothing else of the route says where they go.
   * @default they go to `service`
   */
  readonly delegate?: string | undefined;
  /**
   * The version may sleep: its requests go through the API service, by a Service of the version's own.
   * @default it never sleeps
   */
  readonly sleeps?: Sleeping | undefined;
}

/** Namespace of the services, for a route to a version that may sleep; see {@link ModelRoute.sleeps}. */
interface Sleeping {
  readonly servicesNamespace: string;
}

/** Path of the API service that stands for a path of a development version, such as `/v1/`. */
export function activatorPath(versionId: string, inner: string): string {
  return `/development/${versionId}${inner}`;
}

/**
 * Takes what a model serves below `/serving/<namespace>/<model>` to the model: what protocols have, and paths of its own. Nothing else is
 * routed: `/control/` is on the same port and must not be reached from outside.
 */
export function modelRoute<Text = string>(route: ModelRoute<Text>): Route<Text | string> {
  const { name, namespace, activator, gateway, delegate, service = name, recorded = false } = route;
  const model = versionDestination({ service, recorded, sleeps: route.sleeps }, namespace);
  return {
    name,
    namespace,
    gateway,
    labels: modelLabels(route),
    rules: servedPaths(route).map(({ inner, ...rule }) => ({
      ...rule,
      ...(delegate !== undefined
        ? { ...divided({ ...route, recorded }), rewrite: { path: inner }, destinations: [], delegate }
        : activator
          ? // The API service asks for the key itself.
            { rewrite: { path: activator.pathOf(inner) }, destinations: [activator.backend] }
          : toModel(model, inner, { ...route, recorded })),
    })),
  };
}

/** What takes the requests of a version. */
export function versionDestination(
  { service, recorded, sleeps }: Answering & Pick<ModelRoute, "sleeps">,
  namespace: string,
): Destination {
  if (!sleeps) return answeringBackend({ service, recorded }, namespace);
  return { ...activatorBackend(service, sleeps.servicesNamespace), setHeaders: { [versionHeader]: service } };
}

/** What a model serves at the gateway: a rule's name and path, and the path at the model. */
export function servedPaths({ namespace, name, paths = [] }: Pick<ModelRoute, "namespace" | "name" | "paths">): (Pick<
  RouteRule,
  "name" | "paths"
> & {
  readonly inner: string;
})[] {
  return [...servedPrefixes, ...paths].map((inner) => ({
    name: inner.split("/").filter(Boolean).join("-"),
    paths: [`${servingPath(namespace, name)}${inner}`],
    inner,
  }));
}

/** Knative's own way in, which wakes a model that is scaled to zero. */
export const knativeGateway: Backend = { service: "knative-local-gateway", namespace: "istio-system", port: 80 };

/** Headers that carry a key. */
const keyHeaders = ["authorization", "x-api-key"];
/** What recorders go by, and nobody may say where nobody looks at keys. */
const purposes = [purposeHeader, organizationHeader];

/** What models do not get to see of requests that are divided between two versions, one of which may be recorded or sleep. */
export function divided({ gateway, recorded, sleeps }: Pick<ModelRoute, "gateway" | "recorded" | "sleeps">) {
  const others = gateway.checksKeys ? keyHeaders : recorded ? purposes : [];
  // A version that sleeps is named by this header, whatever a client says.
  const all = [...others, ...(sleeps ? [] : [versionHeader])];
  return all.length > 0 ? { removedHeaders: all } : {};
}

/** To a path of a part of a model. */
export function toModel(
  part: Destination,
  path: string,
  { mode, gateway, recorded }: Pick<ModelRoute, "mode" | "gateway" | "recorded">,
): Pick<RouteRule, "rewrite" | "removedHeaders" | "destinations"> {
  const isKnative = mode === "Knative";
  const removedHeaders = gateway.checksKeys ? keyHeaders : recorded ? purposes : undefined;
  return {
    // Knative's ingress routes by Host alone, so the request must carry the revision Service's own name.
    rewrite: { path, ...(isKnative ? { host: hostOf(part) } : {}) },
    ...(removedHeaders && { removedHeaders }),
    destinations: [isKnative ? knativeGateway : part],
  };
}
