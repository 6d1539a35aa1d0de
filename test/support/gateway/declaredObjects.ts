import type { Manifest } from "../../local/support/manifests.ts";
import { graphOf } from "../stackGraph.ts";

/** A VirtualService with what this project's program says in one; `strictRule` refuses what is not here. */
export interface DeclaredRoute extends Manifest {
  readonly spec: {
    readonly hosts: readonly string[];
    readonly gateways: readonly string[];
    readonly http: readonly DeclaredRule[];
  };
}

export interface DeclaredRule {
  readonly name: string;
  readonly match: readonly { readonly uri: { readonly prefix: string } }[];
  readonly rewrite?: { readonly uri?: string; readonly authority?: string };
  readonly headers?: { readonly request: { readonly remove: readonly string[] } };
  readonly route: readonly DeclaredDestination[];
  readonly mirrors?: readonly { readonly destination: Destination; readonly percentage: { readonly value: number } }[];
}

/** `headers` are set where a request goes to this destination. */
interface DeclaredDestination {
  readonly destination: Destination;
  readonly headers?: { readonly request: { readonly set: Readonly<Record<string, string>> } };
}

interface Destination {
  readonly host: string;
  readonly port: { readonly number: number };
}

/** The AuthorizationPolicy of a gateway that checks keys. */
export interface DeclaredPolicy extends Manifest {
  readonly spec: { readonly action: "CUSTOM"; readonly rules: readonly { to: { operation: { paths: string[] } }[] }[] };
}

export interface DeclaredMesh {
  readonly routes: readonly DeclaredRoute[];
  readonly policies: readonly DeclaredPolicy[];
  /** What bounds the copies for shadows. */
  readonly limits: readonly Manifest[];
  /** Objects of Istio's that nothing of an embedded environment follows, as `kind namespace/name`. */
  readonly leftOut: readonly string[];
}

const gateway = "istio-system/menagerie";

/**
 * Objects of Istio's that the program declares for a stack, with the embedded Gateway in place of the stack's: its name in the routes, and its
 * namespace for policies of its pods.
 */
export async function declaredMesh(stack: string, config: object = {}): Promise<DeclaredMesh> {
  const { resources } = await graphOf(stack, { config });
  const objects = Object.values(resources as Record<string, Manifest & { spec: { action?: string } }>);
  const istio = objects.filter(({ apiVersion }) => apiVersion?.includes(".istio.io/"));
  const routes: DeclaredRoute[] = [];
  const policies: DeclaredPolicy[] = [];
  const limits: Manifest[] = [];
  const leftOut: string[] = [];
  for (const object of istio) {
    const { kind, metadata, spec } = object;
    if (kind === "VirtualService") {
      const route = object as unknown as DeclaredRoute;
      routes.push({ ...route, metadata: named(route), spec: { ...route.spec, gateways: [gateway] } });
    } else if (kind === "AuthorizationPolicy" && spec.action === "CUSTOM") {
      const policy = object as unknown as DeclaredPolicy;
      policies.push({ ...policy, metadata: { ...named(policy), namespace: "istio-system" } });
    } else if (kind === "DestinationRule" || (kind === "EnvoyFilter" && metadata.name?.endsWith("-copies"))) {
      const inGateway = kind === "EnvoyFilter" ? { namespace: "istio-system" } : {};
      limits.push({ ...object, metadata: { ...named(object), ...inGateway } });
    } else leftOut.push(`${kind} ${metadata.namespace}/${metadata.name}`);
  }
  for (const { spec, metadata } of routes)
    for (const rule of spec.http) strictRule(rule, `${metadata.namespace}/${metadata.name}`);
  return { routes, policies, limits, leftOut };
}

/** Without the engine's annotations. */
const named = ({ metadata: { name, namespace } }: Manifest) => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
});

const known = ["headers", "match", "mirrors", "name", "rewrite", "route"];

/** A field that the program begins to write needs cases of its own. */
function strictRule(rule: DeclaredRule, where: string): void {
  const shape = {
    ...rule,
    match: rule.match.map(({ uri }) => ({ uri: { prefix: uri.prefix } })),
    ...(rule.headers ? { headers: { request: { remove: rule.headers.request.remove } } } : {}),
    ...(rule.rewrite ? { rewrite: picked(rule.rewrite, ["authority", "uri"]) } : {}),
    route: rule.route.map(({ destination, headers }) => ({
      destination,
      ...(headers ? { headers: { request: { set: headers.request.set } } } : {}),
    })),
    ...(rule.mirrors
      ? { mirrors: rule.mirrors.map(({ destination, percentage }) => ({ destination, percentage })) }
      : {}),
  };
  const unknown = Object.keys(rule).filter((key) => !known.includes(key));
  if (unknown.length > 0 || sorted(shape) !== sorted(rule)) {
    throw new Error(`${where} says what no case of test/support/gateway covers: ${JSON.stringify(rule)}`);
  }
}

function picked(object: object, keys: readonly string[]): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => keys.includes(key)));
}

/** JSON with sorted keys. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
