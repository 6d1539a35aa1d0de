import { type ObservedRoute, targetsOf } from "../serving/observedRoute.ts";
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
  const byName = new Map(services.map((service) => [service.metadata?.name, service]));
  // Of a stack that moves to another kind of route, a model has one of each for a while.
  const models = new Map<string, DeployedModel>();
  for (const { metadata, spec } of routes) {
    const name = metadata?.labels?.[labels.model];
    const service = serviceOf(spec);
    const found = service === undefined ? undefined : byName.get(service);
    if (name === undefined || service === undefined || !found || metadata?.labels?.[labels.kind] !== "zoo") continue;
    // The object's own name may be made up; the version's is what a release has.
    const version = found.metadata?.labels?.["app.kubernetes.io/name"] ?? service;
    const image = found.spec?.predictor?.containers?.[0]?.image;
    models.set(name, {
      name,
      service: version,
      source: "zoo",
      hash: found.metadata?.annotations?.[annotations.trussHash] ?? null,
      version: Number(/-v([1-9][0-9]{0,4})$/.exec(version)?.[1] ?? 0) || null,
      digest: image?.includes("@") ? image.slice(image.indexOf("@") + 1) : null,
    });
  }
  return [...models.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** In Knative mode the rewritten host says which service answers, else the destination. */
function serviceOf(spec: unknown): string | undefined {
  const { rewrittenHosts, destinations } = targetsOf(spec, "");
  return serviceBehind(rewrittenHosts[0] ?? destinations[0]?.service ?? "");
}

/** One model in a line, such as `iris: iris-v2 9ac73cd151c3`, as states and previews show it. */
export function servingLine({ name, service, hash }: DeployedModel): string {
  return `${name}: ${service} ${(hash ?? "").slice(0, 12)}`;
}
