import { KubeConfig } from "@kubernetes/client-node";
import { trussContext } from "../../src/adapters/builds/buildContext.ts";
import { createPipelineArchiveBuilder } from "../../src/adapters/builds/pipelineArchiveBuilder.ts";
import { createPipelineBuilder, type PipelineBuilderOptions } from "../../src/adapters/builds/pipelineBuilder.ts";
import { request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { buildAccess } from "../../src/domain/builds/buildAccess.ts";
import { buildPipelineManifest, buildTaskManifest } from "../../src/domain/builds/pipeline.ts";
import type { ObservedRun } from "../../src/domain/builds/pipelineRun.ts";
import { pushLimits } from "../../src/domain/development/pushedTruss.ts";
import { silent } from "../../src/domain/progress.ts";
import type { ArchiveBuilder } from "../../src/domain/truss/archiveBuilder.ts";
import type { TrussBuilder } from "../../src/domain/truss/builder.ts";
import { applyManifest, type Manifest, namespace as namespaceManifest } from "./support/manifests.ts";

const namespace = "build-runs";
const runsPath = `/apis/tekton.dev/v1/namespaces/${namespace}/pipelineruns`;
const digest = `sha256:${"b".repeat(64)}`;

/** A namespace with the build Pipeline on an API server without Tekton's controller, whose part the test plays. */
export class BuildRuns {
  readonly #admin: KubeConfig;
  readonly #deployer: KubeConfig;

  private constructor(admin: KubeConfig, deployer: KubeConfig) {
    this.#admin = admin;
    this.#deployer = deployer;
  }

  /** Builds as an account that has Role `truss-builder` and nothing else. */
  static async create(admin: KubeConfig): Promise<BuildRuns> {
    const pipeline = {
      namespace,
      target: { kind: "registry", builderImage: `buildkit@${digest}`, layerCache: true },
      resources: { cpu: "500m", memory: "2Gi" },
      retries: 0,
    } as const;
    const { role, bindings } = buildAccess(namespace, [{ namespace, name: "deployer" }]);
    const rbac = "rbac.authorization.k8s.io";
    const manifests = [
      namespaceManifest(namespace),
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "deployer", namespace } },
      { apiVersion: `${rbac}/v1`, kind: "Role", ...role },
      ...bindings.map((binding) => ({ apiVersion: `${rbac}/v1`, kind: "RoleBinding", ...binding })),
      buildTaskManifest(pipeline),
      buildPipelineManifest(pipeline),
    ] as Manifest[];
    for (const manifest of manifests) await applyManifest(admin, manifest);
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/deployer/token`;
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const { status } = await requestJson<{ status: { token: string } }>(admin, "POST", path, { body });
    const deployer = new KubeConfig();
    const cluster = admin.getCurrentCluster();
    if (!cluster) throw new Error("the kubeconfig has no current cluster");
    deployer.loadFromClusterAndUser(cluster, { name: "deployer", token: status.token });
    return new BuildRuns(admin, deployer);
  }

  /** The builder that a stack with a registry has; `archive` stands for the context. */
  builder(archive: Uint8Array, options: Partial<PipelineBuilderOptions> = {}): TrussBuilder {
    return createPipelineBuilder({
      config: this.#deployer,
      namespace,
      serviceAccount: "truss-build",
      timeoutMinutes: 5,
      keep: 2,
      progress: silent,
      signal: new AbortController().signal,
      interval: 50,
      pack: async () => ({ archive, sha256: "0".repeat(64) }),
      params: ({ name, hash }) => ({ image: `registry.example.com/${name}`, tag: hash }),
      ...options,
    });
  }

  /** The builder that the API service of such a stack has for what clients push, with the rights of the stack's binding. */
  archiveBuilder(): ArchiveBuilder {
    return createPipelineArchiveBuilder({
      config: this.#deployer,
      namespace,
      serviceAccount: "truss-build",
      timeoutMinutes: 5,
      keep: 2,
      interval: 50,
      limits: pushLimits,
      log: () => {},
      pack: (request, reading) => trussContext(request.name, reading),
      params: ({ name, hash }) => ({ image: `registry.example.com/${name}`, tag: hash }),
    });
  }

  async all(): Promise<ObservedRun[]> {
    const { items } = await requestJson<{ items: ObservedRun[] }>(this.#admin, "GET", runsPath);
    return items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  /** Bytes of the context's parts, in the order of their Secrets' names. */
  async contextSizes(): Promise<number[]> {
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const { items } = await requestJson<{ items: { data: Record<string, string> }[] }>(this.#admin, "GET", path);
    return items.flatMap(({ data }) => Object.values(data).map((text) => Buffer.from(text, "base64").length));
  }

  /** Waits until the run was started. */
  async started(name: string): Promise<ObservedRun> {
    for (;;) {
      const run = (await this.all()).find(({ metadata }) => metadata.name === name);
      if (run && run.spec?.status === undefined) return run;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** What Tekton's controller writes at the end of a run. */
  async end(name: string, reason: string, results: Readonly<Record<string, string>> = {}): Promise<void> {
    const status = reason === "Succeeded" ? "True" : "False";
    await request(this.#admin, "PATCH", `${runsPath}/${name}/status`, {
      contentType: "application/merge-patch+json",
      body: {
        status: {
          conditions: [
            { type: "Succeeded", status, reason, message: reason, lastTransitionTime: new Date().toISOString() },
          ],
          completionTime: new Date().toISOString(),
          results: Object.entries(results).map(([key, value]) => ({ name: key, value })),
        },
      },
    });
  }
}
