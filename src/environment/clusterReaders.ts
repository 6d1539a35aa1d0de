import type { KubeConfig } from "@kubernetes/client-node";
import type { LoginSource } from "../adapters/images/registryLogins.ts";
import type { EnvironmentSpec } from "../config/environment.ts";
import type { NamespaceReader } from "../plan/allowedNamespaces.ts";
import type { ClusterReader } from "../plan/cluster.ts";
import type { GatewayReader } from "../plan/gatewayApi.ts";
import type { MeshReader } from "../plan/mesh.ts";
import type { ReadyPodsReader } from "../plan/readyPods.ts";
import type { ReadSecretKeys } from "../plan/secrets.ts";
import type { StatisticsReader } from "../plan/statistics.ts";
import type { IstioReader } from "../plan/stickyHeaders.ts";

/** What plans ask the stack's cluster. The Kubernetes client, which takes a second to load, is loaded by the first question. */
export interface ClusterReaders {
  readonly apis: ClusterReader;
  readonly gateway: GatewayReader;
  readonly mesh: MeshReader;
  readonly istio: IstioReader;
  readonly statistics: StatisticsReader;
  readonly namespaces: NamespaceReader;
  readonly secretKeys: ReadSecretKeys;
  readonly readyPods: ReadyPodsReader;
  /** Logins of the registries that builds push to and pods pull from. */
  readonly registryLogins: () => Promise<readonly LoginSource[]>;
}

/** Readers of the cluster that the stack's kubeconfig context names. */
export function clusterReaders({ kubeContext, namespace, builds }: EnvironmentSpec): ClusterReaders {
  let read: Promise<KubeConfig> | undefined;
  const kubeConfig = () => {
    read ??= import("../adapters/kubernetes/workloads.ts").then((adapter) => adapter.ambientKubeConfig(kubeContext));
    return read;
  };
  const mesh = () => import("../adapters/kubernetes/mesh.ts");
  return {
    apis: {
      servedApis: async () => {
        const { readServedApis } = await import("../adapters/kubernetes/servedApis.ts");
        return readServedApis(await kubeConfig());
      },
      karpenterGates: async () => {
        const { readKarpenterGates } = await import("../adapters/kubernetes/karpenterGates.ts");
        return readKarpenterGates(await kubeConfig());
      },
    },
    gateway: {
      gateway: async (...asked) => {
        const { readGateway } = await import("../adapters/kubernetes/gatewayApi.ts");
        return readGateway(await kubeConfig(), ...asked);
      },
    },
    mesh: {
      countPods: async (...asked) => (await mesh()).countPods(await kubeConfig(), ...asked),
      meshConfigs: async () => (await mesh()).readMeshConfigs(await kubeConfig()),
    },
    istio: { istioVersions: async () => (await mesh()).readIstioVersions(await kubeConfig()) },
    statistics: {
      gatewayMatchers: async (...asked) => {
        const { readGatewayMatchers } = await import("../adapters/envoyStatistics/gatewayMatchers.ts");
        return readGatewayMatchers(await kubeConfig(), ...asked);
      },
      meshConfigs: async () => (await mesh()).readMeshConfigs(await kubeConfig()),
    },
    namespaces: {
      namespaceExists: async (name) => {
        const { namespaceExists } = await import("../adapters/kubernetes/namespaces.ts");
        return namespaceExists(await kubeConfig(), name);
      },
    },
    secretKeys: async (space, name) => {
      const { readSecretKeys } = await import("../adapters/kubernetes/secretKeys.ts");
      return readSecretKeys(await kubeConfig(), space, name);
    },
    readyPods: async () => {
      const { readyPodsOfAll } = await import("../adapters/kubernetes/oldVersion.ts");
      return readyPodsOfAll(await kubeConfig(), namespace);
    },
    registryLogins: async () => {
      const { clusterLogins } = await import("../adapters/kubernetes/pullSecrets.ts");
      const secret = builds.credentials && { namespace: builds.namespace, name: builds.credentials };
      return clusterLogins(kubeConfig, { namespace, builds: secret || undefined });
    },
  };
}
