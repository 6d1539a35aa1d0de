import { messageOf } from "../../domain/errors.ts";
import { compileAction, type RouteAction, type WeightedUpstream } from "./routeAction.ts";
import { compileMatch, isCatchAllPath, type RouteRequest, type RouteTest, type Target } from "./routeMatch.ts";
import type { HttpMatch, VirtualService } from "./virtualService.ts";

/** One rule: a test and what to do. */
export interface Route {
  /** `namespace/name` of the VirtualService, with the rule's own name if it has one. */
  readonly name: string;
  /** Undefined takes every request. */
  readonly test?: RouteTest;
  readonly action: RouteAction;
}

/** All rules by host, in the order they are asked. */
export interface RouteTable {
  /** By lower-case host, exact or `*`. */
  readonly hosts: ReadonlyMap<string, readonly Route[]>;
  /** `*.suffix` hosts as `.suffix`, longest first. */
  readonly wildcards: readonly { readonly suffix: string; readonly routes: readonly Route[] }[];
  /** Sentences about rules that were left out, or whose effect is less than what they say. */
  readonly problems: readonly string[];
}

export type Decision = { readonly route: Route; readonly target: Target } | { readonly reason: "host" | "path" };

/**
 * Routing table of the VirtualServices that a gateway follows: those whose `gateways` name more than `mesh` (an absent list
 * means mesh). As in Istio, several for one host are merged by age (then name, then namespace), the first match wins, and
 * rules that take everything go behind the others. A rule that cannot be followed is left out, with a sentence in `problems`.
 */
export function buildRouteTable(virtualServices: Iterable<VirtualService>): RouteTable {
  const hosts = new Map<string, Route[]>();
  const problems: string[] = [];
  for (const virtualService of [...virtualServices].filter(isForGateway).sort(byAge)) {
    const routes = routesOf(virtualService, problems);
    for (const host of new Set(virtualService.spec?.hosts?.map((name) => name.toLowerCase()))) {
      const known = hosts.get(host);
      if (known) known.push(...routes);
      else hosts.set(host, [...routes]);
    }
  }
  const wildcards: { suffix: string; routes: Route[] }[] = [];
  for (const [host, routes] of hosts) {
    const ordered = [...routes.filter(({ test }) => test), ...routes.filter(({ test }) => !test)];
    hosts.set(host, ordered);
    if (host.startsWith("*.")) wildcards.push({ suffix: host.slice(1), routes: ordered });
  }
  wildcards.sort((a, b) => b.suffix.length - a.suffix.length);
  return { hosts, wildcards, problems };
}

/**
 * The rule for a request. The most specific host is chosen first (exact, longest wildcard, `*`), then its rules in
 * order; a host whose rules do not match is not followed by a less specific one.
 */
export function decide(table: RouteTable, request: RouteRequest): Decision {
  const routes = routesFor(table, request.host);
  if (!routes) return { reason: "host" };
  const cut = request.target.indexOf("?");
  const target =
    cut === -1
      ? { path: request.target, query: "" }
      : { path: request.target.slice(0, cut), query: request.target.slice(cut) };
  for (const route of routes) {
    if (!route.test || route.test(request, target)) return { route, target };
  }
  return { reason: "path" };
}

/** One of `destinations` by their weights; `random` answers 0 (included) to 1 (excluded). */
export function chooseDestination(
  destinations: readonly WeightedUpstream[],
  random: () => number = Math.random,
): WeightedUpstream {
  const [first] = destinations;
  if (!first) throw new Error("a route without destinations was compiled");
  if (destinations.length === 1) return first;
  let left = random() * destinations.reduce((sum, { weight }) => sum + weight, 0);
  for (const destination of destinations) {
    left -= destination.weight;
    if (left < 0) return destination;
  }
  return first;
}

function routesFor({ hosts, wildcards }: RouteTable, hostHeader: string): readonly Route[] | undefined {
  const exact = hosts.get(hostHeader);
  if (exact) return exact;
  if (hosts.size > 1 || !hosts.has("*")) {
    const host = hostHeader.toLowerCase().replace(/:\d+$/, "");
    const named = hosts.get(host) ?? wildcards.find(({ suffix }) => host.endsWith(suffix))?.routes;
    if (named) return named;
  }
  return hosts.get("*");
}

function isForGateway({ spec }: VirtualService): boolean {
  return spec?.gateways?.some((gateway) => gateway !== "mesh") ?? false;
}

function byAge(a: VirtualService, b: VirtualService): number {
  const age = createdAt(a) - createdAt(b);
  if (age !== 0) return age;
  return keyOf(a, "name") < keyOf(b, "name") ? -1 : 1;
}

function createdAt({ metadata }: VirtualService): number {
  // JSON from the API server has text here, whatever the client library's types say.
  return metadata?.creationTimestamp ? new Date(metadata.creationTimestamp).getTime() : 0;
}

function keyOf({ metadata }: VirtualService, first: "name" | "namespace"): string {
  const [name = "", namespace = ""] = [metadata?.name, metadata?.namespace];
  return first === "name" ? `${name}/${namespace}` : `${namespace}/${name}`;
}

function routesOf(virtualService: VirtualService, problems: string[]): Route[] {
  const routes: Route[] = [];
  const key = keyOf(virtualService, "namespace");
  for (const [index, rule] of (virtualService.spec?.http ?? []).entries()) {
    const label = rule.name ?? `http[${index}]`;
    const name = `${key}/${label}`;
    for (const field of ["delegate", "fault", "corsPolicy"] as const) {
      if (rule[field]) problems.push(`VirtualService ${key}, ${label}: ${field} is not supported and ignored`);
    }
    for (const match of rule.match?.length ? rule.match : [{}]) {
      if (match.gateways?.length && match.gateways.every((gateway) => gateway === "mesh")) continue;
      try {
        const test = compileMatch(match);
        const action = compileAction(rule, match, virtualService.metadata?.namespace ?? "");
        routes.push({ name, action, ...(test ? { test } : {}) });
        // What follows a rule that takes everything can never be reached.
        if (!test && isCatchAllPath(match as HttpMatch)) return routes;
      } catch (error) {
        problems.push(`VirtualService ${key}, ${label} is left out: ${messageOf(error)}`);
      }
    }
  }
  return routes;
}
