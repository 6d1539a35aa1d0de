import { compare as compareVersions, valid } from "semver";
import type { ObservedGateway } from "../adapters/kubernetes/gatewayApi.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { keyPath } from "../config/sentences.ts";
import { messageOf } from "../domain/errors.ts";
import { clauseOf, type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import { featureOf, needsOf, sharesSince } from "../domain/serving/httpRouteFeatures.ts";
import { nameOfGateway, namespaceOfGateway } from "../domain/serving/route.ts";
import { type PlannedRoute, plannedRoutes, type RoutedSpec } from "./routes.ts";

/** What a stack asks its cluster about its Gateway. */
export interface GatewayReader {
  /** Undefined where the cluster does not serve the API, of which `checkCluster` tells. */
  readonly gateway: (namespace: string, name: string) => Promise<ObservedGateway | undefined>;
}

/** What is told of the gateway of a stack that is not refused. */
export interface GatewayFindings {
  /** What its routes are, for a preview. */
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

const nothing: GatewayFindings = { lines: [], warnings: [] };

/** Controllers of Istio's GatewayClasses (pilot/pkg/config/kube/gatewaycommon/classinfo.go). */
const istioControllers = /^istio\.io\//;

/**
 * Compares the routes of a stack with `gateway.api: gateway-api` with the Gateway that they attach to: whether it is there and takes
 * them, and whether its class does what they need. A GatewayClass that lists no features, as Istio's, is taken at its word: nothing.
 */
export async function checkGatewayApi(
  spec: RoutedSpec & Pick<EnvironmentSpec, "mesh">,
  { preview, reader }: { readonly preview: boolean; readonly reader: GatewayReader },
): Promise<GatewayFindings> {
  if (spec.gateway.api !== "gateway-api") return nothing;
  const routes = plannedRoutes(spec);
  const [first] = routes;
  if (!first) return nothing;
  const namespace = namespaceOfGateway(spec.gateway, spec.namespace);
  const name = `${namespace}/${nameOfGateway(spec.gateway)}`;
  let found: ObservedGateway | undefined;
  try {
    found = await reader.gateway(namespace, nameOfGateway(spec.gateway));
  } catch (error) {
    if (!preview) {
      const { problem: reason, fix } = clauseOf(error);
      throw refused(refusal("cluster.silent", null, { reason, fix }), error);
    }
    return {
      ...nothing,
      warnings: [`not checked whether Gateway ${name} serves the stack's routes: ${messageOf(error)}`],
    };
  }
  if (!found) return nothing;
  const issues = [...attachment(name, namespace, routes, found), ...classIssues(spec, routes, found)];
  if (issues.length > 0) throw refused(issues);
  return { ...nothing, lines: [described(name, routes, found)] };
}

function attachment(
  name: string,
  namespace: string,
  routes: readonly PlannedRoute[],
  { gateway, gatewayClass }: ObservedGateway,
): Refusal[] {
  const key = keyPath(["gateway", "name"]);
  if (!gateway) return [refusal("gateway.absent", key, { name })];
  const { className, allowedRoutes } = gateway;
  const issues = gatewayClass ? [] : [refusal("gateway.class-absent", key, { name, class: className })];
  const others = new Set(routes.map(({ route }) => route.namespace));
  for (const other of others) {
    // A selector is judged by the cluster: the namespace may not be there yet.
    const takes = allowedRoutes.some(
      (from) => from === "All" || from === "Selector" || (from === "Same" && other === namespace),
    );
    if (!takes) issues.push(refusal("gateway.closed", key, { name, namespace: other }));
  }
  return issues;
}

function classIssues(
  { mesh }: Pick<EnvironmentSpec, "mesh">,
  routes: readonly PlannedRoute[],
  { gateway, gatewayClass, version }: ObservedGateway,
): Refusal[] {
  const issues: Refusal[] = [];
  if (gatewayClass && mesh?.keyCheck && !istioControllers.test(gatewayClass.controller)) {
    const named = { class: gateway?.className ?? "", controller: gatewayClass.controller };
    issues.push(refusal("gateway.not-istio", keyPath(["mesh", "keyCheck"]), named));
  }
  for (const { route, key, from } of routes) {
    for (const need of needsOf(route)) {
      const { key: where = key, instead = `set ${keyPath(["gateway", "api"])} to istio` } = from[need] ?? {};
      const feature = featureOf[need];
      if (gatewayClass?.features && !gatewayClass.features.includes(feature)) {
        issues.push(refusal("gateway.feature", where, { feature, class: gateway?.className ?? "", instead }));
      } else if (
        need === "percent" &&
        version !== undefined &&
        valid(version) &&
        compareVersions(version, sharesSince) < 0
      ) {
        issues.push(refusal("gateway.no-shares", where, { version, since: sharesSince }));
      }
    }
  }
  return issues;
}

/** Such as `routes are HTTPRoutes of Gateway istio-system/menagerie (class istio, Gateway API 1.6.0); …`. */
function described(
  name: string,
  routes: readonly PlannedRoute[],
  { gateway, gatewayClass, version }: ObservedGateway,
): string {
  const release = version === undefined ? "a release of Gateway API that could not be read" : `Gateway API ${version}`;
  const needed = [...new Set(routes.flatMap(({ route }) => needsOf(route).map((need) => featureOf[need])))]
    .sort()
    .join(", ");
  const features =
    needed === ""
      ? ""
      : gatewayClass?.features
        ? `; it supports what they need: ${needed}`
        : `; it lists no supported features, so not checked: ${needed}`;
  return `routes are HTTPRoutes of Gateway ${name} (class ${gateway?.className}, ${release})${features}`;
}
