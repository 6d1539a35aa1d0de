import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { KubeConfig } from "@kubernetes/client-node";
import { request } from "../../../src/adapters/kubernetes/request.ts";
import { environmentLayout } from "../../../src/local/layout.ts";
import { addresses } from "../../../src/local/network/addresses.ts";
import { applyManifest, type Manifest } from "./manifests.ts";
import type { TestHome } from "./menagerie.ts";

/** A request as one of the servers saw it. */
export interface SeenRequest {
  readonly server: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Names and values in turn, as they were sent. */
  readonly raw: readonly string[];
  readonly trailers: Readonly<Record<string, string>>;
  /** Its first 100 characters. */
  readonly body: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Servers inside an environment's network namespace, each behind a Service of its name, so that the gateway finds them as it finds pods.
 * A name may have its own namespace: `api.menagerie`.
 */
export class Backends {
  readonly namespace: string;
  readonly seen: SeenRequest[] = [];
  /** Of each server, on the bridge. */
  ports: Readonly<Record<string, number>> = {};
  readonly #child: ChildProcess;
  readonly #cluster: KubeConfig;

  private constructor(child: ChildProcess, cluster: KubeConfig, namespace: string) {
    this.#child = child;
    this.#cluster = cluster;
    this.namespace = namespace;
  }

  static async start(
    home: TestHome,
    { names, cluster, namespace }: { names: readonly string[]; cluster: KubeConfig; namespace: string },
  ): Promise<Backends> {
    const supervisor = home.processes().find(({ command }) => / \S+supervisor\/main.ts local /.test(command));
    if (!supervisor) throw new Error(`no supervisor of ${environmentLayout("local", home.path).root} runs`);
    const program = fileURLToPath(new URL("./backendServers.ts", import.meta.url));
    const enter = ["-t", String(supervisor.pid), "-U", "-n", "--preserve-credentials", "--"];
    const child = spawn("nsenter", [...enter, process.execPath, program, addresses.host, ...names], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const backends = new Backends(child, cluster, namespace);
    const listening = Promise.withResolvers<Readonly<Record<string, number>>>();
    child.once("exit", (code) => listening.reject(new Error(`the servers ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const message = JSON.parse(line) as { ports: Record<string, number> } | SeenRequest;
      if ("ports" in message) listening.resolve(message.ports);
      else backends.seen.push(message);
    });
    backends.ports = await listening.promise;
    await Promise.all(Object.entries(backends.ports).map(([name, port]) => backends.serve(name, port)));
    return backends;
  }

  /** Requests that a server has seen since the last call. */
  taken(server: string): SeenRequest[] {
    const taken = this.seen.filter((request) => request.server === server);
    for (const request of taken) this.seen.splice(this.seen.indexOf(request), 1);
    return taken;
  }

  /** A Service whose only endpoint is a port of the bridge; undefined leaves it without any. */
  async serve(server: string, port: number | undefined, ready = true): Promise<void> {
    const [name = "", namespace = this.namespace] = server.split(".");
    // The prefix of the port's name tells Istio the protocol.
    const protocol = name.startsWith("grpc") ? "grpc" : "http";
    // Copies for a version that may sleep come by a port of their own.
    const ports = [
      { name: protocol, port: 80 },
      { name: `${protocol}-copies`, port: 81 },
    ];
    const service = { apiVersion: "v1", kind: "Service", metadata: { name, namespace }, spec: { ports } };
    const slice = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name, namespace, labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      ports: ports.map((each) => ({ name: each.name, port: port ?? 1 })),
      endpoints: port === undefined ? [] : [{ addresses: [addresses.host], conditions: { ready } }],
    };
    // A Service is never without its endpoints.
    for (const object of [slice, service]) await applyManifest(this.#cluster, object as Manifest);
  }

  /** Another endpoint of a Service, which accepts no connections. */
  async addRefusing(server: string): Promise<void> {
    const [name = "", namespace = this.namespace] = server.split(".");
    const metadata = { name: `${name}-refusing`, namespace, labels: { "kubernetes.io/service-name": name } };
    // Istio takes two endpoints of one address and one name of a port for the same.
    const endpoints = [{ addresses: [addresses.dns], conditions: { ready: true } }];
    const slice = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      addressType: "IPv4",
      metadata,
      endpoints,
    };
    await applyManifest(this.#cluster, { ...slice, ports: [{ name: "http", port: 1 }] } as Manifest);
  }

  /** Takes a Service away, with its endpoints. */
  async remove(server: string): Promise<void> {
    const [name = "", namespace = this.namespace] = server.split(".");
    for (const path of [
      `/api/v1/namespaces/${namespace}/services/${name}`,
      `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/${name}`,
    ]) {
      await request(this.#cluster, "DELETE", path);
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }
}
