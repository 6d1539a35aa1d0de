import { ControlAccessPolicy } from "../../components/controlAccess.ts";
import { GatewayKeyCheck } from "../../components/keyCheck.ts";
import { NetworkPolicies } from "../../components/networkPolicies.ts";
import { RouteGrants } from "../../components/routeGrants.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { referencesOf } from "../domain/serving/httpRoute.ts";
import { askingGateway } from "../domain/serving/keyCheck.ts";
import { knativeGateway } from "../domain/serving/modelRoute.ts";
import { hostOf, namespaceOfGateway } from "../domain/serving/route.ts";
import { plannedRoutes } from "../plan/routes.ts";
import type { Cluster } from "./cluster.ts";
import type { EnvironmentFacts } from "./facts.ts";
import type { Platform } from "./platform.ts";

/** Who may ask what in the mesh, where the stack's config knows of one. */
export function declareMesh(spec: EnvironmentSpec, { provider, namespace }: Cluster, { services }: Platform): void {
  if (!spec.mesh) return;
  const { trustDomain, keyCheck } = spec.mesh;
  const { namespace: models, gateway } = spec;
  new ControlAccessPolicy(
    "platform",
    { namespace: spec.namespace, servicesNamespace: spec.services.namespace, trustDomain },
    { providers: [provider], dependsOn: namespace },
  );
  if (!keyCheck) return;
  new GatewayKeyCheck(
    "platform",
    {
      provider: keyCheck.provider,
      namespace: models,
      gatewayNamespace: namespaceOfGateway(gateway, models),
      gateway: askingGateway(gateway, keyCheck.gatewayPods),
    },
    // Who answers comes before who asks.
    { providers: [provider], dependsOn: services },
  );
}

/**
 * Lets the routes of models lead to Services of other namespaces, where they are HTTPRoutes. Answers the cluster for what is declared
 * on it: routes come after that, and go before.
 */
export function declareRouteGrants(
  spec: EnvironmentSpec,
  { zoo }: Pick<EnvironmentFacts, "zoo">,
  cluster: Cluster,
  platform?: Platform,
): Cluster {
  if (spec.gateway.api !== "gateway-api") return cluster;
  const { provider, namespace, ready } = cluster;
  // Versions that are still served may have been declared in another mode than the config has now.
  const modes = [...zoo.values()].flatMap(({ versions }) => versions.map(({ serving }) => serving.mode));
  const references = [
    ...plannedRoutes(spec).flatMap(({ route }) => referencesOf(route)),
    ...(modes.includes("Knative") ? [knativeGateway] : []),
  ];
  const services = [...new Map(references.map((each) => [hostOf(each), each])).values()];
  if (services.length === 0) return cluster;
  const grants = new RouteGrants(
    spec.namespace,
    { namespace: spec.namespace, services },
    { providers: [provider], dependsOn: platform ? [namespace, platform.services.space] : namespace },
  );
  return { ...cluster, ready: [...ready, grants] };
}

/** The stack's NetworkPolicies, where its config asks for them. */
export function declareNetwork(spec: EnvironmentSpec, { provider, namespace }: Cluster, platform?: Platform): void {
  if (!spec.networkPolicies) return;
  new NetworkPolicies(
    "platform",
    {
      models: spec.namespace,
      services: platform && spec.services.namespace,
      database: platform && spec.postgresCluster?.namespace,
      gateway: namespaceOfGateway(spec.gateway, spec.namespace),
      allowFrom: spec.networkPolicies.allowFrom,
    },
    { providers: [provider], dependsOn: platform ? [namespace, platform.services] : namespace },
  );
}
