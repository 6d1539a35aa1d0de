import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { readIfThere, request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { parseEnvironment } from "../../src/config/parse.ts";
import { buildNamespaceManifest } from "../../src/domain/builds/buildAccess.ts";
import { silent } from "../../src/domain/progress.ts";
import { startEnvironment } from "../../src/local/environment.ts";
import type { EnvironmentState } from "../../src/local/environmentState.ts";
import { environmentLayout, menagerieCache } from "../../src/local/layout.ts";
import { addresses, ports } from "../../src/local/network/addresses.ts";
import { type EngineTarget, embeddedTarget } from "../../src/local/target.ts";
import { ArrivingToolchain, gatherToolchain } from "../../src/local/toolchain/index.ts";
import { gpuPool } from "../../src/plan/pools.ts";
import { applyManifest, type Manifest, namespace } from "../local/support/manifests.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { configOf } from "../support/stackGraph.ts";
import { type StagingSite, stagingHere } from "../support/staging/differences.ts";
import { MachineImages } from "../support/staging/machineImages.ts";
import { ensureRegistryTools } from "../support/testTools.ts";
import { dockerConfig } from "./buildkitImage.ts";
import { KarpenterCluster } from "./karpenterCluster.ts";
import { deployRegistry, mirrorFolder, registryContent, registryHost } from "./registryServer.ts";

/** Repositories of the registry: of what builds push, which pods pull by a Secret, and of the services, which nodes pull by a login of their own. */
const models = `${registryHost}/menagerie/models`;
const services = `${registryHost}/menagerie/services`;

/**
 * An embedded cluster with what `staging` finds in its own: Istio, KServe, Karpenter, Tekton, a registry with BuildKit and the base image, PostgreSQL, and what its
 * comments say is made by hand.
 */
export class StagingCluster {
  readonly home: TestHome;
  readonly config: KubeConfig;
  readonly target: EngineTarget;
  readonly site: StagingSite;

  private constructor(home: TestHome, target: EngineTarget, site: StagingSite) {
    this.home = home;
    this.target = target;
    this.config = kubeConfigOf(target.kubeconfig);
    this.site = site;
  }

  static async create(): Promise<StagingCluster> {
    const home = await TestHome.create(await copyOfCheckout());
    const layout = environmentLayout("local", home.path);
    const tools = await ensureRegistryTools();
    const images = await MachineImages.create();
    const [base, servicesImage, state] = await Promise.all([
      images.trussBase(join(home.project, "models", "iris")),
      images.services(home.project),
      startWithTekton(home),
    ]);
    const content = await registryContent(tools, [
      { repository: `${mirrorFolder}/${base.repository}`, tag: base.tag, ...base.image },
      { repository: services.slice(registryHost.length + 1), tag: "latest", ...servicesImage },
    ]);
    await images.dispose();
    await writeFile(layout.registryLogins, dockerConfig(services, "valid"), { mode: 0o600 });
    const target = embeddedTarget(layout, state);
    const config = kubeConfigOf(target.kubeconfig);
    const builderImage = await deployRegistry(config, layout, tools, content);
    const made = new StagingCluster(home, target, {
      servicesImage: `${services}@${content.digests[services.slice(registryHost.length + 1)]}`,
      repository: models,
      builderImage,
      database: { host: addresses.host, port: ports.postgres },
    });
    await content.dispose();
    await made.#makeByHand();
    const file = join(home.project, "Pulumi.staging.yaml");
    const here = stagingHere(await readFile(file, "utf8"), made.site);
    await writeFile(file, here);
    const { pools, nodeClass } = parseEnvironment(configOf(here));
    const declared = Object.entries(pools).map(([name, pool]) => gpuPool(name, pool, nodeClass));
    await KarpenterCluster.create(config, layout, declared, "StaticCapacity=false");
    return made;
  }

  /** What the stack's comments and docs/builds.md leave to whoever runs the cluster. */
  async #makeByHand(): Promise<void> {
    const { config } = this;
    await applyManifest(config, namespace("baseten"));
    await applyManifest(config, gatewayPod);
    await applyManifest(config, namespace("menagerie"));
    await this.#secret("menagerie", "uploads", "Opaque", { accessKeyId: "none", secretAccessKey: "none" });
    const logins = { ".dockerconfigjson": dockerConfig(registryHost, "valid") };
    await applyManifest(config, {
      apiVersion: "v1",
      kind: "Namespace",
      ...buildNamespaceManifest("menagerie-builds"),
    } as Manifest);
    await applyManifest(config, namespace("models"));
    for (const space of ["menagerie-builds", "models"]) {
      await this.#secret(space, "registry", "kubernetes.io/dockerconfigjson", logins);
    }
    await this.#pullSecretOfAccount("models");
  }

  /** The account is made by a controller, soon after its namespace. */
  async #pullSecretOfAccount(space: string): Promise<void> {
    const path = `/api/v1/namespaces/${space}/serviceaccounts/default`;
    while (!(await readIfThere(this.config, path))) await delay(100);
    const body = { imagePullSecrets: [{ name: "registry" }] };
    await request(this.config, "PATCH", path, { contentType: "application/merge-patch+json", body });
  }

  async #secret(space: string, name: string, type: string, values: Readonly<Record<string, string>>): Promise<void> {
    const data = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    );
    const metadata = { name, namespace: space };
    await applyManifest(this.config, { apiVersion: "v1", kind: "Secret", metadata, type, data } as Manifest);
  }

  /** Images of the running pods of a namespace, as their nodes name them. */
  async images(space: string): Promise<string[]> {
    const { items } = await requestJson<{ items: { status?: { containerStatuses?: { imageID: string }[] } }[] }>(
      this.config,
      "GET",
      `/api/v1/namespaces/${space}/pods`,
    );
    const found = items.flatMap(({ status }) => (status?.containerStatuses ?? []).map(({ imageID }) => imageID));
    return [...new Set(found)].sort();
  }

  async dispose(): Promise<void> {
    await this.home.dispose();
    await rm(this.home.project, { recursive: true, force: true });
  }
}

/** The environment's processes, Tekton's controller among them, without any stack. */
async function startWithTekton(home: TestHome): Promise<EnvironmentState> {
  const signal = new AbortController().signal;
  const arriving = new ArrivingToolchain(true);
  const gathered = gatherToolchain(arriving, { cache: menagerieCache(), progress: silent, signal });
  const layout = environmentLayout("local", home.path);
  const { state, ready } = await startEnvironment(layout, { toolchain: arriving, progress: silent, signal });
  await Promise.all([gathered, ready]);
  return state;
}

/** A pod of the gateway, for its labels' sake: the embedded gateway is a process. */
const gatewayPod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "gateway", namespace: "istio-system", labels: { istio: "ingress" } },
  spec: {
    schedulingGates: [{ name: "example.com/never" }],
    containers: [{ name: "proxy", image: "registry.example.com/proxy" }],
  },
} as Manifest;
