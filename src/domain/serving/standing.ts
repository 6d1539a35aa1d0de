import type { StateResource } from "../engineState.ts";
import { partsOfUrn } from "../preview/preview.ts";
import { duration } from "../zoo/phases.ts";
import type { ObservedDeployment, ObservedModel } from "./observed.ts";
import { type ObservedRoute, type RouteKind, refusalOf, routeKindOf, targetsOf } from "./observedRoute.ts";
import { judgeDeployment, judgeReadiness, type Readiness } from "./readiness.ts";
import { annotations, type DeploymentMode } from "./servedModel.ts";

interface InCluster {
  /** Of the resource in the stack, such as `iris-v2`. */
  readonly name: string;
  readonly namespace: string;
  /** Name of the InferenceService, or of the Deployment. */
  readonly object: string;
  /** How long it may take to be ready, in seconds. */
  readonly timeoutSeconds: number;
}

/** Something of a stack that answers requests. */
export type Served =
  | (InCluster & {
      readonly kind: "model";
      readonly component: "predictor" | "transformer";
      readonly pool: string;
      readonly mode: DeploymentMode;
    })
  | (InCluster & { readonly kind: "service" })
  | (InCluster & { readonly kind: "route"; readonly objectKind: RouteKind });

/** What a stack says of itself where a resource does not, in seconds. */
const usualTimeout = 600;

/** KServe makes a Service again that somebody deleted, in seconds. */
const routeTimeout = 30;

/** Everything of a stack that answers requests: models, by what waits for them, Deployments such as the API service, and routes. */
export function declaredServing(resources: readonly StateResource[]): Served[] {
  return resources.flatMap((resource): Served[] => {
    if (resource.delete) return [];
    const { name } = partsOfUrn(resource.urn);
    if (resource.type.endsWith(":ModelReady")) return modelOf(name, resource.outputs);
    const object = objectOf(name, resource.outputs);
    const objectKind = routeKindOf(resource.type);
    if (!object) return [];
    if (resource.type === "kubernetes:apps/v1:Deployment") {
      return [{ ...object, kind: "service", timeoutSeconds: usualTimeout }];
    }
    return objectKind ? [{ ...object, kind: "route", objectKind, timeoutSeconds: routeTimeout }] : [];
  });
}

function modelOf(name: string, outputs: StateResource["outputs"] = {}): Served[] {
  const { namespace, name: object, component = "predictor", pool, mode, timeoutSeconds = usualTimeout } = outputs;
  if (typeof namespace !== "string" || typeof object !== "string" || typeof timeoutSeconds !== "number") return [];
  return [
    {
      kind: "model",
      name,
      namespace,
      object,
      timeoutSeconds,
      component: component === "transformer" ? "transformer" : "predictor",
      pool: String(pool),
      mode: mode === "Knative" ? "Knative" : "Standard",
    },
  ];
}

function objectOf(name: string, outputs: StateResource["outputs"] = {}) {
  const metadata = outputs.metadata as { name?: unknown; namespace?: unknown } | undefined;
  const { name: object, namespace } = metadata ?? {};
  if (typeof object !== "string" || typeof namespace !== "string") return undefined;
  return { name, namespace, object };
}

/** What a cluster holds of one {@link Served}, old revisions included. */
export interface ObservedServed extends ObservedModel {
  /** Of a route: undefined where it does not exist. */
  readonly route?: ObservedRoute | undefined;
  /** Names of the Services of each namespace that was looked at. */
  readonly services: ReadonlyMap<string, ReadonlySet<string>>;
}

/** How something of a stack stands. */
export interface Standing {
  readonly served: Served;
  readonly readiness: Readiness;
}

/** A pod that was ready and is not any more may be at a pause, such as the reload of a patch, for this long. Milliseconds. */
const pauseMs = 60_000;

/**
 * Judges what is served now: its newest revision is the one that its InferenceService says. A pod that has not become ready within the time
 * that it may take counts as down, for nothing more is to be waited for.
 *
 * @param now milliseconds since the epoch
 */
export function judgeServed(served: Served, observed: ObservedServed, now: number): Readiness {
  if (served.kind === "route") return judgeRoute(served, observed);
  const judged =
    served.kind === "model"
      ? judgeReadiness({ ...served, revision: appliedRevision(served.component, observed) }, observed)
      : judgeService(served.object, observed);
  if (judged.state !== "starting" || !judged.unready || judged.answering > 0) return judged;
  const { pod, container, since, wasReady } = judged.unready;
  const limit = wasReady ? Math.min(pauseMs, served.timeoutSeconds * 1000) : served.timeoutSeconds * 1000;
  if (now - since <= limit) return judged;
  const ago = `${duration(Math.round((now - since) / 1000))} ago`;
  const reason = wasReady ? `its pod stopped answering ${ago}` : `its pod started ${ago} and has not been ready since`;
  return { state: "down", reason, pod, container };
}

/** A recorder that is a resource of its own has a revision of its own; others have that of their InferenceService. */
function appliedRevision(component: "predictor" | "transformer", { inferenceService }: ObservedModel): string {
  const { metadata, spec } = inferenceService ?? {};
  const own = component === "transformer" ? spec?.transformer?.annotations : undefined;
  return own?.[annotations.revision] ?? metadata?.annotations?.[annotations.revision] ?? "";
}

function judgeService(name: string, observed: ObservedModel): Readiness {
  const deployment = observed.deployments.find((each: ObservedDeployment) => each.metadata?.name === name);
  if (!deployment) return { state: "down", reason: `Deployment ${name} does not exist` };
  return judgeDeployment(deployment, observed, {});
}

/** A route may lead to another namespace, as Knative's do: that is not this stack's. */
function judgeRoute(
  { objectKind, namespace }: { readonly objectKind: RouteKind; readonly namespace: string },
  { route, services }: ObservedServed,
): Readiness {
  if (!route) return { state: "down", reason: `its ${objectKind} does not exist` };
  const refused = refusalOf(route);
  if (refused) return { state: "down", reason: refused };
  for (const { service, namespace: where } of targetsOf(route.spec, namespace).destinations) {
    const known = services.get(where);
    if (known && !known.has(service)) {
      return { state: "starting", reason: `it leads to Service ${service}, which does not exist`, answering: 0 };
    }
  }
  return { state: "ready", pods: [] };
}

/** Whether nothing answers requests to it, nor will by itself. What is starting is given its time first. */
export function isDown({ readiness }: Standing): boolean {
  return readiness.state === "down" || (readiness.state === "starting" && readiness.answering === 0);
}

/** A line about something that is not simply ready: `iris-v2 is down: …`. */
export function describeStanding({ served, readiness }: Standing): string {
  const { kind, name } = served;
  const what = kind === "route" ? `route ${name}` : name;
  return readiness.state === "ready" ? `${what} is ready` : `${what} ${words[readiness.state]}: ${readiness.reason}`;
}

const words = {
  asleep: "is asleep",
  stopped: "is stopped",
  unplaced: "waits for a node",
  starting: "is starting",
  down: "is down",
} as const;
