import { type RolloutTraffic, stickyHeaderOf } from "../zoo/traffic.ts";
import { activatorBackend, copiedHeader, versionHeader } from "./activator.ts";
import { batchesBackend, batchHeader } from "./batchRequests.ts";
import { coinCookie, coinHeader, drawnCoin, hashCoin } from "./coin.ts";
import { httpRouteManifest } from "./httpRoute.ts";
import { httpRouteLimits } from "./httpRouteFeatures.ts";
import { modelLabels } from "./inferenceService.ts";
import { divided, knativeGateway, type ModelRoute, servedPaths, versionDestination } from "./modelRoute.ts";
import { type Backend, type Destination, hostOf, type Mirror, type Route, type RouteRule } from "./route.ts";
import { type Answering, answeringBackend, type DeploymentMode, servingPath } from "./servedModel.ts";
import { stickyRule } from "./stickyHeader.ts";
import { delegateManifest } from "./virtualService.ts";

/** One of the two versions that requests are divided between. */
export interface TrafficSide extends Answering, Pick<ModelRoute, "sleeps"> {
  /** Id of the version's row. */
  readonly versionId: string;
  readonly mode: DeploymentMode;
  /**
   * Port for copies of the Service that wakes it, where it may sleep.
   * @default that Service has none, as one that an earlier release declared: copies go past it, so a version that sleeps gets none
   */
  readonly copiesPort?: number | undefined;
}

/** What a model's requests are divided between, as `up` knows it: with a row of the database it makes the object that the gateway reads. */
export interface DividedRoute
  extends Pick<ModelRoute, "name" | "namespace" | "model" | "kind" | "managedBy" | "gateway" | "paths"> {
  readonly old: TrafficSide;
  readonly new: TrafficSide;
  /**
   * What takes the requests of batches, which are no evidence: of a gateway that checks keys, for nobody else says what a batch is.
   * @default they are divided, and counted, as all others
   */
  readonly batches?: { readonly servicesNamespace: string } | undefined;
  /** Every request of users whom a header keeps on one side is recorded: recorders are told who is whose. @default they are not */
  readonly tellsUsers?: true | undefined;
  /** Every request of both versions is recorded, and judged: recorders are told which were drawn one by one. @default they are not */
  readonly tellsDraws?: true | undefined;
}

/** Name of the object that divides a model's requests. `-traffic` is as short as what ends Services of versions. */
export function trafficObject(name: string): string {
  return `${name}-traffic`;
}

/** What the object is and where, as `<kind> <namespace>/<name>`. */
export function trafficPlace({
  gateway,
  namespace,
  name,
}: Pick<DividedRoute, "gateway" | "namespace" | "name">): string {
  const kind = gateway.api === "gateway-api" ? "HTTPRoute" : "VirtualService";
  return `${kind} ${namespace}/${trafficObject(name)}`;
}

export const trafficAnnotations = {
  /** The {@link DividedRoute} that the object was made from, as JSON: with the database's row it makes the next one. */
  route: "menagerie.dev/traffic-route",
  /** Generation of the row that it was made from. */
  generation: "menagerie.dev/traffic-generation",
} as const;

/** Whoever writes the object, owns all of its spec: lists of routes have one owner. */
export const trafficManager = "menagerie-traffic";

/** How long a browser keeps a user's side, in seconds. The next weight has another cookie. */
const cookieSeconds = 30 * 86_400;

/** Whether the row divides requests between these two versions; not where the rollout has gone on since the route was declared. */
export function isDividedBy({ old, new: fresh }: DividedRoute, row: Pick<RolloutTraffic, "from" | "to">): boolean {
  return row.from === old.versionId && row.to === fresh.versionId;
}

/**
 * The object that divides a model's requests: a VirtualService that the stack's own names as its delegate, or the whole HTTPRoute. `up` and
 * whoever takes a rollout back make it from the database's row by this alone.
 *
 * @throws Error where the row is of another pair of versions: the rollout has gone on since the route was declared.
 */
