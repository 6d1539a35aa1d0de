import type { DeclaredMesh, DeclaredRoute, DeclaredRule } from "./declaredObjects.ts";

/** A request through the gateway, and what its client and the servers behind the gateway must see. */
export interface GatewayCase {
  readonly title: string;
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** @default 1 */
  readonly times?: number;
  readonly status: number;
  /** All that servers get of it; nobody else may get a request. */
  readonly seen: readonly SeenOfCase[];
}

export interface SeenOfCase {
  readonly server: string;
  /** Of `times`: below 1 it is chance, above it what is sent again. @default 1 */
  readonly share?: number;
  readonly url: string;
  readonly host: string;
  /** Headers that must not be there. */
  readonly without: readonly string[];
  /** Headers that must be there, with these values. @default none */
  readonly having?: Readonly<Record<string, string>>;
}

/** Server that plays the API service, which the gateway asks for each key. */
export const authorizer = "api.menagerie";
const key = { "x-api-key": "good", authorization: "Bearer good" };

/** Name of the server that plays a destination, `<service>.<namespace>`. */
export const serverOf = (host: string): string => host.replace(/\.svc\.cluster\.local$/, "");

/** Servers that a mesh's routes lead to, and the one that is asked for keys. */
export function serversOf({ routes }: DeclaredMesh): readonly string[] {
  const rules = routes.flatMap(({ spec }) => spec.http);
  const targets = rules.flatMap(({ route, mirrors = [] }) =>
    [...route, ...mirrors].map(({ destination }) => destination),
  );
  return [...new Set([authorizer, ...targets.map(({ host }) => serverOf(host))])];
}

/**
 * What must be seen of every route, mirror, rewrite, header rule and key check of a mesh. What a field means is Istio's reference
 * (https://istio.io/latest/docs/reference/config/networking/virtual-service/). Of the defaults: no time-out, and two retries (HTTPRetry) of
 * what could not be sent or is unavailable in gRPC's sense; no other answer is asked for again, 503 included.
 */
export function casesOf(mesh: DeclaredMesh): readonly GatewayCase[] {
  return mesh.routes.flatMap((route) =>
    route.spec.http.flatMap((rule) => rule.match.flatMap(({ uri }) => casesOfRule(mesh, route, rule, uri.prefix))),
  );
}

function casesOfRule(mesh: DeclaredMesh, route: DeclaredRoute, rule: DeclaredRule, prefix: string): GatewayCase[] {
  const title = `${route.metadata.namespace}/${route.metadata.name} ${prefix}`;
  const [anyHost = ""] = route.spec.hosts;
  const host = anyHost === "*" ? "anything.example.com" : anyHost;
  const rest = "models/model%2Fa:predict?x=%20/..";
  const path = `${prefix}${rest}`;
  const [primary] = rule.route;
  if (!primary) throw new Error(`${title} leads nowhere`);
  const server = serverOf(primary.destination.host);
  const alike = {
    url: rule.rewrite?.uri === undefined ? path : `${rule.rewrite.uri}${rest}`,
    host: rule.rewrite?.authority ?? host,
    without: rule.headers?.request.remove ?? [],
  };
  const received = { ...alike, server, having: primary.headers?.request.set ?? {} };
  const mirrors = rule.mirrors ?? [];
  const copies = mirrors.map(({ destination, percentage }) => ({
    ...alike,
    server: serverOf(destination.host),
    share: percentage.value / 100,
  }));
  const isChecked = mesh.policies.some(({ spec }) =>
    isPathOf(
      spec.rules.flatMap(({ to }) => to),
      path,
    ),
  );
  const asked = isChecked ? [{ server: authorizer, url: `/authorize${path}`, host, without: [] }] : [];
  const request = { host, path, headers: key };
  const reached = [...asked, received];
  const cases: GatewayCase[] = [
    // So many that a share can be told from another.
    {
      ...request,
      title: `${title}: reaches ${server}`,
      times: mirrors.length > 0 ? 400 : 1,
      status: 200,
      seen: [...reached, ...copies],
    },
  ];
  const deed = (what: string) => ({ ...request, headers: { ...key, "x-do": `${what}@${server}` } });
  cases.push({
    ...deed("unavailable-once"),
    title: `${title}: what ${server} cannot take is sent to it again`,
    status: 200,
    seen: [...asked, { ...received, share: 2 }, ...copies],
  });
  if (mirrors.length === 0) {
    cases.push(
      { ...deed("delay=1200"), title: `${title}: a slow answer is waited for`, status: 200, seen: reached },
      { ...deed("status=503"), title: `${title}: 503 is passed on`, status: 503, seen: reached },
      { ...deed("status=500"), title: `${title}: 500 is passed on`, status: 500, seen: reached },
    );
  }
  // What has no route is nobody's: Envoy asks for no key either.
  if (prefix.endsWith("/v1/") && prefix !== "/v1/") {
    const control = `${prefix.slice(0, -"v1/".length)}control/patch`;
    cases.push({ ...request, title: `${title}: nothing beside /v1/`, path: control, status: 404, seen: [] });
  }
  if (anyHost !== "*") {
    cases.push({
      ...request,
      title: `${title}: not for another host`,
      host: "other.example.com",
      status: 404,
      seen: [],
    });
  }
  if (isChecked) {
    cases.push({ ...request, title: `${title}: not without a key`, headers: {}, status: 401, seen: asked });
  }
  return cases;
}

/** Paths of an AuthorizationPolicy: exact, or with a `*` at the end. */
function isPathOf(to: readonly { operation: { paths: string[] } }[], path: string): boolean {
  return to
    .flatMap(({ operation }) => operation.paths)
    .some((pattern) => (pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern));
}
