import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { putImage } from "../../src/adapters/images/imageStore.ts";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import type { EnvironmentLayout } from "../../src/local/layout.ts";
import { issueServingCertificate } from "../../src/local/pki.ts";
import { applyManifest, type Manifest, namespace as namespaceManifest } from "../local/support/manifests.ts";
import { freePort } from "../support/freePort.ts";
import { type PushedImage, pushImage } from "../support/pushImage.ts";
import type { RegistryTools } from "../support/testTools.ts";
import { buildkitConfig, buildkitEnvironment, putBuildkit, registryConfig, registryUser } from "./buildkitImage.ts";

/** Where a cluster's registry answers, in the cluster. */
export const registryHost = "registry.registry.svc:5000";
/** Repositories of this folder answer for those of the same path in Docker's own registry. */
export const mirrorFolder = "dockerhub";
const storage = "/var/tmp/registry";

/** An image that a registry holds from its start. */
export interface SeededImage extends PushedImage {
  readonly repository: string;
  readonly tag: string;
}

/** A folder of a registry's content, and the digests of the images in it, by repository. */
export interface RegistryContent {
  readonly folder: string;
  readonly digests: Readonly<Record<string, string>>;
  dispose(): Promise<void>;
}

/** Pushes images into a registry of this machine, and keeps what it stored. */
export async function registryContent(tools: RegistryTools, images: readonly SeededImage[]): Promise<RegistryContent> {
  const folder = await mkdtemp(join(tmpdir(), "menagerie-registry-"));
  const [content, configuration] = [join(folder, "content"), join(folder, "registry.yaml")];
  const address = `127.0.0.1:${await freePort()}`;
  const { auth: _, ...open } = JSON.parse(registryConfig({ address, storage: content, htpasswd: "" })) as {
    auth: object;
  };
  await writeFile(configuration, JSON.stringify(open));
  const server = spawn(tools.registry, ["serve", configuration], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  const ended = once(server, "exit");
  const digests: Record<string, string> = {};
  try {
    while (!(await fetch(`http://${address}/v2/`).catch(() => undefined))?.ok) {
      if (server.exitCode !== null) throw new Error(`the registry ended with ${server.exitCode}`);
      await delay(50);
    }
    for (const { repository, tag, ...image } of images) {
      digests[repository] = await pushImage(`http://${address}`, repository, tag, image);
    }
  } finally {
    server.kill("SIGKILL");
    await ended;
  }
  return { folder: content, digests, dispose: () => rm(folder, { recursive: true, force: true }) };
}

/**
 * Runs a registry in a cluster, behind TLS and a login, and answers BuildKit's image, which trusts it and asks it for images of Docker's
 * own registry.
 */
export async function deployRegistry(
  config: KubeConfig,
  layout: EnvironmentLayout,
  tools: RegistryTools,
  content?: RegistryContent,
): Promise<string> {
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
      await writeFile(
        join(root, "registry.yaml"),
        registryConfig({ address: ":5000", storage, htpasswd: "/htpasswd", tls }),
      );
      await mkdir(join(root, storage), { recursive: true });
      if (content) await cp(content.folder, join(root, storage), { recursive: true });
    },
  });
  const buildkit = await putImage(layout.images, {
    url: "test.local/buildkit",
    layers: [],
    config: {
      entrypoint: ["/bin/true"],
      cmd: [],
      workingDir: "/",
      env: { ...buildkitEnvironment, SSL_CERT_FILE: "/ca.crt" },
    },
    populate: async (root) => {
      await putBuildkit(root, tools, buildkitConfig(`${registryHost}/${mirrorFolder}`));
      await copyFile(keys.caFile, join(root, "ca.crt"));
    },
  });
  for (const manifest of registryManifests(`${server.url}@${server.digest}`)) await applyManifest(config, manifest);
  const path = "/apis/apps/v1/namespaces/registry/deployments/registry";
  for (;;) {
    const { status } = await requestJson<{ status?: { readyReplicas?: number } }>(config, "GET", path);
    if (status?.readyReplicas === 1) return `${buildkit.url}@${buildkit.digest}`;
    await delay(200);
  }
}

function registryManifests(image: string): Manifest[] {
  const [name, labels] = ["registry", { app: "registry" }];
  const metadata = { name, namespace: name };
  const container = {
    name,
    image,
    ports: [{ containerPort: 5000 }],
    readinessProbe: { tcpSocket: { port: 5000 }, periodSeconds: 1 },
    resources: { requests: { cpu: "50m", memory: "64Mi" } },
  };
  return [
    namespaceManifest(name),
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        strategy: { type: "Recreate" },
        template: { metadata: { labels }, spec: { automountServiceAccountToken: false, containers: [container] } },
      },
    } as Manifest,
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { selector: labels, ports: [{ port: 5000, targetPort: 5000 }] },
    } as Manifest,
  ];
}
