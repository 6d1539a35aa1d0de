import { isMapping } from "../mapping.ts";
import { type Backend, distinct } from "./route.ts";

/** Kinds of objects that take requests of clients to Services. */
export const routeKinds = ["VirtualService", "HTTPRoute"] as const;

export type RouteKind = (typeof routeKinds)[number];

/** The kind of route that a resource's type stands for, as `kubernetes:<group>/<version>:<kind>`. */
export function routeKindOf(type: string): RouteKind | undefined {
  return routeKinds.find((kind) => type.startsWith("kubernetes:") && type.endsWith(`:${kind}`));
}

/** A route of either kind, as a cluster or the engine's state has it. */
export interface ObservedRoute {
  readonly metadata?: {
    readonly name?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
  };
  readonly spec?: unknown;
  readonly status?: unknown;
}

type Service = Omit<Backend, "port">;

/** Where a route sends requests. */
export interface RouteTargets {
  /** What answers clients. */
  readonly destinations: readonly Service[];
  /** What gets copies. */
  readonly mirrors: readonly Service[];
  /** Hosts that requests are given. */
  readonly rewrittenHosts: readonly string[];
}

/** Reads where a route leads. What is not known yet, or is not a Service, is left out. */
export function targetsOf(spec: unknown, namespace: string): RouteTargets {
  const http = mappings(at(spec, "http"));
  const rules = mappings(at(spec, "rules"));
  const filters = rules.flatMap((rule) => mappings(rule.filters));
  const hosts = (destinations: readonly unknown[]) =>
    destinations.flatMap((each) => ofHost(at(each, "destination", "host"), namespace));
  const references = (backends: readonly unknown[]) => backends.flatMap((each) => ofReference(each, namespace));
  return {
    destinations: distinct([
      ...hosts(http.flatMap((rule) => mappings(rule.route))),
      ...references(rules.flatMap((rule) => mappings(rule.backendRefs))),
    ]),
    mirrors: distinct([
      ...hosts(http.flatMap((rule) => [...mappings(rule.mirrors), { destination: rule.mirror }])),
      ...references(filters.map((filter) => at(filter, "requestMirror", "backendRef"))),
    ]),
    rewrittenHosts: [
      ...new Set([
        ...http.map((rule) => at(rule, "rewrite", "authority")),
        ...http.flatMap((rule) => mappings(rule.route)).map((each) => at(each, "headers", "request", "set", "Host")),
        ...filters.map((filter) => at(filter, "urlRewrite", "hostname")),
      ]),
    ].filter((host) => typeof host === "string"),
  };
}

/** Whether requests of clients reach it by itself; what other VirtualServices delegate to, they reach only from there. */
export function facesClients({ spec }: ObservedRoute): boolean {
  const hosts = at(spec, "hosts");
  return at(spec, "http") === undefined || (Array.isArray(hosts) && hosts.length > 0);
}

/** A VirtualService's spec with the rules of those in its namespace that it delegates to. */
export function withDelegates(spec: unknown, routes: readonly ObservedRoute[]): unknown {
  const rules = mappings(at(spec, "http"));
  const delegates = rules.map((rule) => at(rule, "delegate", "name")).filter((name) => name !== undefined);
  if (delegates.length === 0) return spec;
  const named = routes.filter(
    (route) => !facesClients(route) && delegates.some((name) => name === route.metadata?.name),
  );
  return { http: [...rules, ...named.flatMap((route) => mappings(at(route.spec, "http")))] };
}

/** A host as a VirtualService has it: `<service>`, `<service>.<namespace>` or the whole name in the cluster's DNS. */
function ofHost(host: unknown, own: string): Service[] {
  if (typeof host !== "string") return [];
  const [service = "", namespace = own] = host.split(".");
  return [{ service, namespace }];
}

function ofReference(reference: unknown, own: string): Service[] {
  const [name, namespace = own] = [at(reference, "name"), at(reference, "namespace")];
  return typeof name === "string" && typeof namespace === "string" ? [{ service: name, namespace }] : [];
}

/** Why the Gateways of an HTTPRoute do not serve it, in their controllers' words; undefined where they do, and of a VirtualService. */
export function refusalOf({ spec, status }: ObservedRoute): string | undefined {
  if (at(spec, "parentRefs") === undefined) return undefined;
  const conditions = mappings(at(status, "parents")).flatMap((parent) => mappings(parent.conditions));
  if (conditions.length === 0) return "no Gateway has taken it";
  const refused = conditions.find(
    ({ type, status: is, reason }) =>
      is === "False" && (type === "Accepted" || (type === "ResolvedRefs" && reason === "RefNotPermitted")),
  );
  return refused && `its Gateway says ${String(refused.reason)}: ${String(refused.message)}`;
}

function at(value: unknown, ...path: readonly string[]): unknown {
  let inner = value;
  for (const key of path) inner = isMapping(inner) ? inner[key] : undefined;
  return inner;
}

function mappings(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isMapping) : [];
}
