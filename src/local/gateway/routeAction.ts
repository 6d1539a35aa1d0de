import { addresses } from "../network/addresses.ts";
import { compileRegex, compileSubstitution, PatternError } from "./pattern.ts";
import type { RouteRequest, Target } from "./routeMatch.ts";
import type { Destination, HeaderRules, HttpMatch, HttpRedirect, HttpRoute } from "./virtualService.ts";

/** A Service to send to. */
export interface Upstream {
  /** Cluster DNS name, in full. */
  readonly host: string;
  readonly port: number;
}

export interface WeightedUpstream extends Upstream {
  readonly weight: number;
  readonly headers?: HeaderRules;
}

export interface MirrorUpstream extends Upstream {
  /** Share of the requests that are copied, 0 to 100. */
  readonly percentage: number;
}

/** What a route does with the requests it takes. */
export type RouteAction =
  | {
      readonly kind: "forward";
      readonly destinations: readonly WeightedUpstream[];
      readonly mirrors: readonly MirrorUpstream[];
      readonly headers?: HeaderRules;
      /** New `Host` header. */
      readonly authority?: string;
      /** New path for a path; the query stays as it is. */
      readonly rewritePath?: (path: string) => string;
      /** Milliseconds until the response has to be complete. */
      readonly timeout?: number;
      /** How often a connection is tried in all. */
      readonly connectAttempts: number;
    }
  | {
      readonly kind: "redirect";
      readonly status: number;
      readonly location: (request: RouteRequest, target: Target) => string;
    }
  | { readonly kind: "respond"; readonly status: number; readonly body: Buffer; readonly headers?: HeaderRules };

/**
 * The action of `route` for requests that `match` took, in a VirtualService of `namespace`. Throws PatternError with a
 * sentence about what it cannot follow.
 */
export function compileAction(route: HttpRoute, match: HttpMatch, namespace: string): RouteAction {
  const headers = route.headers ? { headers: route.headers } : {};
  if (route.redirect) return compileRedirect(route.redirect);
  if (route.directResponse) {
    const { status, body } = route.directResponse;
    const bytes = body?.bytes === undefined ? Buffer.from(body?.string ?? "") : Buffer.from(body.bytes, "base64");
    return { kind: "respond", status, body: bytes, ...headers };
  }
  const timeout = durationOf(route.timeout);
  const rewritePath = compileRewrite(route, match);
  const all = (route.route ?? []).map(({ destination, weight, headers: rules }) => ({
    ...upstreamOf(destination, namespace),
    weight: weight ?? 0,
    ...(rules ? { headers: rules } : {}),
  }));
  const [only] = all;
  if (!only) throw new PatternError("it has no destination, redirect or direct response");
  // A single destination takes everything; among several, those without a weight take nothing.
  const destinations = all.length === 1 ? [{ ...only, weight: 1 }] : all.filter(({ weight }) => weight > 0);
  if (destinations.length === 0) throw new PatternError("none of its destinations has a weight");
  return {
    kind: "forward",
    destinations,
    mirrors: mirrorsOf(route, namespace),
    ...headers,
    ...(route.rewrite?.authority ? { authority: route.rewrite.authority } : {}),
    ...(rewritePath ? { rewritePath } : {}),
    ...(timeout === undefined ? {} : { timeout }),
    connectAttempts: 1 + Math.max(0, route.retries?.attempts ?? 0),
  };
}

/**
 * A name without a dot is a Service of the VirtualService's own namespace. Without a port 80 is meant: Istio takes the
 * Service's only one, which the gateway, knowing DNS alone, cannot see.
 */
function upstreamOf(destination: Destination, namespace: string): Upstream {
  const host = destination.host.includes(".")
    ? destination.host.toLowerCase()
    : `${destination.host}.${namespace}.svc.${addresses.clusterDomain}`;
  return { host, port: destination.port?.number ?? 80 };
}

function mirrorsOf(route: HttpRoute, namespace: string): MirrorUpstream[] {
  const all = [
    ...(route.mirror ? [{ destination: route.mirror, percentage: route.mirrorPercentage }] : []),
    ...(route.mirrors ?? []),
  ];
  return all
    .map(({ destination, percentage }) => ({
      ...upstreamOf(destination, namespace),
      // An explicit object without a value is protobuf's zero.
      percentage: percentage ? (percentage.value ?? 0) : 100,
    }))
    .filter(({ percentage }) => percentage > 0);
}

function compileRewrite(route: HttpRoute, match: HttpMatch): ((path: string) => string) | undefined {
  const { uri, uriRegexRewrite } = route.rewrite ?? {};
  if (uriRegexRewrite) {
    const regex = compileRegex(uriRegexRewrite.match, { wholeValue: false, flags: "g" });
    const substitution = compileSubstitution(uriRegexRewrite.rewrite);
    return (path) => path.replace(regex, substitution);
  }
  if (!uri) return undefined;
  // Envoy's prefix_rewrite: what was matched is replaced, which is all of the path but for prefixes.
  if (match.uri?.exact !== undefined || match.uri?.regex !== undefined) return () => uri;
  const matched = (match.uri?.prefix ?? "/").length;
  return (path) => uri + path.slice(matched);
}

function compileRedirect(redirect: HttpRedirect): RouteAction {
  const status = redirect.redirectCode || 301;
  if (![301, 302, 303, 307, 308].includes(status)) throw new PatternError(`redirectCode ${status} is not a redirect`);
  const scheme = redirect.scheme || "http";
  return {
    kind: "redirect",
    status,
    location: (request, target) => {
      const host = redirect.authority || request.host;
      let port = redirect.port;
      if (redirect.derivePort === "FROM_REQUEST_PORT") port = request.port ?? 80;
      const isDefault = port === undefined || port === (scheme === "https" ? 443 : 80);
      const named = port === undefined && !redirect.derivePort ? host : host.replace(/:\d+$/, "");
      const uri = redirect.uri ? redirect.uri + (redirect.uri.includes("?") ? "" : target.query) : request.target;
      return `${scheme}://${named}${isDefault ? "" : `:${port}`}${uri}`;
    },
  };
}

/** Milliseconds of a duration as the API server keeps it (Go's notation); undefined for none. */
function durationOf(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const units: Readonly<Record<string, number>> = {
    h: 3_600_000,
    m: 60_000,
    s: 1_000,
    ms: 1,
    us: 0.001,
    ns: 0.000_001,
  };
  if (!/^(\d+(\.\d+)?(ms|us|ns|h|m|s))+$/.test(text)) throw new PatternError(`timeout "${text}" is not a duration`);
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)/g)) {
    sum += Number(amount) * (units[unit ?? ""] ?? 0);
  }
  return sum > 0 ? sum : undefined;
}
