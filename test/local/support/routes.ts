import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { buffer } from "node:stream/consumers";
import type { KubeConfig } from "@kubernetes/client-node";
import { expect, vi } from "vitest";
import { applyManifest, type Manifest } from "./manifests.ts";

/** A rule of a VirtualService (https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute). */
export type Rule = Readonly<Record<string, unknown>>;

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly trailers: Readonly<Record<string, string | undefined>>;
}

/** A rule that leads to a Service of the same namespace. */
export const to = (host: string): Rule => ({ route: [{ destination: { host, port: { number: 80 } } }] });

/** A rule's mirror. */
export const mirror = (host: string, value: number) => ({
  destination: { host, port: { number: 80 } },
  percentage: { value },
});

/** VirtualServices in a namespace, each for a host of its own, and requests to them. */
export class Routes {
  readonly url: URL;
  readonly #cluster: KubeConfig;
  readonly #namespace: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });

  constructor(options: { gateway: string; cluster: KubeConfig; namespace: string }) {
    this.url = new URL(options.gateway);
    this.#cluster = options.cluster;
    this.#namespace = options.namespace;
  }

  manifest(name: string, http: readonly Rule[], host = `${name}.test`): Manifest {
    return {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name, namespace: this.#namespace },
      spec: { hosts: [host], gateways: ["istio-system/menagerie"], http },
    };
  }

  apply(name: string, http: readonly Rule[]): Promise<void> {
    return applyManifest(this.#cluster, this.manifest(name, http));
  }

  /** Declares a VirtualService, waits until requests to its host follow it, and answers the host. */
  async routed(name: string, http: readonly Rule[]): Promise<string> {
    const probe = { match: [{ uri: { exact: "/served" } }], directResponse: { status: 204 } };
    await this.apply(name, [probe, ...http]);
    const host = `${name}.test`;
    // Hooks declare routes too, and `expect.poll` is for tests alone.
    const served = async () => expect((await this.ask(host, "/served")).status).toBe(204);
    await vi.waitFor(served, { timeout: 60_000, interval: 20 });
    return host;
  }

  /** With the path as it is written: `fetch` would normalize it. */
  async ask(host: string, path: string, { method, headers = {}, body }: Asked = {}): Promise<Answer> {
    const { hostname, port } = this.url;
    const outgoing = request({
      hostname,
      port,
      path,
      agent: this.#agent,
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: { host, ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }), ...headers },
    });
    outgoing.end(body);
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    const text = String(await buffer(answer));
    return { status: answer.statusCode ?? 0, headers: answer.headers, text, trailers: answer.trailers };
  }

  /** The request as the server that answered saw it. */
  async seenBy(host: string, path: string, asked?: Asked) {
    const { text } = await this.ask(host, path, asked);
    return JSON.parse(text) as { server: string; url: string; headers: Record<string, string>; body: string };
  }

  /** Status, and the sentence of an answer of Envoy's own. */
  async sentence(host: string, path: string): Promise<readonly [number, string]> {
    const { status, text } = await this.ask(host, path);
    return [status, (JSON.parse(text) as { error: string }).error];
  }
}
