import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig, V1Node, V1PolicyRule } from "@kubernetes/client-node";
import { loadAll } from "js-yaml";
import { putImage } from "../../src/adapters/images/imageStore.ts";
import { readIfThere, request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { kwokInstanceTypes } from "../../src/domain/capacity/kwokInstanceTypes.ts";
import type { Condition } from "../../src/domain/serving/condition.ts";
import { type GpuPool, nodeClassManifest, nodePoolManifest } from "../../src/domain/serving/nodePool.ts";
import type { EnvironmentLayout } from "../../src/local/layout.ts";
import { thisMachine } from "../../src/local/node/machine.ts";
import { applyManifest, type Manifest, namespace as namespaceManifest } from "../local/support/manifests.ts";
import { ensureKarpenter } from "../support/testTools.ts";

const namespace = "karpenter";
const karpenter = "/apis/karpenter.sh/v1";
const deployment = `/apis/apps/v1/namespaces/${namespace}/deployments/karpenter`;

/** A NodeClaim of Karpenter, as far as it is read. */
export interface NodeClaim {
  readonly metadata: { readonly name: string; readonly creationTimestamp: string; readonly deletionTimestamp?: string };
  readonly status?: { readonly nodeName?: string; readonly conditions?: readonly Condition[] };
}

/** Karpenter's own controllers with the kwok provider, in an environment, for pools. */
export class KarpenterCluster {
  readonly config: KubeConfig;

  private constructor(config: KubeConfig) {
    this.config = config;
  }

  /** Installs Karpenter, with the rights that its chart gives it and instance types for the pools, and waits until it is ready. */
  static async create(
    config: KubeConfig,
    layout: EnvironmentLayout,
    pools: readonly GpuPool[],
    gates: string,
  ): Promise<KarpenterCluster> {
    const { controller, module } = await ensureKarpenter();
    for (const folder of ["pkg/apis/crds", "kwok/apis/crds"]) {
      for (const file of await readdir(join(module, folder))) {
        for (const crd of await readManifests(join(module, folder, file))) await applyManifest(config, crd);
      }
    }
    const { architecture } = await thisMachine();
    const types = kwokInstanceTypes(pools, { cpu: "16", memory: "64Gi", architecture });
    const image = await putImage(layout.images, {
      url: "test.local/karpenter",
      layers: [],
      config: { entrypoint: ["/karpenter"], cmd: [], env: {}, workingDir: "/" },
      populate: async (root) => {
        await copyFile(controller, join(root, "karpenter"));
        await writeFile(join(root, "instance-types.json"), JSON.stringify(types));
      },
    });
    const made = new KarpenterCluster(config);
    await applyManifest(config, namespaceManifest(namespace));
    for (const manifest of await rights(join(module, "kwok", "charts", "templates"))) {
      await applyManifest(config, manifest);
    }
    await applyManifest(config, deploymentManifest(`${image.url}@${image.digest}`, gates));
    await made.#ready();
    return made;
  }

  /** Starts Karpenter again with other feature gates, such as `StaticCapacity=true`. */
  async switchGates(gates: string): Promise<void> {
    const env = [{ name: "FEATURE_GATES", value: gates }];
    await request(this.config, "PATCH", deployment, {
      contentType: "application/strategic-merge-patch+json",
      body: { spec: { template: { spec: { containers: [{ name: "controller", env }] } } } },
    });
    await this.#ready();
  }

  async #ready(): Promise<void> {
    for (;;) {
      const { metadata, status } = await requestJson<ObservedDeployment>(this.config, "GET", deployment);
      const { observedGeneration, updatedReplicas, readyReplicas, replicas } = status ?? {};
      const settled = [updatedReplicas, readyReplicas, replicas].every((count) => count === 1);
      if (settled && observedGeneration === metadata.generation) return;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** Declares a pool as the stack does. Empty nodes are removed after `emptyFor`, in place of ten minutes. */
  async declare(pool: GpuPool, emptyFor = "5s"): Promise<void> {
    await applyManifest(this.config, nodeClassManifest(pool));
    const manifest = nodePoolManifest(pool);
    const { spec } = manifest;
    const shortened = "disruption" in spec && { disruption: { ...spec.disruption, consolidateAfter: emptyFor } };
    await applyManifest(this.config, { ...manifest, spec: { ...spec, ...shortened } } as Manifest);
  }

  async remove(pool: string): Promise<void> {
    await request(this.config, "DELETE", `${karpenter}/nodepools/${pool}`);
  }

  /** Claims of a pool that are not on their way out. */
  async claims(pool: string): Promise<NodeClaim[]> {
    const query = { labelSelector: `karpenter.sh/nodepool=${pool}` };
    const { items } = await requestJson<{ items: NodeClaim[] }>(this.config, "GET", `${karpenter}/nodeclaims`, {
      query,
    });
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  async deleteClaim(name: string): Promise<void> {
    await request(this.config, "DELETE", `${karpenter}/nodeclaims/${name}`);
  }

  /** Nodes of a pool that are ready for pods. */
  async nodes(pool: string): Promise<V1Node[]> {
    const query = { labelSelector: `karpenter.sh/nodepool=${pool},karpenter.sh/initialized=true` };
    const { items } = await requestJson<{ items: V1Node[] }>(this.config, "GET", "/api/v1/nodes", { query });
    return items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  }

  /** Names of all nodes, whoever made them. */
  async nodeNames(): Promise<string[]> {
    const { items } = await requestJson<{ items: V1Node[] }>(this.config, "GET", "/api/v1/nodes");
    return items.map(({ metadata }) => metadata?.name ?? "").sort();
  }

  /** Names of the nodes that a kubelet keeps a lease for. */
  async leases(): Promise<string[]> {
    const path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    const { items } = await requestJson<{ items: { metadata: { name: string } }[] }>(this.config, "GET", path);
    return items.map(({ metadata }) => metadata.name).sort();
  }

  /** What Karpenter itself has logged last. */
  async log(lines = 60): Promise<string> {
    const { items } = await requestJson<{ items: { metadata: { name: string } }[] }>(
      this.config,
      "GET",
      `/api/v1/namespaces/${namespace}/pods`,
    );
    const [pod] = items;
    const path = `/api/v1/namespaces/${namespace}/pods/${pod?.metadata.name}/log`;
    return await (await request(this.config, "GET", path, { query: { tailLines: lines } })).text();
  }

  /** A pool's status, as Karpenter writes it. */
  async statusOf(pool: string): Promise<unknown> {
    return (await readIfThere<{ status?: unknown }>(this.config, `${karpenter}/nodepools/${pool}`))?.status;
  }
}

interface ObservedDeployment {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly updatedReplicas?: number;
    readonly readyReplicas?: number;
    readonly replicas?: number;
  };
}

async function readManifests(file: string): Promise<Manifest[]> {
  return (loadAll(await readFile(file, "utf8")) as (Manifest | null)[]).filter((manifest) => manifest !== null);
}

/** A role of the chart, as far as it is read. */
interface ChartRole {
  readonly kind: string;
  readonly metadata: { readonly namespace?: string };
  readonly rules?: readonly V1PolicyRule[];
}

/** The account, and the roles of the chart with their bindings: what Karpenter has in a cluster, and no more. */
async function rights(templates: string): Promise<Manifest[]> {
  const subjects = [{ kind: "ServiceAccount", name: "karpenter", namespace }];
  const manifests: Manifest[] = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "karpenter", namespace } },
  ];
  for (const file of ["clusterrole.yaml", "clusterrole-kwok.yaml", "role.yaml"]) {
    // Names, labels and bindings are the template's; the rules are plain YAML.
    const text = (await readFile(join(templates, file), "utf8")).replaceAll(/^.*\{\{.*$/gm, "");
    for (const [index, role] of (loadAll(text) as (ChartRole | null)[]).entries()) {
      if (!role?.rules) continue;
      const metadata = {
        name: `karpenter-${file.replace(".yaml", "")}-${index}`,
        ...(role.kind === "Role" && { namespace: role.metadata.namespace ?? namespace }),
      };
      const api = "rbac.authorization.k8s.io";
      const made = { apiVersion: `${api}/v1`, metadata };
      const roleRef = { apiGroup: api, kind: role.kind, name: metadata.name };
      manifests.push(
        { ...made, kind: role.kind, rules: role.rules } as Manifest,
        { ...made, kind: `${role.kind}Binding`, roleRef, subjects } as Manifest,
      );
    }
  }
  return manifests;
}

/** Karpenter's Deployment, with the label and the variable by which its chart's is known. */
function deploymentManifest(image: string, gates: string): Manifest {
  const labels = { "app.kubernetes.io/name": "karpenter" };
  const env = Object.entries({
    FEATURE_GATES: gates,
    INSTANCE_TYPES_FILE_PATH: "/instance-types.json",
    KARPENTER_SERVICE: "karpenter",
    SYSTEM_NAMESPACE: namespace,
    METRICS_PORT: "8080",
    HEALTH_PROBE_PORT: "8081",
  }).map(([name, value]) => ({ name, value }));
  const container = {
    name: "controller",
    image,
    env,
    resources: { requests: { cpu: "100m", memory: "256Mi" } },
    readinessProbe: { httpGet: { path: "/readyz", port: 8081 }, periodSeconds: 1 },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "karpenter", namespace, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      strategy: { type: "Recreate" },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: "karpenter",
          containers: [container],
          terminationGracePeriodSeconds: 5,
          // Karpenter must not run on what it may take away.
          nodeSelector: { "menagerie.dev/pool": "cpu" },
        },
      },
    },
  } as Manifest;
}
