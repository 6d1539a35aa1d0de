import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { putImage } from "../../src/adapters/images/imageStore.ts";
import { request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { buildAccess, buildNamespaceManifest } from "../../src/domain/builds/buildAccess.ts";
import { buildAccount } from "../../src/domain/builds/names.ts";
import { type BuildPipeline, buildPipelineManifest, buildTaskManifest } from "../../src/domain/builds/pipeline.ts";
import type { ObservedRun } from "../../src/domain/builds/pipelineRun.ts";
import type { EnvironmentLayout } from "../../src/local/layout.ts";
import { issueServingCertificate } from "../../src/local/pki.ts";
import { applyManifest, type Manifest, namespace as namespaceManifest } from "../local/support/manifests.ts";
import { ensureRegistryTools } from "../support/testTools.ts";

const namespace = "registry-builds";
const host = "registry.registry.svc:5000";

/** What the registry's one user logs in with; the hash is bcrypt's, of `valid`. */
const user = { name: "builder", valid: "valid" };
const htpasswd = `${user.name}:$2b$05$zTNbLZoV6/zfhcAqjodYtutZHtctf0laJOq10m08DPMcNIpDFYiHa\n`;

const registryConfig = `version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: /var/tmp/registry }, delete: { enabled: true } }
http: { addr: ":5000", tls: { certificate: /tls.crt, key: /tls.key } }
auth: { htpasswd: { realm: registry, path: /htpasswd } }
`;

/** What rootlesskit does in BuildKit's image: pods of the local nodes have one user id, and that is enough. */
const inUserNamespace = `#!/bin/sh
exec unshare --user --map-root-user --mount /buildkit/buildkitd --rootless --oci-worker-snapshotter=native "$@"
`;

/**
 * Runs a RUN step's container by runc, without what pods of the local nodes cannot give it: the group of terminals, and seccomp, for
 * which runc needs a C library that is not everywhere.
 */
const runcHere = `#!/usr/bin/python3
import json, os, sys
if "--bundle" in sys.argv:
    file = os.path.join(sys.argv[sys.argv.index("--bundle") + 1], "config.json")
    with open(file) as config:
        spec = json.load(config)
    spec["linux"].pop("seccomp", None)
    for mount in spec["mounts"]:
        mount["options"] = [each for each in mount.get("options", []) if each != "gid=5"]
    with open(file, "w") as config:
        json.dump(spec, config)
os.execv("/buildkit/runc-itself", ["runc", *sys.argv[1:]])
`;

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
        await writeFile(join(root, "registry.yaml"), registryConfig);
        await writeFile(join(root, "htpasswd"), htpasswd);
      },
    });
    const buildkit = await putImage(layout.images, {
      url: "test.local/buildkit",
      layers: [],
      config: {
        ...{ entrypoint: ["/bin/true"], cmd: [], workingDir: "/" },
        env: {
          PATH: "/buildkit:/usr/local/bin:/usr/bin:/bin",
          BUILDKITD: "/buildkit/in-user-namespace",
          SSL_CERT_FILE: "/buildkit/ca.crt",
        },
      },
      populate: async (root) => {
        const folder = join(root, "buildkit");
        await mkdir(folder);
        for (const name of ["buildkitd", "buildctl"] as const) await copyFile(tools[name], join(folder, name));
        await copyFile(tools.runc, join(folder, "runc-itself"));
        await writeFile(join(folder, "runc"), runcHere, { mode: 0o755 });
        const script = await readFile(tools.daemonless, "utf8");
        await writeFile(join(folder, "buildctl-daemonless.sh"), script, { mode: 0o755 });
        await copyFile(keys.caFile, join(folder, "ca.crt"));
        await writeFile(join(folder, "in-user-namespace"), inUserNamespace, { mode: 0o755 });
        for (const path of ["build", "home/user/.local/share/buildkit"])
          await mkdir(join(root, path), { recursive: true });
      },
    });
    const made = new RegistryCluster(config, `${buildkit.url}@${buildkit.digest}`, tools.mkdir);
    for (const manifest of registryManifests(`${server.url}@${server.digest}`)) await applyManifest(config, manifest);
    for (const manifest of made.#pipelineManifests()) await applyManifest(config, manifest);
    await made.credentials(user.valid);
    await made.listening();
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
    const auth = Buffer.from(`${user.name}:${password}`).toString("base64");
    const file = JSON.stringify({ auths: { [host]: { auth } } });
    await applyManifest(this.config, {
      ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "registry", namespace } },
      ...{
        type: "kubernetes.io/dockerconfigjson",
        data: { ".dockerconfigjson": Buffer.from(file).toString("base64") },
      },
    } as Manifest);
  }

  /** Stops the registry, or starts it; what it holds is gone then. */
  async scale(replicas: number): Promise<void> {
    await request(this.config, "PATCH", "/apis/apps/v1/namespaces/registry/deployments/registry", {
      body: { spec: { replicas } },
      contentType: "application/merge-patch+json",
    });
    await this.listening(replicas);
  }

  async listening(replicas = 1): Promise<void> {
    const path = "/apis/apps/v1/namespaces/registry/deployments/registry";
    await until(async () => {
      const { status } = await requestJson<{ status?: { readyReplicas?: number } }>(this.config, "GET", path);
      return (status?.readyReplicas ?? 0) === replicas ? true : undefined;
    });
  }

  async runs(): Promise<ObservedRun[]> {
    const path = `/apis/tekton.dev/v1/namespaces/${namespace}/pipelineruns`;
    const { items } = await requestJson<{ items: ObservedRun[] }>(this.config, "GET", path);
    return items.sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
  }

  /** The Task's step `verify` alone, after one that says that `digest` was pushed: how it ends, and its log. */
  async verify(name: string, image: string, digest: string): Promise<{ succeeded: boolean; log: string }> {
    const { spec } = buildTaskManifest(this.pipeline);
    const verify = spec.steps.find((step) => step.name === "verify");
    if (!verify) throw new Error("the Task has no step verify");
    const says = {
      ...{ ...verify, name: "says", env: [] },
      script: `#!/bin/sh\nprintf %s "${digest}" > $(results.IMAGE_DIGEST.path)\nprintf x > $(results.IMAGE_URL.path)\n`,
    };
    const path = `/apis/tekton.dev/v1/namespaces/${namespace}/taskruns`;
    await request(this.config, "POST", path, {
      body: {
        ...{ apiVersion: "tekton.dev/v1", kind: "TaskRun", metadata: { name, namespace } },
        spec: {
          serviceAccountName: buildAccount,
          taskSpec: { ...spec, steps: [says, verify] },
          params: Object.entries({ image, tag: "x", "context-sha256": "x" }).map(([key, value]) => ({
            name: key,
            value,
          })),
          workspaces: [
            { name: "context", emptyDir: {} },
            {
              name: "credentials",
              secret: { secretName: "registry", items: [{ key: ".dockerconfigjson", path: "config.json" }] },
            },
          ],
        },
      },
    });
    const end = await until(async () => {
      const { status } = await requestJson<ObservedRun & { status?: { podName?: string } }>(
        this.config,
        "GET",
        `${path}/${name}`,
      );
      const condition = status?.conditions?.find(({ type }) => type === "Succeeded");
      return condition && condition.status !== "Unknown" ? { condition, pod: status?.podName ?? "" } : undefined;
    });
    const log = await request(this.config, "GET", `/api/v1/namespaces/${namespace}/pods/${end.pod}/log`, {
      query: { container: "step-verify" },
    });
    return { succeeded: end.condition.status === "True", log: await log.text() };
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

/** Looks until there is an answer; the test's own timeout ends it. */
export async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
