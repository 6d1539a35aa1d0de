/**
 * The gateway of an embedded environment: how long requests through it take at 1, 16 and 64 connections, how long a changed VirtualService takes until a request follows it; and memory.
 */
import { readFileSync } from "node:fs";
import { Pool } from "undici";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { Backends } from "../local/support/backends.ts";
import { applyManifest, type Manifest, namespace } from "../local/support/manifests.ts";
import { TestHome } from "../local/support/menagerie.ts";

const space = "gateway-bench";
const host = "bench.test";
const path = "/serving/bench/iris/v1/models/model:predict";
const body = '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}';
const rounds = 3;
const changes = 30;

function route(service: string): Manifest {
  const rule = { rewrite: { uri: "/v1/" }, route: [{ destination: { host: service, port: { number: 80 } } }] };
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "bench", namespace: space },
    ...{ spec: { hosts: [host], gateways: ["istio-system/menagerie"], http: [rule] } },
  };
}

const at = (sorted: readonly number[], share: number): string =>
  (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(2);

async function measured(gateway: string, connections: number): Promise<string> {
  const pool = new Pool(gateway, { connections, pipelining: 1 });
  const times: number[] = [];
  let left = connections === 1 ? 1_000 : 5_000;
  let failed = 0;
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
  return `p50 ${at(times, 0.5)} ms, p99 ${at(times, 0.99)} ms, ${failed} failed`;
}

const load = (): string => readFileSync("/proc/loadavg", "utf8").split(" ").slice(0, 1).join();

const home = await TestHome.create();
try {
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  const { gateway } = JSON.parse((await home.menagerie(["status", "--json"])).stdout) as { gateway: string };
  const cluster = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
  await applyManifest(cluster, namespace(space));
  const backends = await Backends.start(home, { cluster, namespace: space, names: ["one", "other"] });
  const pool = new Pool(gateway, { connections: 1 });
  const server = async (): Promise<string | undefined> => {
    const { statusCode, body: answer } = await pool.request({ method: "POST", path, headers: { host }, body });
    const text = await answer.text();
    return statusCode === 200 ? (JSON.parse(text) as { server: string }).server : undefined;
  };

  const followed: number[] = [];
  for (let change = 0; change < changes; change += 1) {
    const next = change % 2 === 0 ? "one" : "other";
    const startedAt = performance.now();
    await applyManifest(cluster, route(next));
    while ((await server()) !== next);
    followed.push(performance.now() - startedAt);
  }
  followed.sort((a, b) => a - b);
  console.log(
    `a changed VirtualService is followed in: p50 ${at(followed, 0.5)} ms, longest ${at(followed, 0.999)} ms`,
  );

  for (const connections of [1, 16, 64]) {
    for (let round = 0; round < rounds; round += 1) {
      console.log(`${connections} connections (load ${load()}): ${await measured(gateway, connections)}`);
    }
  }
  for (const { pid, command } of home.processes()) {
    const name = /\/(envoy|pilot-discovery) /.exec(command)?.[1];
    const memory = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    if (name) console.log(`memory of ${name}: ${Math.round(Number(memory) / 1024)} MiB`);
  }
  await pool.close();
  await backends.stop();
} finally {
  await home.dispose();
}
