/**
 * What a thousand models cost the gateway: VirtualServices of one path each (as before `/v2/` and `/openai/v1/` were routed), of the three that
 * every model has, and of five with two of a model's own, all of one host. How large Envoy's table is, what Envoy and istiod need, how long
 * a prediction takes at the first and the last model, and how long a changed route takes until a request follows it.
 */
import { readFileSync } from "node:fs";
import type { KubeConfig } from "@kubernetes/client-node";
import { Pool } from "undici";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { modelRoute } from "../../src/domain/serving/modelRoute.ts";
import { virtualServiceManifest } from "../../src/domain/serving/virtualService.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { askEnvoy } from "../../src/local/mesh/envoyAdmin.ts";
import { Backends } from "../local/support/backends.ts";
import { applyManifest, type Manifest, namespace } from "../local/support/manifests.ts";
import { TestHome } from "../local/support/menagerie.ts";
import { median } from "./measures.ts";

const space = "routes-bench";
const host = "bench.test";
const models = Number(process.env.MODELS ?? 1_000);
const kinds = { "1 path": 1, "3 paths": 3, "5 paths": 5 } as const;

function route(index: number, paths: number, service = "one"): Manifest {
  const own = modelRoute({
    name: `m${index}`,
    namespace: space,
    model: `m${index}`,
    kind: "zoo",
    managedBy: "stack",
    mode: "Standard",
    gateway: { name: "istio-system/menagerie", hosts: [host] },
    paths: ["/generate", "/api/"],
  });
  const destinations = [{ service, namespace: space, port: 80 }];
  return virtualServiceManifest({
    ...own,
    rules: own.rules.slice(0, paths).map((rule) => ({ ...rule, destinations })),
  });
}

const load = (): string => readFileSync("/proc/loadavg", "utf8").split(" ")[0] ?? "";
const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/** Megabytes of the environment's processes whose command matches. */
function memory(home: TestHome, pattern: RegExp): number {
  const found = home.processes().filter(({ command }) => pattern.test(command));
  const sizes = found.map(({ pid }) => /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  return Math.round(Math.max(0, ...sizes.map(Number)) / 1024);
}

const home = await TestHome.create();
let backends: Backends | undefined;
try {
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  const layout = environmentLayout("local", home.path);
  const cluster = kubeConfigOf(layout.kubeconfig);
  await applyManifest(cluster, namespace(space));
  backends = await Backends.start(home, { cluster, namespace: space, names: ["one", "other"] });
  const pool = new Pool("http://gateway", { connections: 1, pipelining: 1, socketPath: layout.socketOf("gateway") });
  const ask = async (index: number) => {
    const answer = await pool.request({
      method: "POST",
      path: `/serving/${space}/m${index}/v1/models/model:predict`,
      headers: { host, "content-type": "application/json" },
      body: "{}",
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, server: text.startsWith('{"server') ? JSON.parse(text).server : undefined };
  };
  console.log(`${models} models, load ${load()}`);
  for (const [name, paths] of Object.entries(kinds)) {
    const beganAt = performance.now();
    await applied(cluster, paths);
    const written = performance.now() - beganAt;
    while ((await ask(models - 1)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50));
    const served = performance.now() - beganAt;
    // istiod has caught up once the table stands still.
    let table = "";
    for (let before = ""; ; before = table) {
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      table = (await askEnvoy(layout.socketOf("gateway-admin"), "/config_dump?resource=dynamic_route_configs")).body;
      if (table.length === before.length) break;
    }
    const took = new Map<number, number[]>([
      [0, []],
      [models - 1, []],
    ]);
    for (let round = 0; round < 3_000; round += 1) {
      for (const [index, times] of took) {
        const startedAt = performance.now();
        await ask(index);
        times.push(performance.now() - startedAt);
      }
    }
    const followed: number[] = [];
    for (let change = 0; change < 15; change += 1) {
      const next = change % 2 === 0 ? "other" : "one";
      const startedAt = performance.now();
      await applyManifest(cluster, route(7, paths, next));
      while ((await ask(7)).server !== next) await new Promise((resolve) => setTimeout(resolve, 5));
      followed.push(performance.now() - startedAt);
    }
    const shown = [...took.values()].map((times) => {
      times.sort((a, b) => a - b);
      return `p50 ${at(times, 0.5).toFixed(2)} ms, p99 ${at(times, 0.99).toFixed(1)} ms`;
    });
    console.log(
      `${name}: table ${(table.length / 1024 ** 2).toFixed(1)} MiB of JSON; Envoy ${memory(home, /\/envoy /)} MiB, istiod ${memory(home, /\/pilot-discovery /)} MiB; first model ${shown[0]}; last ${shown[1]}; a change is followed in ${median(followed).toFixed(0)} ms; written in ${(written / 1000).toFixed(0)} s, served ${((served - written) / 1000).toFixed(1)} s later (load ${load()})`,
    );
  }
  await pool.close();
} finally {
  await backends?.stop();
  await home.dispose();
}

/** Applies the routes of all models, eight at a time. */
async function applied(cluster: KubeConfig, paths: number): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let index = next++; index < models; index = next++) await applyManifest(cluster, route(index, paths));
    }),
  );
}
