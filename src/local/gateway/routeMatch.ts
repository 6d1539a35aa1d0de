import type { IncomingHttpHeaders } from "node:http";
import { compileStringMatch, type StringTest } from "./pattern.ts";
import type { HttpMatch } from "./virtualService.ts";

/** What of a request decides about its route. */
export interface RouteRequest {
  readonly method: string;
  /** Request target: path with query. */
  readonly target: string;
  /** `Host` header, a port included. */
  readonly host: string;
  /** Lower-case names, as Node gives them. */
  readonly headers: IncomingHttpHeaders;
  /** Port that the gateway was reached at, for `match.port` and redirects. @default 80 */
  readonly port?: number;
}

/** Path and query of a request target. */
export interface Target {
  readonly path: string;
  /** With its question mark; empty without a query. */
  readonly query: string;
}

export type RouteTest = (request: RouteRequest, target: Target) => boolean;

/** All conditions of one match, which hold together; undefined when it matches every request. Throws PatternError. */
export function compileMatch(match: HttpMatch): RouteTest | undefined {
  const tests: RouteTest[] = [];
  const path = compileStringMatch(match.uri ?? {}, { ignoreCase: match.ignoreUriCase ?? false });
  if (path && !isCatchAllPath(match)) tests.push((_, target) => path(target.path));
  const method = compileStringMatch(match.method ?? {});
  if (method) tests.push((request) => method(request.method));
  const authority = compileStringMatch(match.authority ?? {});
  if (authority) tests.push((request) => authority(request.host));
  const scheme = compileStringMatch(match.scheme ?? {});
  // The gateway ends no TLS.
  if (scheme && !scheme("http")) tests.push(() => false);
  if (match.port) tests.push((request) => (request.port ?? 80) === match.port);
  for (const [name, value] of Object.entries(match.headers ?? {})) {
    tests.push(headerTest(name, compileStringMatch(value)));
  }
  for (const [name, value] of Object.entries(match.withoutHeaders ?? {})) {
    const present = headerTest(name, compileStringMatch(value));
    tests.push((request, target) => !present(request, target));
  }
  const parameters = Object.entries(match.queryParams ?? {}).map(
    ([name, value]) => [name, compileStringMatch(value)] as const,
  );
  if (parameters.length > 0) tests.push((_, { query }) => hasParameters(query, parameters));

  if (tests.length === 0) return undefined;
  const [only] = tests;
  return tests.length === 1 ? only : (request, target) => tests.every((test) => test(request, target));
}

/** Whether the path alone says "everything": such a route goes behind all others of its host. */
export function isCatchAllPath({ uri }: HttpMatch): boolean {
  return uri === undefined || uri.prefix === "/" || uri.regex === "*" || uri.regex === ".*";
}

function headerTest(header: string, test: StringTest | undefined): RouteTest {
  const name = header.toLowerCase();
  // Istio's pseudo-headers.
  if (name === ":method") return (request) => !test || test(request.method);
  if (name === ":authority") return (request) => !test || test(request.host);
  if (name === ":path") return (request) => !test || test(request.target);
  return ({ headers }) => {
    const value = headers[name];
    if (value === undefined) return false;
    return !test || test(Array.isArray(value) ? value.join(",") : value);
  };
}

function hasParameters(query: string, wanted: readonly (readonly [string, StringTest | undefined])[]): boolean {
  const given = new URLSearchParams(query);
  return wanted.every(([name, test]) => {
    const value = given.get(name);
    return value !== null && (!test || test(value));
  });
}
