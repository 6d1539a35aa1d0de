import { servedPrefixes } from "../protocols/operations.ts";
import { httpRouteManifest } from "./httpRoute.ts";
import type { Route } from "./route.ts";

/** What a route may need of HTTPRoute that an implementation need not have. */
export type RouteNeed = "path" | "host" | "mirror" | "mirrors" | "percent" | "headers" | "cookies";

/** Their names in `status.supportedFeatures` of a GatewayClass (https://gateway-api.sigs.k8s.io/geps/gep-2162/; pkg/features/httproute.go). */
export const featureOf: Readonly<Record<RouteNeed, string>> = {
  path: "HTTPRoutePathRewrite",
  host: "HTTPRouteHostRewrite",
  mirror: "HTTPRouteRequestMirror",
  mirrors: "HTTPRouteRequestMultipleMirrors",
  percent: "HTTPRouteRequestPercentageMirror",
  headers: "HTTPRouteBackendRequestHeaderModification",
  cookies: "HTTPRouteResponseHeaderModification",
};

/** What a route needs beyond the core of HTTPRoute. */
export function needsOf<Text>({ rules }: Pick<Route<Text>, "rules">): RouteNeed[] {
  const mirrors = rules.map((rule) => rule.mirrors ?? []);
  const needs: readonly (readonly [RouteNeed, boolean])[] = [
    ["path", rules.some(({ rewrite }) => rewrite !== undefined)],
    ["host", rules.some(({ rewrite }) => rewrite?.host !== undefined)],
    ["mirror", mirrors.some(({ length }) => length > 0)],
    ["mirrors", mirrors.some(({ length }) => length > 1)],
    ["headers", rules.some(({ destinations }) => destinations.some(({ setHeaders }) => setHeaders !== undefined))],
    ["cookies", rules.some(({ destinations }) => destinations.some(({ setCookie }) => setCookie !== undefined))],
    ["percent", mirrors.flat().some(({ percent }) => percent < 100)],
  ];
  return needs.filter(([, needed]) => needed).map(([need]) => need);
}

/** Bounds of the HTTPRoute kind itself, whoever serves it. */
export const httpRouteLimits = { hostnames: 16, rules: 16, filtersOfRule: 16 } as const;

/**
 * Rules of an HTTPRoute that keeps users on their side by a cookie, for a model with so many paths of its own: each path that it serves has one for
 * those who are drawn, and one for those whom each side keeps. At most, whatever the weight: going back, a rollout divides requests again.
 */
export function rulesByCookie(ownPaths: number): number {
  return 3 * (servedPrefixes.length + ownPaths);
}

/** Paths of its own that such a model may have. */
export const mostOwnPathsByCookie = Math.floor((httpRouteLimits.rules - rulesByCookie(0)) / 3);

/** A host name as HTTPRoute takes it. */
export const hostOfHttpRoute = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** How many filters the fullest rule of a route has, as an HTTPRoute. */
export function filtersOf<Text>(route: Route<Text>): number {
  return Math.max(...httpRouteManifest(route).spec.rules.map(({ filters }) => filters.length));
}

/** The release in which the share of a mirror (`percent`, `fraction`) is in the standard HTTPRoute (https://gateway-api.sigs.k8s.io/geps/gep-3171/). */
export const sharesSince = "1.3.0";
