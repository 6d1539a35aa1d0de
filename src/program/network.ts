import type * as kubernetes from "@pulumi/kubernetes";
import { ControlAccessPolicy } from "../../components/controlAccess.ts";
import { GatewayKeyCheck } from "../../components/keyCheck.ts";
import { NetworkPolicies } from "../../components/networkPolicies.ts";
import type { PlatformServices } from "../../components/platformServices.ts";
import { RouteGrants } from "../../components/routeGrants.ts";
import { serviceOfHost } from "../domain/serving/activator.ts";
import { batchesBackend } from "../domain/serving/batchRequests.ts";
import { referencesOf } from "../domain/serving/httpRoute.ts";
import { askingGateway } from "../domain/serving/keyCheck.ts";
import { knativeGateway } from "../domain/serving/modelRoute.ts";
import { hostOf, namespaceOfGateway } from "../domain/serving/route.ts";
import type { Environment } from "../environment/environment.ts";
import { plannedRoutes } from "../plan/routes.ts";

type Namespace = kubernetes.core.v1.Namespace;

/** Who may ask what in the mesh, where the stack's config knows of one. */
export function declareMesh({ spec, cluster, parts }: Environment, services: PlatformServices): void {
  if (!spec.mesh) return;
  const { trustDomain, keyCheck } = spec.mesh;
  const { namespace: models, gateway } = spec;
  new ControlAccessPolicy(
    "platform",
    { namespace: spec.namespace, servicesNamespace: spec.services.namespace, trustDomain },
    { providers: [cluster], dependsOn: parts.ready },
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
    { providers: [cluster], dependsOn: services },
  );
}

/**
 * Lets the routes of models lead to Services of other namespaces, where they are HTTPRoutes. What is declared on the environment from then
 * on comes after that, and goes before.
 */
export function declareRouteGrants(
  { spec, facts, cluster, parts }: Environment,
  namespace: Namespace,
  services: PlatformServices | undefined,
): void {
  if (spec.gateway.api !== "gateway-api") return;
  // Versions that are still served may have been declared in another mode than the config has now.
  const modes = [...facts.zoo.values()].flatMap(({ versions }) => versions.map(({ serving }) => serving.mode));
  const references = [
    // A version that may sleep has its Service, and the grant for it, of its own.
    ...plannedRoutes(spec)
      .flatMap(({ route }) => referencesOf(route))
      .filter(({ service }) => serviceOfHost(service) === undefined),
    ...(modes.includes("Knative") ? [knativeGateway] : []),
    ...(services && spec.gateway.checksKeys ? [batchesBackend(spec.services.namespace)] : []),
  ];
  const referenced = [...new Map(references.map((each) => [hostOf(each), each])).values()];
  if (referenced.length === 0) return;
  const grants = new RouteGrants(
    spec.namespace,
    { namespace: spec.namespace, services: referenced },
    { providers: [cluster], dependsOn: services ? [namespace, services.space] : namespace },
  );
  parts.ready.push(grants);
}

/** The stack's NetworkPolicies, where its config asks for them. */
export function declareNetwork(
  { spec, cluster }: Environment,
  namespace: Namespace,
  services: PlatformServices | undefined,
): void {
  if (!spec.networkPolicies) return;
  new NetworkPolicies(
    "platform",
    {
      models: spec.namespace,
      services: services && spec.services.namespace,
      ...(Object.values(spec.zoo).some(({ judge }) => judge) ? { guard: true } : {}),
      console: spec.services.console && (spec.services.console.host === undefined ? "inside" : "routed"),
      database: services && spec.postgresCluster?.namespace,
      gateway: namespaceOfGateway(spec.gateway, spec.namespace),
      allowFrom: spec.networkPolicies.allowFrom,
    },
    { providers: [cluster], dependsOn: services ? [namespace, services] : namespace },
  );
}
