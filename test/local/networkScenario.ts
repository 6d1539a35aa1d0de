/**
 * Runs inside `unshare -Urnm` (see network.test.ts), where addresses are the cluster's: a fake API server feeds the real
 * cluster network. Prints one JSON line for each fact that was checked.
 */
import assert from "node:assert/strict";
import { promises as dns } from "node:dns";
import { createServer as createHttpServer, type ServerResponse } from "node:http";
import { connect, createServer, type Server } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { KubeConfig } from "@kubernetes/client-node";
import { clusterLookup } from "../../src/local/network/clusterLookup.ts";
import { startClusterNetwork } from "../../src/local/network/clusterNetwork.ts";

type Kube = { metadata: { name: string; namespace: string; resourceVersion?: string }; [field: string]: unknown };

const stored = { services: new Map<string, Kube>(), endpointslices: new Map<string, Kube>() };
const watchers = { services: new Set<ServerResponse>(), endpointslices: new Set<ServerResponse>() };
let version = 1;
let released = (): void => {};
const released$ = new Promise<void>((resolve) => {
  released = resolve;
});

function put(kind: keyof typeof stored, object: Kube): void {
  object.metadata.resourceVersion = String(++version);
  stored[kind].set(object.metadata.name, object);
  for (const watcher of watchers[kind]) watcher.write(`${JSON.stringify({ type: "MODIFIED", object })}\n`);
}

function remove(kind: keyof typeof stored, name: string): void {
  const object = stored[kind].get(name);
  stored[kind].delete(name);
  for (const watcher of watchers[kind]) watcher.write(`${JSON.stringify({ type: "DELETED", object })}\n`);
}

function service(name: string, clusterIP: string): Kube {
  return { metadata: { name, namespace: "zoo" }, spec: { clusterIP, ports: [{ name: "http", port: 80 }] } };
}

function slice(name: string, endpoints: string[], port = 8080): Kube {
  return {
    metadata: { name, namespace: "zoo", labels: { "kubernetes.io/service-name": name } } as Kube["metadata"],
    addressType: "IPv4",
    ports: [{ name: "http", port }],
    endpoints: endpoints.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
  };
}

async function fakeApiServer(): Promise<KubeConfig> {
  const server = createHttpServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://api");
    const kind = url.pathname.split("/").at(-1) as keyof typeof stored;
    if (url.searchParams.get("watch")) {
      watchers[kind].add(response);
      response.writeHead(200).flushHeaders();
      return;
    }
    await released$;
    response.end(JSON.stringify({ metadata: { resourceVersion: String(version) }, items: [...stored[kind].values()] }));
  });
  await new Promise<void>((resolve) => server.listen(6443, "127.0.0.1", resolve));
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: "c", server: "http://127.0.0.1:6443", skipTLSVerify: true }],
    users: [{ name: "u" }],
    contexts: [{ name: "x", cluster: "c", user: "u" }],
    currentContext: "x",
  });
  return config;
}

/** A pod: answers each connection with its address, then echoes until the client ends, then says goodbye. */
async function pod(address: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.write(`${address};`);
    socket.on("data", (chunk) => socket.write(chunk));
    socket.on("end", () => socket.end(";bye"));
  });
  await new Promise<void>((resolve) => server.listen(8080, address, resolve));
  return server;
}

