import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { putImage } from "../../src/adapters/images/imageStore.ts";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { buildAccess, buildNamespaceManifest } from "../../src/domain/builds/buildAccess.ts";
import { type BuildPipeline, buildPipelineManifest, buildTaskManifest } from "../../src/domain/builds/pipeline.ts";
import type { ObservedRun } from "../../src/domain/builds/pipelineRun.ts";
import type { EnvironmentLayout } from "../../src/local/layout.ts";
import { issueServingCertificate } from "../../src/local/pki.ts";
import { applyManifest, type Manifest, namespace as namespaceManifest } from "../local/support/manifests.ts";
import { ensureRegistryTools } from "../support/testTools.ts";
import { buildkitEnvironment, dockerConfig, putBuildkit, registryConfig, registryUser } from "./buildkitImage.ts";

const namespace = "registry-builds";
const host = "registry.registry.svc:5000";

/** A registry that wants credentials, and the Pipeline that pushes to it, in an environment with Tekton. */
export class RegistryCluster {
  readonly namespace = namespace;
  /** Images are pushed to `<repository>/<name>`. */
  readonly repository = `${host}/models`;
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
    const keys = await issueServingCertificate(layout, "registry", ["registry.registry.svc"]);
    const server = await putImage(layout.images, {
      url: "test.local/registry",
      layers: [],
      config: { entrypoint: ["/registry", "serve", "/registry.yaml"], cmd: [], env: {}, workingDir: "/" },
      populate: async (root) => {
        await copyFile(tools.registry, join(root, "registry"));
        await copyFile(keys.certFile, join(root, "tls.crt"));
        await copyFile(keys.keyFile, join(root, "tls.key"));
        await writeFile(join(root, "htpasswd"), registryUser.htpasswd);
        const tls = { certificate: "/tls.crt", key: "/tls.key" };
        const config = { address: ":5000", storage: "/var/tmp/registry", htpasswd: "/htpasswd", tls };
        await writeFile(join(root, "registry.yaml"), registryConfig(config));
      },
    });
    const buildkit = await putImage(layout.images, {
      url: "test.local/buildkit",
      layers: [],
      config: {
        ...{ entrypoint: ["/bin/true"], cmd: [], workingDir: "/" },
        env: { ...buildkitEnvironment, SSL_CERT_FILE: "/ca.crt" },
      },
      populate: async (root) => {
        await putBuildkit(root, tools);
        await copyFile(keys.caFile, join(root, "ca.crt"));
      },
    });
    const made = new RegistryCluster(config, `${buildkit.url}@${buildkit.digest}`, tools.mkdir);
    for (const manifest of registryManifests(`${server.url}@${server.digest}`)) await applyManifest(config, manifest);
    for (const manifest of made.#pipelineManifests()) await applyManifest(config, manifest);
    await made.credentials("valid");
    await made.#listening();
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
    const file = dockerConfig(host, password);
    await applyManifest(this.config, {
      ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "registry", namespace } },
      ...{
        type: "kubernetes.io/dockerconfigjson",
        data: { ".dockerconfigjson": Buffer.from(file).toString("base64") },
      },
    } as Manifest);
  }

  async #listening(): Promise<void> {
    const path = "/apis/apps/v1/namespaces/registry/deployments/registry";
    for (;;) {
      const { status } = await requestJson<{ status?: { readyReplicas?: number } }>(this.config, "GET", path);
      if (status?.readyReplicas === 1) return;
      await delay(200);
    }
  }

  async runs(): Promise<ObservedRun[]> {
    const path = `/apis/tekton.dev/v1/namespaces/${namespace}/pipelineruns`;
    const { items } = await requestJson<{ items: ObservedRun[] }>(this.config, "GET", path);
    return items.sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
  }
}

function registryManifests(image: string): Manifest[] {
  const [name, labels] = ["registry", { app: "registry" }];
  const metadata = { name, namespace: name };
  const container = {
    ...{ name, image, ports: [{ containerPort: 5000 }] },
    readinessProbe: { tcpSocket: { port: 5000 }, periodSeconds: 1 },
    resources: { requests: { cpu: "50m", memory: "64Mi" } },
  };
  return [
    namespaceManifest(name),
    {
      ...{ apiVersion: "apps/v1", kind: "Deployment", metadata },
      spec: {
        ...{ replicas: 1, selector: { matchLabels: labels }, strategy: { type: "Recreate" } },
        template: { metadata: { labels }, spec: { automountServiceAccountToken: false, containers: [container] } },
      },
    } as Manifest,
    {
      ...{ apiVersion: "v1", kind: "Service", metadata },
      spec: { selector: labels, ports: [{ port: 5000, targetPort: 5000 }] },
    } as Manifest,
  ];
}
