import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KubeConfig, type KubernetesObject } from "@kubernetes/client-node";
import { applyObjects } from "../../../src/adapters/kubernetes/apply.ts";
import { kubeConfigOf } from "../../../src/adapters/kubernetes/kubeConfigFile.ts";
import { readIfThere, request, requestJson } from "../../../src/adapters/kubernetes/request.ts";
import { silent } from "../../../src/domain/progress.ts";
import { environmentLayout, menagerieCache } from "../../../src/local/layout.ts";
import {
  caFiles,
  ensureAuthority,
  issueServingCertificate,
  serviceAccountKeyFiles,
  writeKubeconfig,
} from "../../../src/local/pki.ts";
import { ensureToolchain } from "../../../src/local/toolchain/index.ts";
import { freePort } from "../../support/freePort.ts";

/** An API server with an etcd, and nothing else of a cluster: for tests of what accounts may do. */
export class OwnApiServer {
  /** The administrator. */
  readonly admin: KubeConfig;
  readonly #stop: () => Promise<void>;

  private constructor(admin: KubeConfig, stop: () => Promise<void>) {
    this.admin = admin;
    this.#stop = stop;
  }

  /** @param crds - `metadata.name` of the pinned definitions that it has */
  static async start(crds: readonly string[]): Promise<OwnApiServer> {
    const toolchain = await ensureToolchain({
      cache: menagerieCache(),
      progress: silent,
      signal: new AbortController().signal,
    });
    const home = await mkdtemp(join(tmpdir(), "menagerie-api-"));
    const layout = environmentLayout("local", home);
    await mkdir(layout.logs, { recursive: true });
    await ensureAuthority(layout);
    const [client, peer, secure] = [await freePort(), await freePort(), await freePort()];
    const url = (port: number) => `http://127.0.0.1:${port}`;
    const etcd = start(toolchain.bin.etcd, join(layout.logs, "etcd.log"), [
      "--name=own",
      `--data-dir=${layout.etcd}`,
      `--listen-client-urls=${url(client)}`,
      `--advertise-client-urls=${url(client)}`,
      `--listen-peer-urls=${url(peer)}`,
      `--initial-advertise-peer-urls=${url(peer)}`,
      `--initial-cluster=own=${url(peer)}`,
      "--unsafe-no-fsync",
    ]);
    const serving = await issueServingCertificate(layout, "apiserver", ["127.0.0.1"]);
    const { publicKeyFile, privateKeyFile } = serviceAccountKeyFiles(layout);
    const log = join(layout.logs, "kube-apiserver.log");
    const server = start(toolchain.bin["kube-apiserver"], log, [
      `--etcd-servers=${url(client)}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${secure}`,
      `--tls-cert-file=${serving.certFile}`,
      `--tls-private-key-file=${serving.keyFile}`,
      `--client-ca-file=${caFiles(layout).certFile}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${publicKeyFile}`,
      `--service-account-signing-key-file=${privateKeyFile}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      "--authorization-mode=Node,RBAC",
    ]);
    const identity = { part: "admin", user: "admin", groups: ["system:masters"] };
    await writeKubeconfig(layout, identity, `https://127.0.0.1:${secure}`, layout.kubeconfig);
    const own = new OwnApiServer(kubeConfigOf(layout.kubeconfig), async () => {
      for (const each of [server, etcd]) await each.stop();
      await rm(home, { recursive: true, force: true });
    });
    try {
      await own.#ready(async () => {
        const ended = [server, etcd].some((each) => each.hasEnded());
        return ended ? `the API server ended: ${(await readFile(log, "utf8")).slice(-2000)}` : undefined;
      });
      const wanted = toolchain.crds.filter(({ name }) => crds.includes(name));
      await own.#define(await Promise.all(wanted.map(async ({ file }) => JSON.parse(await readFile(file, "utf8")))));
    } catch (error) {
      await own.stop();
      throw error;
    }
    return own;
  }

  /** Who shows a token of this account. */
  async account(namespace: string, name: string): Promise<KubeConfig> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
    const { status } = await requestJson<{ status: { token: string } }>(this.admin, "POST", path, { body });
    const cluster = this.admin.getCurrentCluster();
    if (!cluster) throw new Error("the administrator's kubeconfig has no cluster");
    const config = new KubeConfig();
    config.loadFromClusterAndUser(cluster, { name, token: status.token });
    return config;
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  async #ready(obstacle: () => Promise<string | undefined>): Promise<void> {
    // The roles that every cluster has are made after the start.
    for (;;) {
      const roles = "/readyz/poststarthook/rbac/bootstrap-roles";
      const isReady = await request(this.admin, "GET", roles).then(
        (response) => response.ok,
        () => false,
      );
      if (isReady) return;
      const why = await obstacle();
      if (why !== undefined) throw new Error(why);
      await delay(100);
    }
  }

  async #define(definitions: readonly KubernetesObject[]): Promise<void> {
    await applyObjects(this.admin, definitions, "by-hand");
    for (const { metadata } of definitions) {
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata?.name}`;
      for (;;) {
        const { status } = (await readIfThere<Established>(this.admin, path)) ?? {};
        if (status?.conditions?.some(({ type, status: is }) => type === "Established" && is === "True")) break;
        await delay(100);
      }
    }
  }
}

interface Established {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function start(program: string, log: string, args: readonly string[]) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  child.stderr.pipe(createWriteStream(log));
  const ended = once(child, "exit");
  // Also when a test's hook timed out, and nobody is left to stop it.
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  return {
    hasEnded: () => child.exitCode !== null,
    async stop(): Promise<void> {
      kill();
      await ended;
      process.off("exit", kill);
    },
  };
}