/** Everything that a connection to `host:80` answers to `sent`, or the error's code. */
function talk(host: string, sent = ""): Promise<string> {
  return new Promise((resolve) => {
    let seen = "";
    const socket = connect({ host, port: 80, allowHalfOpen: true });
    socket.on("data", (chunk) => {
      seen += chunk;
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once("end", () => resolve(seen));
    socket.end(sent);
  });
}

async function eventually<T>(read: () => Promise<T>, wanted: T): Promise<void> {
  let seen = await read();
  for (let tries = 0; tries < 100 && seen !== wanted; tries++) {
    await delay(20);
    seen = await read();
  }
  assert.equal(seen, wanted);
}

async function check(name: string, run: () => Promise<void>): Promise<void> {
  let error: string | undefined;
  try {
    await run();
  } catch (thrown) {
    error = String(thrown);
  }
  process.stdout.write(`${JSON.stringify({ name, ...(error ? { error } : {}) })}\n`);
}

const config = await fakeApiServer();
const network = await startClusterNetwork({ config, log: (line) => process.stderr.write(`${line}\n`) });
const resolver = new dns.Resolver({ timeout: 1_000, tries: 1 });
resolver.setServers(["10.96.0.10"]);
const lookup = (name: string): Promise<string> =>
  resolver.resolve4(name).then(
    (all) => all.join(),
    (error: NodeJS.ErrnoException) => error.code ?? "",
  );

const first = await pod("10.88.1.1");
await pod("10.88.1.2");
put("services", service("iris", "10.96.1.1"));
put("services", service("empty", "10.96.1.2"));
put("endpointslices", slice("iris", ["10.88.1.1"]));
// The DNS Service is like any other, and must not collide with the DNS server itself.
put("services", {
  metadata: { name: "kube-dns", namespace: "kube-system" },
  spec: { clusterIP: "10.96.0.10", ports: [{ name: "dns-tcp", port: 53 }] },
});

await check("names fail temporarily before the first list", async () => {
  assert.equal(await lookup("iris.zoo.svc.cluster.local"), "ESERVFAIL");
});
released();
await network.ready;
await check("a Service is found by name and answers at its ClusterIP", async () => {
  assert.equal(await lookup("iris.zoo.svc.cluster.local"), "10.96.1.1");
  assert.equal(await talk("10.96.1.1", "hello"), "10.88.1.1;hello;bye");
});
await check("large data passes unchanged, with half-close at its end", async () => {
  const data = "0123456789".repeat(500_000);
  assert.equal((await talk("10.96.1.1", data)) === `10.88.1.1;${data};bye`, true);
});
await check("a Service without endpoints refuses at once", async () => {
  assert.equal(await talk("10.96.1.2"), "ECONNREFUSED");
});
await check("endpoints that come are used, and both take their share", async () => {
  put("endpointslices", slice("iris", ["10.88.1.1", "10.88.1.2"]));
  const seen = new Set<string>();
  for (let tries = 0; tries < 200 && seen.size < 2; tries++) {
    seen.add(await talk("10.96.1.1"));
    await delay(5);
  }
  assert.deepEqual([...seen].sort(), ["10.88.1.1;;bye", "10.88.1.2;;bye"]);
});
await check("an endpoint that refuses or is unreachable costs no connection", async () => {
  put("endpointslices", slice("iris", ["10.88.1.9", "10.88.1.2"]));
  await delay(50);
  for (let count = 0; count < 6; count++) assert.equal(await talk("10.96.1.1", "x"), "10.88.1.2;x;bye");
});
await check("established connections outlive their Service", async () => {
  put("endpointslices", slice("iris", ["10.88.1.1"]));
  await eventually(() => talk("10.96.1.1"), "10.88.1.1;;bye");
  const socket = connect({ host: "10.96.1.1", port: 80, allowHalfOpen: true });
  let seen = "";
  socket.on("data", (chunk) => {
    seen += chunk;
  });
  await eventually(async () => seen, "10.88.1.1;");
  remove("services", "iris");
  await eventually(() => talk("10.96.1.1"), "ECONNREFUSED");
  assert.equal(await lookup("iris.zoo.svc.cluster.local"), "ENOTFOUND");
  socket.end("still here");
  await eventually(async () => seen, "10.88.1.1;still here;bye");
});
await check("a Service that comes back with another ClusterIP is found at it", async () => {
  const found = () =>
    new Promise<unknown>((resolve) =>
      clusterLookup()("iris.zoo.svc.cluster.local", {}, (error, address) => resolve(error?.code ?? address)),
    );
  assert.equal(await found(), "ENOTFOUND");
  for (const address of ["10.96.1.3", "10.96.1.4"]) {
    put("services", service("iris", address));
    await eventually(() => lookup("iris.zoo.svc.cluster.local"), address);
    assert.equal(await found(), address);
  }
  assert.equal(await talk("10.96.1.4"), "10.88.1.1;;bye");
  assert.equal(await talk("10.96.1.3"), "ECONNREFUSED");
});
await check("an address that is taken is listened on once it is free", async () => {
  const squatter = createServer((socket) => socket.end("squatter"));
  await new Promise<void>((resolve) => squatter.listen(80, "10.96.1.5", resolve));
  put("services", service("late", "10.96.1.5"));
  put("endpointslices", slice("late", ["10.88.1.2"]));
  await delay(50);
  assert.equal(await talk("10.96.1.5"), "squatter");
  squatter.close();
  await eventually(() => talk("10.96.1.5"), "10.88.1.2;;bye");
});
await check("when no endpoint accepts, the connection is reset", async () => {
  put("endpointslices", slice("late", ["10.88.1.2"], 9_999));
  await eventually(async () => ((await talk("10.96.1.5")) === "ECONNRESET" ? "reset" : "answered"), "reset");
});
await check("malformed and foreign queries leave DNS answering", async () => {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket("udp4");
  for (const bytes of [[], [1], [0, 1, 1, 0, 255, 255], Array(40).fill(0xc0), Array(1_000).fill(255)]) {
    await new Promise((resolve) => socket.send(Buffer.from(bytes), 53, "10.96.0.10", resolve));
  }
  socket.close();
  const tcp = connect(53, "10.96.0.10").on("error", () => {});
  tcp.write(Buffer.from([0, 3, 1, 2, 3]));
  assert.equal(await lookup("iris.zoo.svc.cluster.local"), "10.96.1.4");
  assert.equal(await lookup("example.com"), "ENOTFOUND");
});
await check("a long answer is cut over UDP and whole over TCP", async () => {
  const ips = Array.from({ length: 120 }, (_, index) => `10.88.2.${index + 1}`);
  put("services", { metadata: { name: "many", namespace: "zoo" }, spec: { clusterIP: "None", ports: [] } });
  put("endpointslices", slice("many", ips));
  // The resolver asks again over TCP by itself.
  await eventually(async () => (await lookup("many.zoo.svc.cluster.local")).split(",").length, 120);
});
await network.close();
first.close();
process.exit(0);
