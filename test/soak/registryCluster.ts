import type { KubeConfig } from "@kubernetes/client-node";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { buildAccess, buildNamespaceManifest } from "../../src/domain/builds/buildAccess.ts";
import { type BuildPipeline, buildPipelineManifest, buildTaskManifest } from "../../src/domain/builds/pipeline.ts";
import type { ObservedRun } from "../../src/domain/builds/pipelineRun.ts";
import type { EnvironmentLayout } from "../../src/local/layout.ts";
import { applyManifest, type Manifest } from "../local/support/manifests.ts";
import { ensureRegistryTools } from "../support/testTools.ts";
import { dockerConfig } from "./buildkitImage.ts";
import { deployRegistry, registryHost } from "./registryServer.ts";

const namespace = "registry-builds";

/** A registry that wants credentials, and the Pipeline that pushes to it, in an environment with Tekton. */
export class RegistryCluster {
  readonly namespace = namespace;
  /** Images are pushed to `<repository>/<name>`. */
  readonly repository = `${registryHost}/models`;
  readonly config: KubeConfig;
  /** BuildKit's image. */
  readonly builderImage: string;
  /** Path of a program that makes the folders below /workspace that it is given, and needs nothing beside it. */
  readonly mkdir: string;

  private constructor(config: KubeConfig, builderImage: string, mkdir: string) {
    this.config = config;
    this.builderImage = builderImage;
    this.mkdir = mkdir;
  }

  static async create(config: KubeConfig, layout: EnvironmentLayout): Promise<RegistryCluster> {
    const tools = await ensureRegistryTools();
    const made = new RegistryCluster(config, await deployRegistry(config, layout, tools), tools.mkdir);
    for (const manifest of made.#pipelineManifests()) await applyManifest(config, manifest);
    await made.credentials("valid");
    return made;
  }

  get pipeline(): BuildPipeline {
    return {
      namespace,
      target: { kind: "registry", builderImage: this.builderImage, layerCache: true },
      resources: { cpu: "250m", memory: "1Gi" },
      retries: 0,
    };
  }

  #pipelineManifests(): Manifest[] {
    const { account } = buildAccess(namespace);
    return [
      { apiVersion: "v1", kind: "Namespace", ...buildNamespaceManifest(namespace) },
      { apiVersion: "v1", kind: "ServiceAccount", ...account },
      buildTaskManifest(this.pipeline),
      buildPipelineManifest(this.pipeline),
    ] as Manifest[];
  }

  /** Puts a password into the Secret that builds push with. */
  async credentials(password: string): Promise<void> {
    const file = dockerConfig(registryHost, password);
    await applyManifest(this.config, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "registry", namespace },
      type: "kubernetes.io/dockerconfigjson",
      data: { ".dockerconfigjson": Buffer.from(file).toString("base64") },
    } as Manifest);
  }

  async runs(): Promise<ObservedRun[]> {
    const path = `/apis/tekton.dev/v1/namespaces/${namespace}/pipelineruns`;
    const { items } = await requestJson<{ items: ObservedRun[] }>(this.config, "GET", path);
    return items.sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
  }
}
