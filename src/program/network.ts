import { NetworkPolicies } from "../../components/networkPolicies.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import type { Cluster } from "./cluster.ts";
import type { Platform } from "./platform.ts";

/** The stack's NetworkPolicies, where its config asks for them. */
export function declareNetwork(spec: EnvironmentSpec, { provider, namespace }: Cluster, platform?: Platform): void {
  if (!spec.networkPolicies) return;
  new NetworkPolicies(
    "platform",
    {
      models: spec.namespace,
      services: platform && spec.services.namespace,
      database: platform && spec.postgresCluster?.namespace,
      // A Gateway without a namespace is in that of the routes.
      gateway: /^([^/]+)\//.exec(spec.gateway.name)?.[1] ?? spec.namespace,
      allowFrom: spec.networkPolicies.allowFrom,
    },
    { providers: [provider], dependsOn: platform ? [namespace, platform.services] : namespace },
  );
}
