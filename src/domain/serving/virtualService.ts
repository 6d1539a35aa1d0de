import { type Backend, hostOf, isWhole, type Route, type RouteRule } from "./route.ts";

/** A route as Istio's VirtualService (networking.istio.io/v1, https://istio.io/latest/docs/reference/config/networking/virtual-service/). */
export function virtualServiceManifest<Text = string>({ name, namespace, labels, gateway, rules }: Route<Text>) {
  return {
    apiVersion: "networking.istio.io/v1" as const,
    kind: "VirtualService" as const,
    metadata: { name, namespace, labels },
    spec: { gateways: [gateway.name], hosts: [...gateway.hosts], http: rules.map((rule) => httpRule(rule, namespace)) },
  };
}

/**
 * The part of a route that another VirtualService's rules name as their `delegate`. Istio joins each of its rules with each of theirs, by both
 * matches, and takes from those what these do not say: paths, rewrite and headers
 * (https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate).
 */
export function delegateManifest({ name, namespace, labels, rules }: Omit<Route, "gateway">) {
  return {
    apiVersion: "networking.istio.io/v1" as const,
    kind: "VirtualService" as const,
    metadata: { name, namespace, labels },
    spec: {
      http: rules.map(({ name: rule, headers, ...towards }) => ({
        name: rule,
        ...(headers ? { match: [{ headers: headerMatches(headers) }] } : {}),
        ...leading(towards),
      })),
    },
  };
}

function httpRule<Text>(rule: RouteRule<Text>, namespace: string) {
  const { name, paths, headers, rewrite, removedHeaders, delegate } = rule;
  return {
    name,
    match: paths.map((path) => ({
      uri: isWhole(path) ? { exact: path } : { prefix: path },
      ...(headers ? { headers: headerMatches(headers) } : {}),
    })),
    ...(rewrite
      ? { rewrite: { uri: rewrite.path, ...(rewrite.host === undefined ? {} : { authority: rewrite.host }) } }
      : {}),
    ...(removedHeaders ? { headers: { request: { remove: [...removedHeaders] } } } : {}),
    ...(delegate === undefined ? leading(rule) : { delegate: { name: delegate, namespace } }),
  };
}

function headerMatches(headers: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(headers).map(([name, regex]) => [name, { regex }]));
}

/** Headers stand with the destinations: those of a delegate's rule would take the place of what the rule that names it removes. */
function leading({
  destinations,
  mirrors,
  setHeaders: ofAll,
}: Pick<RouteRule, "destinations" | "mirrors" | "setHeaders">) {
  return {
    route: destinations.map(({ weight, setHeaders, setCookie, ...backend }) => ({
      destination: destination(backend),
      ...(ofAll || setHeaders || setCookie !== undefined
        ? {
            headers: {
              ...(ofAll || setHeaders ? { request: { set: { ...ofAll, ...setHeaders } } } : {}),
              ...(setCookie === undefined ? {} : { response: { add: { "set-cookie": setCookie } } }),
            },
          }
        : {}),
      ...(weight === undefined ? {} : { weight }),
    })),
    ...(mirrors
      ? {
          mirrors: mirrors.map(({ percent, ...backend }) => ({
            destination: destination(backend),
            percentage: { value: percent },
          })),
        }
      : {}),
  };
}

function destination(backend: Backend) {
  return { host: hostOf(backend), port: { number: backend.port } };
}
