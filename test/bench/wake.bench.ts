/**
 * Models that sleep. First what the API service costs on the way to a model that is awake: latency of a direct call and through the service, in
 * turns at the same load (medians of MENAGERIE_BENCH_ROUNDS=5 turns of 2 s). The client names the model by the Host header, as callers in the
 * cluster do. Then, in a whole environment, how long the first request to a model that sleeps takes, how long 200 at once take, and how long
 * the model takes to start where somebody clears the annotation by hand, in turns, and when each stage of its start was seen (medians).
 * MENAGERIE_BENCH_WAKES=10 of each.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { CoreV1Api } from "@kubernetes/client-node";
import { Agent, request as ask } from "undici";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { request } from "../../src/adapters/kubernetes/request.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { median } from "./measures.ts";
import { type Stage, Stages, stages } from "./sleep/stages.ts";

const rounds = Number(process.env.MENAGERIE_BENCH_ROUNDS ?? 5);
const wakes = Number(process.env.MENAGERIE_BENCH_WAKES ?? 10);
const children: ChildProcess[] = [];

async function node(file: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return line;
}

async function measured(address: string, connections: number): Promise<{ p50: number; p99: number }> {
  const path = "/v1/models/model:predict";
  return JSON.parse(await node("recorder/load.ts", address, String(connections), "2", path, "model-activator"));
}

async function awake(): Promise<void> {
  const { port: model } = JSON.parse(await node("recorder/predictor.ts")) as { port: number };
  const direct = `127.0.0.1:${model}`;
  const { port } = JSON.parse(await node("sleep/front.ts", direct)) as { port: number };
  const through = `127.0.0.1:${port}`;
  await measured(direct, 16);
  await measured(through, 16);
  console.log(`load ${loadavg()[0]?.toFixed(1)}`);
  for (const connections of [1, 16]) {
    const turns: Record<string, { p50: number; p99: number }[]> = { direct: [], activator: [] };
    for (let round = 0; round < rounds; round += 1) {
      turns.direct?.push(await measured(direct, connections));
      turns.activator?.push(await measured(through, connections));
    }
    for (const [name, all] of Object.entries(turns)) {
      const [p50, p99] = (["p50", "p99"] as const).map((key) => median(all.map((turn) => turn[key])).toFixed(2));
      console.log(`${connections} connections, ${name}: p50 ${p50} ms, p99 ${p99} ms`);
    }
  }
}

const stack = `config:
  menagerie:nodeClass: local
  menagerie:serving: { readyTimeoutSeconds: 180, requireApiKey: false }
  menagerie:dynamicSettings: { createNamespace: true }
  menagerie:zoo:
    dozer:
      truss: models/multiplier
      phase: done
      resources: { cpu: 100m, memory: 512Mi }
      env: { FACTOR: "3" }
      replicas: { min: 0, idleMinutes: 60 }
`;

async function asleep(): Promise<void> {
  const home = await TestHome.create(await copyOfCheckout());
  const agent = new Agent({ connections: 300 });
  try {
    await writeFile(join(home.project, "Pulumi.local.yaml"), stack);
    const { code, stderr } = await home.menagerie(["up"]);
    if (code !== 0) throw new Error(stderr);
    const { gateway } = JSON.parse((await home.menagerie(["status", "--json"])).stdout) as { gateway: string };
    const cluster = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
    const pods = cluster.makeApiClient(CoreV1Api);
    const list = async () =>
      (await pods.listNamespacedPod({ namespace: "models", labelSelector: "menagerie.dev/model=dozer" })).items;
    const service = "serving.kserve.io/inferenceservice";
    const name = (await list())[0]?.metadata?.labels?.[service] ?? "";
    const path = `/apis/serving.kserve.io/v1beta1/namespaces/models/inferenceservices/${name}`;
    const predict = async (): Promise<number> => {
      const begun = performance.now();
      const { statusCode, body } = await ask(`${gateway}/serving/models/dozer/v1/models/model:predict`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"values": ["2"]}',
        dispatcher: agent,
      });
      const answer = await body.text();
      if (statusCode !== 200) throw new Error(`HTTP ${statusCode}: ${answer}`);
      return performance.now() - begun;
    };
    await predict();
    const tell = async (stop: "true" | "false"): Promise<void> => {
      const body = { metadata: { annotations: { "serving.kserve.io/stop": stop } } };
      await (await request(cluster, "PATCH", path, { body, contentType: "application/merge-patch+json" })).text();
    };
    const stopped = async (): Promise<void> => {
      await tell("true");
      while ((await list()).length > 0) await delay(200);
      // Past the time in which a wake doubts what it sees.
      await delay(4_000);
    };
    /** Without the API service: from the annotation on until the model's own Service answers. */
    const byHand = async (): Promise<number> => {
      const begun = performance.now();
      await tell("false");
      const loaded = `/api/v1/namespaces/models/services/http:${name}-predictor:80/proxy/v1/models/model/loaded`;
      for (;;) {
        try {
          await (await request(cluster, "GET", loaded)).text();
          return performance.now() - begun;
        } catch {
          await delay(20);
        }
      }
    };
    const seen = new Stages(cluster, name);
    type Turns = { readonly at: number; readonly times: number[]; readonly seen: Partial<Record<Stage, number>>[] };
    const turns: Record<string, Turns> = {
      "by hand": { at: 0, times: [], seen: [] },
      "1 request": { at: 1, times: [], seen: [] },
      "200 requests": { at: 200, times: [], seen: [] },
    };
    for (let wake = 0; wake < wakes; wake += 1) {
      for (const turn of Object.values(turns)) {
        await stopped();
        seen.begin();
        const begun = performance.now();
        const { at } = turn;
        turn.times.push(...(at === 0 ? [await byHand()] : await Promise.all(Array.from({ length: at }, predict))));
        turn.seen.push(seen.since(begun));
      }
    }
    seen.close();
    for (const [who, turn] of Object.entries(turns)) {
      const times = turn.times.toSorted((one, other) => one - other);
      const [p50, p99] = [0.5, 0.99].map((share) => times[Math.floor(times.length * share)]?.toFixed(0));
      console.log(`started by ${who}, ${wakes} times: p50 ${p50} ms, p99 ${p99} ms (load ${loadavg()[0]?.toFixed(1)})`);
      const reached = stages.map((stage) => `${stage} ${median(turn.seen.map((each) => each[stage] ?? 0)).toFixed(0)}`);
      console.log(`  ${reached.join(", ")}`);
    }
  } finally {
    await agent.close();
    await home.dispose();
  }
}

try {
  await awake();
  await asleep();
} finally {
  for (const child of children) child.kill("SIGKILL");
}
process.exit(0);
