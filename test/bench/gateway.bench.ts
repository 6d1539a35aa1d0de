/**
 * The gateway of an embedded environment beside the one that it had before Envoy, in turns in one environment: how long small predictions take
 * through each at 1, 16 and 64 connections. Then of Envoy alone: how long a changed VirtualService takes until a request follows it, and
 * whether a request fails during 100 changes under load, beside an answer that streams and a Service that is stopped and started. And memory.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { KubeConfig } from "@kubernetes/client-node";
import { Pool } from "undici";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { Backends } from "../local/support/backends.ts";
import { applyManifest, type Manifest, namespace } from "../local/support/manifests.ts";
import { TestHome } from "../local/support/menagerie.ts";
import { FormerGateway } from "./gateway/former.ts";
import { median } from "./measures.ts";

/** The last commit whose gateway was a program of this repository. */
const formerCommit = "dea05b7498581ba2b5690184036994db5f6dbe61^";
const space = "gateway-bench";
const host = "bench.test";
const path = "/serving/bench/iris/v1/models/model:predict";
const body = '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}';
const rounds = 3;
const changes = 100;

function route(name: string, service: string): Manifest {
  const rule = { rewrite: { uri: "/v1/" }, match: [{ uri: { prefix: "/serving/bench/iris/v1/" } }] };
  const http = [
    { ...rule, route: [{ destination: { host: `${service}.${space}.svc.cluster.local`, port: { number: 80 } } }] },
  ];
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace: space },
    spec: { hosts: [`${name}.test`], gateways: ["istio-system/menagerie"], http },
  };
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
const load = (): string => readFileSync("/proc/loadavg", "utf8").split(" ")[0] ?? "";

interface Round {
  readonly p50: number;
  readonly p99: number;
  readonly failed: number;
}

/** Sends so many predictions over as many connections, each as soon as the one before is answered. */
async function measured(socketPath: string, connections: number, requests: number): Promise<Round> {
  const pool = new Pool("http://gateway", { connections, pipelining: 1, socketPath });
  const times: number[] = [];
  let [left, failed] = [requests, 0];
  const headers = { host, "content-type": "application/json" };
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (left-- > 0) {
        const startedAt = performance.now();
        const answer = await pool.request({ method: "POST", path, headers, body });
        await answer.body.dump();
        times.push(performance.now() - startedAt);
        if (answer.statusCode !== 200) failed += 1;
      }
    }),
  );
  await pool.close();
  times.sort((a, b) => a - b);
  return { p50: at(times, 0.5), p99: at(times, 0.99), failed };
}

/** Megabytes of the environment's processes whose command matches. */
function memory(home: TestHome, pattern: RegExp): number {
  const found = home.processes().filter(({ command }) => pattern.test(command));
  const sizes = found.map(({ pid }) => /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  return Math.round(Math.max(0, ...sizes.map(Number)) / 1024);
}

const home = await TestHome.create();
let former: FormerGateway | undefined;
let backends: Backends | undefined;
try {
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  const layout = environmentLayout("local", home.path);
  const cluster = kubeConfigOf(layout.kubeconfig);
  await applyManifest(cluster, namespace(space));
  backends = await Backends.start(home, { cluster, namespace: space, names: ["one", "other", "stopped"] });
  for (const [name, service] of [
    ["bench", "one"],
    ["changing", "one"],
    ["streaming", "one"],
    ["ending", "stopped"],
  ] as const) {
    await applyManifest(cluster, route(name, service));
  }
  former = await FormerGateway.start(home, formerCommit);
  const gateways = { Envoy: layout.socketOf("gateway"), before: former.socket };
  const names = Object.keys(gateways) as (keyof typeof gateways)[];
  for (const name of names) await measured(gateways[name], 4, 500);

  console.log(
    `${execFileSync("uname", ["-r"], { encoding: "utf8" }).trim()}, load ${load()}; medians of ${rounds} rounds in turns`,
  );
  for (const connections of [1, 16, 64]) {
    const found: Record<keyof typeof gateways, Round[]> = { Envoy: [], before: [] };
    for (let round = 0; round < rounds; round += 1) {
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        found[name].push(await measured(gateways[name], connections, connections === 1 ? 1_500 : 6_000));
      }
    }
    for (const name of names) {
      const of = (key: keyof Round) => median(found[name].map((round) => round[key]));
      const spread = found[name].map(({ p50 }) => p50.toFixed(2)).join(", ");
      const failed = found[name].reduce((sum, round) => sum + round.failed, 0);
      console.log(
        `${String(connections).padStart(2)} connections, ${name.padEnd(6)}: p50 ${of("p50").toFixed(2)} ms (${spread}), p99 ${of("p99").toFixed(2)} ms, ${failed} failed (load ${load()})`,
      );
    }
  }
  console.log(
    `memory: Envoy ${memory(home, /\/envoy /)} MiB, istiod ${memory(home, /\/pilot-discovery /)} MiB, before ${former.memory()} MiB`,
  );

  await changesUnderLoad(cluster, layout.socketOf("gateway"), backends);
} finally {
  await former?.stop();
  await backends?.stop();
  await home.dispose();
}

async function changesUnderLoad(cluster: KubeConfig, socketPath: string, servers: Backends): Promise<void> {
  const pool = new Pool("http://gateway", { connections: 16, socketPath });
  const ask = async (name: string, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await pool.request({ method: "POST", path, headers: { host: `${name}.test`, ...headers }, body });
    const text = await answer.body.text();
    return { status: answer.statusCode, text };
  };
  const port = servers.ports.stopped;
  let going = true;
  let [requests, failed, stops] = [0, 0, 0];
  const steady = Array.from({ length: 8 }, async () => {
    while (going) {
      const { status } = await ask("bench").catch(() => ({ status: 0 }));
      requests += 1;
      if (status !== 200) failed += 1;
    }
  });
  const streamed = ask("streaming", { "x-do": "stream=30" });
  const stopping = (async () => {
    while (going) {
      await servers.serve("stopped", undefined);
      await servers.serve("stopped", port);
      stops += 1;
    }
  })();
  const followed: number[] = [];
  for (let change = 0; change < changes; change += 1) {
    const next = change % 2 === 0 ? "other" : "one";
    const startedAt = performance.now();
    await applyManifest(cluster, route("changing", next));
    for (;;) {
      const { status, text } = await ask("changing").catch(() => ({ status: 0, text: "" }));
      requests += 1;
      if (status !== 200) failed += 1;
      else if ((JSON.parse(text) as { server: string }).server === next) break;
    }
    followed.push(performance.now() - startedAt);
  }
  going = false;
  await Promise.all([...steady, stopping]);
  const stream = await streamed;
  followed.sort((a, b) => a - b);
  console.log(
    `${changes} changes of a VirtualService under load (load ${load()}), from the beginning of the write to the first request by it: p50 ${at(followed, 0.5).toFixed(0)} ms, p99 ${at(followed, 0.99).toFixed(0)} ms; ${failed} of ${requests} requests failed; the stream ${stream.text.endsWith("29\n") ? "came whole" : "broke"}; a Service was stopped and started ${stops} times beside it`,
  );
  await pool.close();
}
