import { ControlAccessPolicy } from "../../components/controlAccess.ts";
import { GatewayKeyCheck } from "../../components/keyCheck.ts";
import { NetworkPolicies } from "../../components/networkPolicies.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import { namespaceOfGateway } from "../domain/serving/route.ts";
import type { Cluster } from "./cluster.ts";
import type { Platform } from "./platform.ts";

/** Who may ask what in the mesh, where the stack's config knows of one. */
export function declareMesh(spec: EnvironmentSpec, { provider, namespace }: Cluster, { services }: Platform): void {
  if (!spec.mesh) return;
  const { trustDomain, keyCheck } = spec.mesh;
  new ControlAccessPolicy(
    "platform",
    { namespace: spec.namespace, servicesNamespace: spec.services.namespace, trustDomain },
    { providers: [provider], dependsOn: namespace },
  );
  if (!keyCheck) return;
  new GatewayKeyCheck(
    "platform",
    { ...keyCheck, namespace: spec.namespace, gatewayNamespace: namespaceOfGateway(spec.gateway, spec.namespace) },
    // Who answers comes before who asks.
    { providers: [provider], dependsOn: services },
  );
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
