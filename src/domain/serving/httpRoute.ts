import { platformMetadata } from "./platformMetadata.ts";
import {
  type Backend,
  distinct,
  isWhole,
  type Mirror,
  nameOfGateway,
  namespaceOfGateway,
  type Route,
  type RouteRule,
} from "./route.ts";

/**
 * A route as Gateway API's HTTPRoute (gateway.networking.k8s.io/v1, https://gateway-api.sigs.k8s.io/reference/spec/#httproute).
 *
 * Its prefixes end at a slash or at the path's end: `/serving/models/iris/v1` itself matches too, and becomes `/v1`. Defaults are written
 * out: its lists are owned as a whole, so of one that somebody edits by hand, drift could not tell them from what was added.
 */
export function httpRouteManifest<Text = string>({ name, namespace, labels, gateway, rules }: Route<Text>) {
  // An HTTPRoute without host names answers to every one that its Gateway does.
  const hosts = gateway.hosts.includes("*") ? {} : { hostnames: [...gateway.hosts] };
  return {
    apiVersion: "gateway.networking.k8s.io/v1" as const,
    kind: "HTTPRoute" as const,
    metadata: { name, namespace, labels },
    spec: {
      parentRefs: [
        {
          group: "gateway.networking.k8s.io",
          kind: "Gateway",
          name: nameOfGateway(gateway),
          namespace: namespaceOfGateway(gateway, namespace),
        },
      ],
      ...hosts,
      rules: rules.map((rule) => ruleOf(rule, namespace)),
    },
  };
}

function ruleOf<Text>(rule: RouteRule<Text>, namespace: string) {
  return {
    matches: rule.paths.map((value) => ({
      path: { type: isWhole(value) ? ("Exact" as const) : ("PathPrefix" as const), value },
      ...(rule.headers ? { headers: headerMatches(rule.headers) } : {}),
    })),
    filters: filtersOf(rule, namespace),
    backendRefs: rule.destinations.map(({ weight = 1, setHeaders, setCookie, ...backend }) => ({
      ...reference(backend, namespace),
      weight,
      ...(setHeaders || setCookie !== undefined
        ? {
            filters: [
              ...(setHeaders ? [settingHeaders(setHeaders)] : []),
              ...(setCookie === undefined ? [] : [settingCookie(setCookie)]),
            ],
          }
        : {}),
    })),
  };
}

function headerMatches(headers: Readonly<Record<string, string>>) {
  return Object.entries(headers).map(([name, value]) => ({ type: "RegularExpression" as const, name, value }));
}

function settingCookie(value: string) {
  return { type: "ResponseHeaderModifier" as const, responseHeaderModifier: { add: [{ name: "set-cookie", value }] } };
}

function filtersOf<Text>(
  { paths, rewrite, removedHeaders, setHeaders, mirrors = [] }: RouteRule<Text>,
  namespace: string,
) {
  return [
    ...(rewrite
      ? [
          {
            type: "URLRewrite" as const,
            urlRewrite: {
              ...(rewrite.host === undefined ? {} : { hostname: rewrite.host }),
              path: paths.some(isWhole)
                ? { type: "ReplaceFullPath" as const, replaceFullPath: rewrite.path }
                : { type: "ReplacePrefixMatch" as const, replacePrefixMatch: rewrite.path },
            },
          },
        ]
      : []),
    // A rule may have one such filter.
    ...(removedHeaders || setHeaders
      ? [
          {
            type: "RequestHeaderModifier" as const,
            requestHeaderModifier: {
              ...(removedHeaders ? { remove: [...removedHeaders] } : {}),
              ...(setHeaders ? { set: named(setHeaders) } : {}),
            },
          },
        ]
      : []),
    ...mirrors.map(({ percent, ...backend }) => ({
      type: "RequestMirror" as const,
      requestMirror: { backendRef: reference(backend, namespace), ...shareOf(percent) },
    })),
  ];
}

function settingHeaders(headers: Readonly<Record<string, string>>) {
  return { type: "RequestHeaderModifier" as const, requestHeaderModifier: { set: named(headers) } };
}

function named(headers: Readonly<Record<string, string>>) {
  return Object.entries(headers).map(([name, value]) => ({ name, value }));
}

/** A Service of another namespace needs a ReferenceGrant there, see {@link referencesOf}. */
function reference({ service, namespace, port }: Backend, own: string) {
  return { group: "", kind: "Service", name: service, ...(namespace === own ? {} : { namespace }), port };
}

/** Share of the requests that a mirror gets: all by default, whole percents, or parts of a thousand and more. */
function shareOf(percent: Mirror["percent"]) {
  if (percent >= 100) return {};
  if (Number.isInteger(percent)) return { percent };
  // Envoy counts in millionths, so no more digits than these make a difference.
  const [, decimals = ""] = percent.toFixed(4).replace(/0+$/, "").split(".");
  const denominator = 100 * 10 ** decimals.length;
  return { fraction: { numerator: Math.round((percent / 100) * denominator), denominator } };
}

/** Services of other namespaces that a route leads or copies requests to. */
export function referencesOf({ namespace, rules }: Pick<Route, "namespace" | "rules">): Omit<Backend, "port">[] {
  const backends = rules.flatMap(({ destinations, mirrors = [] }) => [...destinations, ...mirrors]);
  const others = backends.filter((backend) => backend.namespace !== namespace);
  return distinct(others.map(({ service, namespace: where }) => ({ service, namespace: where })));
}

/**
 * The ReferenceGrant (gateway.networking.k8s.io/v1beta1, which every release serves) by which HTTPRoutes of a namespace may lead to a
 * Service of another one: without it a gateway answers 500 (https://gateway-api.sigs.k8s.io/api-types/referencegrant/).
 */
export function referenceGrantManifest({ service, namespace }: Omit<Backend, "port">, routes: string) {
  return {
    apiVersion: "gateway.networking.k8s.io/v1beta1" as const,
    kind: "ReferenceGrant" as const,
    // Stacks may share the namespace.
    metadata: platformMetadata(`${routes}-routes-to-${service}`, namespace),
    spec: {
      from: [{ group: "gateway.networking.k8s.io", kind: "HTTPRoute", namespace: routes }],
      to: [{ group: "", kind: "Service", name: service }],
    },
  };
}
