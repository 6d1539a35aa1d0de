import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { environmentLayout } from "../../../../src/local/layout.ts";
import type { KubeletServer } from "../../../../src/local/node/kubeletServer.ts";
import { startMetricsServer } from "../../../../src/local/node/metricsServer.ts";
import type { PodUsage } from "../../../../src/local/node/usageMeter.ts";
import {
  ensureAuthority,
  frontProxy,
  type Identity,
  issueClientCertificate,
  issueServingCertificate,
  type KeyPairFiles,
} from "../../../../src/local/pki.ts";

let folder: string;
let server: KubeletServer;
let url: string;
const agents: Agent[] = [];

const pod = (name: string, namespace: string): PodUsage => ({
  namespace,
  name,
  labels: { app: name },
  node: "cpu-0",
  at: Date.parse("2026-11-30T04:00:00Z"),
  windowMs: 15_000,
  containers: [{ name: "model", cores: 0.25, memoryBytes: 2048 }],
});
const node = { name: "cpu-0", labels: {}, at: 0, windowMs: 15_000, cores: 0.5, memoryBytes: 4096 };
const layoutOf = () => environmentLayout("metrics", folder);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-metrics-"));
  await ensureAuthority(layoutOf());
  const port = await freePort();
  const files = await issueServingCertificate(layoutOf(), "node-metrics", ["127.0.0.1"]);
  const pods = [pod("iris", "models"), pod("greeter", "models"), pod("iris", "other")];
  server = await startMetricsServer({ host: "127.0.0.1", port }, files, { pods, nodes: [node] });
  url = `https://127.0.0.1:${port}`;
});

afterAll(async () => {
  await Promise.all(agents.map((each) => each.close()));
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

async function agentOf(identity: Identity | "nobody"): Promise<Agent> {
  const own = identity === "nobody" ? undefined : await issueClientCertificate(layoutOf(), identity);
  const read = (file: keyof KeyPairFiles) => own && readFile(own[file]);
  const [cert, key] = await Promise.all([read("certFile"), read("keyFile")]);
  const ca = await readFile(join(layoutOf().pki, "ca.crt"));
  const agent = new Agent({ connect: { ca, ...(cert && key ? { cert, key } : {}) } });
  agents.push(agent);
  return agent;
}

async function ask(path: string, identity: Identity | "nobody" = frontProxy, method: "GET" | "DELETE" = "GET") {
  const { statusCode, body } = await request(url + path, { method, dispatcher: await agentOf(identity) });
  return { statusCode, body: (await body.json()) as { items?: { metadata: { name: string } }[]; message?: string } };
}

const api = "/apis/metrics.k8s.io/v1beta1";

it.each([
  [`${api}/pods`, ["iris", "greeter", "iris"]],
  [`${api}/namespaces/models/pods`, ["iris", "greeter"]],
  [`${api}/namespaces/models/pods?labelSelector=app%3Diris`, ["iris"]],
  [`${api}/pods?fieldSelector=metadata.name%3Dgreeter`, ["greeter"]],
  [`${api}/namespaces/empty/pods`, []],
  [`${api}/nodes`, ["cpu-0"]],
])("%s lists", async (path, names) => {
  const { statusCode, body } = await ask(path);
  expect(statusCode).toBe(200);
  expect(body.items?.map(({ metadata }) => metadata.name)).toEqual(names);
});

it("tells of one pod, and what it serves", async () => {
  expect((await ask(`${api}/namespaces/models/pods/iris`)).body).toMatchObject({
    kind: "PodMetrics",
    containers: [{ name: "model", usage: { cpu: "250000000n", memory: "2Ki" } }],
  });
  expect((await ask(api)).body).toMatchObject({ kind: "APIResourceList", groupVersion: "metrics.k8s.io/v1beta1" });
});

it.each([
  [`${api}/namespaces/models/pods/none`, 404],
  [`${api}/namespaces/models/nodes`, 404],
  [`${api}/leases`, 404],
  ["/openapi/v2", 404],
  ["/apis/apps/v1/pods", 404],
  [`${api}/pods?labelSelector=%3D`, 400],
  [`${api}/pods?fieldSelector=spec.nodeName%3Da`, 400],
])("%s is answered %i in Kubernetes' own form", async (path, code) => {
  const { statusCode, body } = await ask(path);
  expect(statusCode).toBe(code);
  expect(body).toMatchObject({ kind: "Status", status: "Failure", code });
});

it("changes nothing", async () => {
  expect((await ask(`${api}/namespaces/models/pods/iris`, frontProxy, "DELETE")).statusCode).toBe(405);
});

it("lets in the API server's aggregator, which knows who may ask, and nobody else of the environment", async () => {
  const other = await ask(`${api}/pods`, { part: "node-cpu-0", user: "system:node:cpu-0" });
  expect(other).toMatchObject({ statusCode: 403, body: { message: "only front-proxy-client may ask here" } });
  await expect(ask(`${api}/pods`, "nobody")).rejects.toThrow();
});
