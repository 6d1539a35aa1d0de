import { type Backend, hostOf, isWhole, type Route, type RouteRule } from "./route.ts";

/** A route as Istio's VirtualService (networking.istio.io/v1, https://istio.io/latest/docs/reference/config/networking/virtual-service/). */
export function virtualServiceManifest<Text = string>({ name, namespace, labels, gateway, rules }: Route<Text>) {
  return {
    apiVersion: "networking.istio.io/v1" as const,
    kind: "VirtualService" as const,
    metadata: { name, namespace, labels },
    spec: { gateways: [gateway.name], hosts: [...gateway.hosts], http: rules.map((rule) => httpRule(rule)) },
  };
}

function httpRule<Text>({ name, paths, rewrite, removedHeaders, destinations, mirrors }: RouteRule<Text>) {
  return {
    name,
    match: paths.map((path) => ({ uri: isWhole(path) ? { exact: path } : { prefix: path } })),
    ...(rewrite
      ? { rewrite: { uri: rewrite.path, ...(rewrite.host === undefined ? {} : { authority: rewrite.host }) } }
      : {}),
    ...(removedHeaders ? { headers: { request: { remove: [...removedHeaders] } } } : {}),
    route: destinations.map(({ weight, setHeaders, ...backend }) => ({
      destination: destination(backend),
      ...(setHeaders ? { headers: { request: { set: { ...setHeaders } } } } : {}),
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
