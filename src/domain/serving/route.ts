/** A Service of the cluster and one of its ports. */
export interface Backend {
  readonly service: string;
  readonly namespace: string;
  readonly port: number;
}

/** Host name of a Service in the cluster's DNS. */
export function hostOf({ service, namespace }: Omit<Backend, "port">): string {
  return `${service}.${namespace}.svc.cluster.local`;
}

/** The APIs that a route can be an object of: Istio's VirtualService, or Gateway API's HTTPRoute. */
export const routeApis = ["istio", "gateway-api"] as const;

export type RouteApi = (typeof routeApis)[number];

/** Where a model's requests come in. */
export interface RouteGateway {
  /** API of the Gateway and of what attaches to it. @default "istio" */
  readonly api?: RouteApi;
  /** The Gateway, as `<namespace>/<name>`. */
  readonly name: string;
  readonly hosts: readonly string[];
  /**
   * The gateway lets only requests with a key pass; models do not get to see it.
   * @default false
   */
  readonly checksKeys?: boolean;
}

/** A gateway with the address by which clients reach it. */
export interface ClientGateway extends RouteGateway {
  /** Without a path. */
  readonly url: string;
}

/** Namespace of the Gateway and its pods; one that is named without a namespace is in that of the routes. */
export function namespaceOfGateway({ name }: Pick<RouteGateway, "name">, routes: string): string {
  return /^([^/]+)\//.exec(name)?.[1] ?? routes;
}

/** Name of the Gateway without its namespace. */
export function nameOfGateway({ name }: Pick<RouteGateway, "name">): string {
  return name.slice(name.indexOf("/") + 1);
}

/** Label of the pods that run for a Gateway of Gateway API, with the Gateway's name (https://gateway-api.sigs.k8s.io/geps/gep-1762/). */
export const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name";

/** A backend that answers requests of a route. */
export interface Destination extends Backend {
  /**
   * Its share of the requests, relative to the rule's other destinations.
   * @default it is the only one
   */
  readonly weight?: number;
  /**
   * Request headers that it gets, whatever the client sent under their names.
   * @default none
   */
  readonly setHeaders?: Readonly<Record<string, string>>;
  /**
   * Cookie that its answers set, as `set-cookie` has it.
   * @default none
   */
  readonly setCookie?: string;
}

/** A backend that gets copies of requests, whose answers nobody sees. */
export interface Mirror extends Backend {
  /** Share of the requests that is copied, 0 to 100. */
  readonly percent: number;
}

/** What becomes of the requests below some paths. */
export interface RouteRule<Text = string> {
  readonly name: string;
  /** With a slash at its end: what is below it; without: that path alone. */
  readonly paths: readonly string[];
  /**
   * What headers must match besides, whole, as RE2 has it; such a rule stands before those of the same paths without.
   * @default whatever they are
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Path that takes the place of the rule's own, with a slash at its end as that one has, and the Host that the destination gets. Of one
   * path: HTTPRoute replaces no others.
   * @default the request goes on as it came
   */
  readonly rewrite?: { readonly path: Text; readonly host?: string };
  /**
   * Request headers that the destinations do not get.
   * @default none
   */
  readonly removedHeaders?: readonly string[];
  /**
   * Request headers that every destination gets, whatever the client sent under their names.
   * @default none
   */
  readonly setHeaders?: Readonly<Record<string, string>>;
  readonly destinations: readonly Destination[];
  /** @default none */
  readonly mirrors?: readonly Mirror[];
  /**
   * VirtualService of the same namespace that says where requests go, see `delegateManifest`; destinations and mirrors are not looked at.
   * @default the rule says it itself
   */
  readonly delegate?: string;
}

/** Each Service once: rules lead to the same ones. */
export function distinct(services: readonly Omit<Backend, "port">[]): Omit<Backend, "port">[] {
  return [...new Map(services.map((each) => [hostOf(each), each])).values()];
}

/** Whether a rule's path is that path alone, not what is below it. */
export function isWhole(path: string): boolean {
  return !path.endsWith("/");
}

/**
 * A way from the gateway to the cluster's Services, as every renderer reads it: one API or the other makes an object of it. Rules'
 * paths do not overlap, also not with those of other routes, for the APIs differ in which of two matches wins.
 */
export interface Route<Text = string> {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly gateway: RouteGateway;
  readonly rules: readonly RouteRule<Text>[];
}