export function renderTraffic(row: RolloutTraffic, route: DividedRoute) {
  if (!isDividedBy(route, row)) {
    throw new Error(
      `${row.model}: the database divides versions ${row.from} and ${row.to}, its route ${route.old.versionId} and ${route.new.versionId}`,
    );
  }
  const object = {
    name: trafficObject(route.name),
    namespace: route.namespace,
    gateway: route.gateway,
    labels: modelLabels(route),
  };
  const manifest =
    route.gateway.api === "gateway-api"
      ? httpRouteManifest({ ...object, rules: pathRules(row, route) })
      : delegateManifest({ ...object, rules: sideRules(row, route) });
  const annotations = {
    [trafficAnnotations.route]: JSON.stringify(route),
    [trafficAnnotations.generation]: String(row.generation),
  };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

/** An HTTPRoute has a rule of each path for each of the delegate's. Of a model with many paths of its own, batches are divided as all others. */
function pathRules(row: RolloutTraffic, route: DividedRoute): Route["rules"] {
  const { old, new: fresh, gateway } = route;
  const common = divided({ gateway, recorded: old.recorded || fresh.recorded, sleeps: old.sleeps ?? fresh.sleeps });
  const served = servedPaths(route);
  const all = sideRules(row, route);
  const sides =
    served.length * all.length > httpRouteLimits.rules ? sideRules(row, { ...route, batches: undefined }) : all;
  return served.flatMap(({ inner, name, paths }) =>
    sides.map((rule) => ({
      ...rule,
      ...common,
      name: `${name}-${rule.name}`,
      paths,
      rewrite: { path: inner },
    })),
  );
}

/**
 * Batches come first, then those whose cookie names a side; the others are drawn by weight. The side that apps use stands first. A gateway that draws by the hash
 * of a header goes by the rule's name, and takes the new version for the last part of what hashes may be, so that a higher weight only adds users.
 */
function sideRules(
  { model: _, generation, weight, control, sticky, drawKey: key }: RolloutTraffic,
  route: DividedRoute,
): Omit<RouteRule, "rewrite">[] {
  const named = [
    { side: "old" as const, weight: 100 - weight },
    { side: "new" as const, weight },
  ];
  const sides = (weight >= 100 ? named.reverse() : named).filter((each) => each.weight > 0);
  const isDrawn = sides.length > 1;
  const header = stickyHeaderOf(sticky);
  const isHashed = header !== undefined;
  const cookie = sticky === "cookie" && isDrawn ? coinCookie(route.name, generation) : undefined;
  const isTold = route.old.recorded && route.new.recorded;
  const hash =
    isHashed && isDrawn && route.tellsUsers && key !== undefined ? hashCoin({ generation, header, key }) : undefined;
  // Recorders tell users apart by the id of the request that was drawn for them, or by their header.
  const coin = isTold ? (cookie ?? hash) : undefined;
  const told = coin === undefined ? {} : { [coinHeader]: coin };
  // What stands with the rule, HTTPRoutes of every gateway can set.
  const drawn = isTold && isDrawn && !sticky && route.tellsDraws ? { [coinHeader]: drawnCoin(generation) } : undefined;
  const path = `${servingPath(route.namespace, route.name)}/`;
  const copied = isDrawn || control === 0 ? undefined : weight >= 100 ? route.old : route.new;
  const woken = copied && frontOf(copied) ? { [copiedHeader]: copied.service } : {};
  const set = (side: string) =>
    cookie === undefined
      ? {}
      : {
          setCookie: `${cookie}=${side}${isTold ? ".%REQ(X-REQUEST-ID)%" : ""}; Path=${path}; Max-Age=${cookieSeconds}; HttpOnly; SameSite=Lax`,
        };
  return [
    ...batchRules(
      sides.map((each) => ({ side: each.side, ...(isDrawn ? { weight: whole(each.weight, weight) } : {}) })),
      route,
    ),
    ...(cookie === undefined ? [] : sides).map(({ side }) => ({
      name: side,
      paths: [],
      headers: { cookie: `(.*;\\s*)?${cookie}=${side}(\\.[^;]*)?(\\s*;.*)?` },
      destinations: [destinationOf(side, route, told)],
    })),
    {
      name: !isDrawn ? "all" : isHashed ? stickyRule(route) : "drawn",
      paths: [],
      ...(drawn ? { setHeaders: drawn } : {}),
      destinations: sides.map((each) => ({
        ...destinationOf(each.side, route, { ...told, ...woken }),
        ...(isDrawn ? { weight: isHashed ? hundredths(each.weight) : whole(each.weight, weight) } : {}),
        ...set(each.side),
      })),
      ...copies(copied, route, control),
    },
  ];
}

/** Drawn by themselves, past what is counted, copied, and kept by cookies. Knative's ingress has one destination for all versions. */
function batchRules(
  sides: readonly { readonly side: "old" | "new"; readonly weight?: number }[],
  { batches, gateway, old, new: fresh }: DividedRoute,
): Omit<RouteRule, "rewrite">[] {
  if (!batches || !gateway.checksKeys || [old, fresh].some(({ mode }) => mode === "Knative")) return [];
  const services = { old: old.service, new: fresh.service };
  const destinations = sides.map(({ side, ...share }) => ({
    ...batchesBackend(batches.servicesNamespace),
    setHeaders: { [batchHeader]: services[side] },
    ...share,
  }));
  return [{ name: "batch", paths: [], headers: { [batchHeader]: ".+" }, destinations }];
}

/** @param told - headers that say how a request came to its side, and where its copy goes. Default: none */
function destinationOf(
  side: "old" | "new",
  route: DividedRoute,
  told: Readonly<Record<string, string>> = {},
): Destination {
  const { [side]: own, old, new: fresh, namespace } = route;
  const destination = versionDestination(own, namespace);
  // Where one of them may sleep, the header that names a version is set for both: see `divided`.
  const named = {
    ...(old.sleeps || fresh.sleeps ? { [versionHeader]: own.service } : {}),
    ...told,
  };
  // Knative's ingress routes by Host alone.
  if (own.mode === "Knative") return { ...knativeGateway, setHeaders: { Host: hostOf(destination), ...named } };
  return Object.keys(named).length > 0 ? { ...destination, setHeaders: named } : destination;
}

/** Where copies for a version that may sleep go: they wake it, and keep it awake, as requests do. */
function frontOf({ service, sleeps, copiesPort }: TrafficSide): Backend | undefined {
  if (!sleeps || copiesPort === undefined) return undefined;
  return { ...activatorBackend(service, sleeps.servicesNamespace), port: copiesPort };
}

/** A version of Knative's gets none: its ingress goes by the Host, which copies have not. */
function copies(
  side: TrafficSide | undefined,
  { namespace }: DividedRoute,
  percent: number,
): { readonly mirrors?: readonly Mirror[] } {
  if (!side || side.mode === "Knative") return {};
  return { mirrors: [{ ...(frontOf(side) ?? answeringBackend(side, namespace)), percent }] };
}

/** Weights of routes are whole numbers: percents, or their hundredths where the weight has a fraction. */
function whole(share: number, weight: number): number {
  return Number.isInteger(weight) ? share : hundredths(share);
}

/** Of every weight the same number is the whole: a hash stays where it was. */
function hundredths(share: number): number {
  return Math.round(share * 100);
}
