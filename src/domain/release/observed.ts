import { isMapping } from "../mapping.ts";
import { facesClients, type ObservedRoute, targetsOf, withDelegates } from "../serving/observedRoute.ts";
import { annotations, labels, serviceBehind } from "../serving/servedModel.ts";
import type { ReleaseModel } from "./combination.ts";

/** One model of a deployment: what is to be served, or was observed to be. */
export interface DeployedModel extends Omit<ReleaseModel, "version"> {
  /** Null where an InferenceService's name tells none. */
  readonly version: number | null;
  /** InferenceService that requests go to; null for a model that is only named, such as one of MLflow's. */
  readonly service: string | null;
  /** `sha256:<64 hex>` of the image; null while it is not built, or not served. */
  readonly digest: string | null;
}

interface ObjectMeta {
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What is read of an InferenceService. */
export interface ObservedService {
  readonly metadata?: ObjectMeta;
  readonly spec?: { readonly predictor?: { readonly containers?: readonly { readonly image?: string }[] } };
}

/**
 * The zoo's models as requests reach them: where each route goes, and what is there. A route to what does not exist
 * counts as no model.
 */
export function servedModels(routes: readonly ObservedRoute[], services: readonly ObservedService[]): DeployedModel[] {
  return onePerModel(routedModels(routes, services));
}

/**
 * The same for every route of a model. The engine deletes a route after it made the one that takes its place, so a model may have two for a
 * while. The one that requests follow comes first.
 */
export function routedModels(routes: readonly ObservedRoute[], services: readonly ObservedService[]): DeployedModel[] {
  const byName = new Map(services.map((service) => [service.metadata?.name, service]));
  const models = routes
    .filter(facesClients)
    .toSorted(byPrecedence)
    .flatMap(({ metadata, spec }) => {
      const name = metadata?.labels?.[labels.model];
      const service = serviceOf(withDelegates(spec, routes));
      const found = service === undefined ? undefined : byName.get(service);
      if (name === undefined || service === undefined || !found || metadata?.labels?.[labels.kind] !== "zoo") return [];
      // The object's own name may be made up; the version's is what a release has.
      const version = found.metadata?.labels?.["app.kubernetes.io/name"] ?? service;
      const image = found.spec?.predictor?.containers?.[0]?.image;
      return {
        name,
        service: version,
        source: "zoo",
        hash: found.metadata?.annotations?.[annotations.trussHash] ?? null,
        version: Number(/-v([1-9][0-9]{0,4})$/.exec(version)?.[1] ?? 0) || null,
        digest: image?.includes("@") ? image.slice(image.indexOf("@") + 1) : null,
      };
    });
  return models.sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
}

/** Of each model the first. */
export function onePerModel(models: readonly DeployedModel[]): DeployedModel[] {
  return [...new Map(models.toReversed().map((model) => [model.name, model])).values()].reverse();
}

/** Of HTTPRoutes for the same requests the oldest is followed, then the first by name; they go before VirtualServices, which a stack leaves for them. */
function byPrecedence(a: ObservedRoute, b: ObservedRoute): number {
  const key = ({ metadata, spec }: ObservedRoute) =>
    `${isMapping(spec) && spec.rules ? 0 : 1} ${metadata?.creationTimestamp ?? ""} ${metadata?.name ?? ""}`;
  return key(a) < key(b) ? -1 : 1;
}

/** In Knative mode the rewritten host says which service answers, else the destination. */
function serviceOf(spec: unknown): string | undefined {
  const { rewrittenHosts, destinations } = targetsOf(spec, "");
  // Batches have a destination of their own, which comes first and belongs to no version.
  const [first] = destinations.filter(({ service }) => serviceBehind(service) !== undefined);
  return serviceBehind(rewrittenHosts[0] ?? first?.service ?? "");
}

/** One model in a line, such as `iris: iris-v2 9ac73cd151c3`, as states and previews show it. */
export function servingLine({ name, service, hash }: DeployedModel): string {
  return `${name}: ${service} ${(hash ?? "").slice(0, 12)}`;
}
