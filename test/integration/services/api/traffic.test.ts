import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clientConfig } from "../../../../src/adapters/postgres/server.ts";
import { readTraffic } from "../../../../src/adapters/postgres/traffic/readTraffic.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { type PathTraffic, summarize } from "../../../../src/domain/traffic/traffic.ts";
import { startCountingPod } from "../../../support/countingPod.ts";
import { type MisbehavingModel, startMisbehavingModel } from "../../../support/misbehavingModel.ts";
import { makePlatformTables, rolePassword } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** What the API service counts, request by request, in a real database: one server is one pod. */

let postgres: TestPostgres;
let pool: pg.Pool;
let model: MisbehavingModel;
const pods: Pod[] = [];
const processes: ChildProcess[] = [];

interface Pod {
  readonly name: string;
  readonly port: number;
  end(): Promise<void>;
  /** Nothing is stored any more. */
  kill(): void;
}

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  pool = new pg.Pool({
    ...clientConfig({ ...postgres.server, user: roles.api, password: rolePassword }, platformDatabase),
    query_timeout: 2_000,
  });
  pool.on("error", () => {});
  model = await startMisbehavingModel(({ headers }) => String(headers["x-ask"]));
});

afterAll(async () => {
  for (const each of processes) each.kill("SIGKILL");
  model.stop();
  await pool.end();
  await postgres.stop();
});

beforeEach(async () => {
  for (const pod of pods.splice(0)) await pod.end().catch(() => {});
  for (const each of processes.splice(0)) each.kill("SIGKILL");
  await pool.query("DELETE FROM menagerie.traffic_count");
  await pool.query("DELETE FROM menagerie.traffic_source");
});

const modelOrigin = () => `http://127.0.0.1:${model.port}`;

async function pod(name: string, origin = modelOrigin()): Promise<Pod> {
  const killed = new AbortController();
  const own = {
    query: (...given: Parameters<pg.Pool["query"]>) =>
      killed.signal.aborted ? Promise.reject(new Error("killed")) : pool.query(...given),
  } as pg.Pool;
  const { server, port, end } = await startCountingPod(own, name, origin);
  const made: Pod = {
    name,
    port,
    kill: () => {
      killed.abort();
      server.closeAllConnections();
      server.close();
    },
    end,
  };
  pods.push(made);
  return made;
}

/** The same as a process of its own, which can be killed for good. */
async function podProcess(name: string): Promise<{ readonly port: number; readonly process: ChildProcess }> {
  const settings = clientConfig({ ...postgres.server, user: roles.api, password: rolePassword }, platformDatabase);
  const script = join(import.meta.dirname, "../../../support/countingPodProcess.ts");
  const started = spawn(process.execPath, [script, name, modelOrigin()], {
    env: { ...process.env, POOL: JSON.stringify(settings) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  processes.push(started);
  const [port] = (await once(started.stdout, "data")) as [Buffer];
  return { port: Number(port), process: started };
}

interface Asked {
  /** The answer has begun, or the model is asked what it never answers (`hang`). */
  readonly underWay: Promise<void>;
  /** The status, or none where the connection broke before one. */
  readonly status: Promise<number | undefined>;
}

/** The client leaves `leaveAfter` milliseconds after its request is under way. @default it does not */
function begin({ port }: Pick<Pod, "port">, asked: string, leaveAfter?: number, version = "1"): Asked {
  const id = randomUUID();
  const path = `/models/${version}/predict`;
  const headers = { "x-ask": asked, "x-request": id };
  const call = request({ port, host: "127.0.0.1", method: "POST", path, headers });
  const underWay = model.underWay(asked, id, call);
  const status = new Promise<number | undefined>((resolve) => {
    call.once("response", (response) => {
      response.resume();
      response.once("close", () => resolve(response.statusCode));
    });
    call.once("error", () => resolve(undefined));
  });
  call.end("{}");
  if (leaveAfter !== undefined) void underWay.then(() => setTimeout(() => call.destroy(), leaveAfter));
  return { underWay, status };
}

const ask = (...asked: Parameters<typeof begin>): Promise<number | undefined> => begin(...asked).status;

const second = () => Math.floor(Date.now() / 1000);

async function read(from: number, version = "1"): Promise<PathTraffic> {
  // The current second too, which a pod that ends tells of.
  const to = new Date(Date.now() + 1_000);
  const traffic = await readTraffic(pool, { version, from: new Date(from * 1000), to });
  return traffic.app;
}

/** Waits until so many requests of version 1 are stored. */
const expectStored = (from: number, requests: number): Promise<void> =>
  expect.poll(async () => summarize(await read(from)).requests).toBe(requests);

/** The seconds that are missing because of what ended at one of them. */
const gapsAt = ({ coverage }: PathTraffic, at: number) =>
  coverage.missing.filter(({ since, until }) => since <= at && until > at);

/** Waits until the seconds that are missing since `killed` end with the one in which its next process was there. */
async function expectEnded(from: number, killed: number, back: number): Promise<void> {
  await expect.poll(async () => gapsAt(await read(from), killed).every(({ until }) => until <= back)).toBe(true);
  expect(gapsAt(await read(from), killed)).toHaveLength(1);
}

describe("every request through the API service", () => {
  it("is counted once, by what its client saw", async () => {
    const from = second();
    const one = await pod("api-1");
    const nowhere = await pod("api-2", "http://127.0.0.1:1");
    const begun = second();
    const sent: Record<string, number> = {};
    const send = async (times: number, outcome: string, asking: () => Promise<unknown>) => {
      await Promise.all(Array.from({ length: times }, asking));
      sent[outcome] = (sent[outcome] ?? 0) + times;
    };
    await send(20, "2xx", () => ask(one, "200"));
    await send(3, "2xx", () => ask(one, "201"));
    await send(2, "3xx", () => ask(one, "302"));
    await send(4, "4xx_rejected", () => ask(one, "422"));
    await send(2, "4xx_denied", () => ask(one, "429"));
    await send(2, "5xx", () => ask(one, "500"));
    await send(3, "unavailable", () => ask(one, "503"));
    await send(5, "unavailable", () => ask(nowhere, "200"));
    await send(2, "timeout", () => ask(one, "hang"));
    await send(3, "5xx", () => ask(one, "silent"));
    await send(3, "broken", () => ask(one, "break"));
    await send(4, "client_gone", () => ask(one, "hang", 60));
    await send(6, "client_gone", () => ask(one, "stream", 80));
    const ended = second();
    await one.end();
    await nowhere.end();
    const traffic = await read(from);
    expect(summarize(traffic).byOutcome).toEqual(sent);
    // Both have told that they are gone: nothing is missing but the seconds before they were there.
    expect(traffic.coverage.missing.every(({ since, until }) => until <= begun || since > ended)).toBe(true);
    const whole = 20 + 3 + 2 + 4 + 2 + 2 + 3 + 5 + 2 + 3;
    expect(traffic.latency.reduce((sum, each) => sum + each, 0)).toBe(whole);
  });

  it("is counted for the version that answered, and only there", async () => {
    const from = second();
    const one = await pod("api-1");
    await Promise.all([
      ask(one, "200", undefined, "7"),
      ask(one, "404", undefined, "7"),
      ask(one, "200", undefined, "8"),
    ]);
    await fetch(`http://127.0.0.1:${one.port}/models/7/predict`);
    await fetch(`http://127.0.0.1:${one.port}/nowhere`);
    await one.end();
    expect(summarize(await read(from, "7")).byOutcome).toEqual({ "2xx": 1, "4xx_denied": 1 });
    expect(summarize(await read(from, "8")).byOutcome).toEqual({ "2xx": 1 });
  });
});

describe("a fault", () => {
  it("of the database delays counts, and loses none", async () => {
    const from = second();
    const one = await pod("api-1");
    const begun = second();
    await ask(one, "200");
    await postgres.crash();
    for (let times = 0; times < 5; times += 1) {
      await ask(one, "200");
      await delay(500);
    }
    await postgres.restart();
    await ask(one, "200");
    await expectStored(from, 7);
    const ended = second();
    await one.end();
    expect((await read(begun)).coverage.missing.filter(({ since }) => since <= ended)).toEqual([]);
    expect(summarize(await read(from)).requests).toBe(7);
  });

  it("of a pod in the middle of streams makes its seconds missing, until its next process takes over", async () => {
    const from = second();
    const one = await pod("api-1");
    const two = await pod("api-2");
    await Promise.all([ask(one, "200"), ask(two, "200")]);
    await expectStored(from, 2);
    const streams = Array.from({ length: 3 }, () => begin(two, "stream"));
    await Promise.all(streams.map(({ underWay }) => underWay));
    two.kill();
    const killed = second();
    await Promise.all(streams.map(({ status }) => status));
    await Promise.all(Array.from({ length: 4 }, () => ask(one, "200")));
    await expectStored(from, 6);
    expect(gapsAt(await read(from), killed)).toHaveLength(1);
    await pod("api-2");
    const back = second();
    await expectEnded(from, killed, back);
    // What the killed one had under way is lost, and is in the missing seconds; nothing else is.
    expect(summarize(await read(from)).byOutcome).toEqual({ "2xx": 6 });
  });

  it("such as kill -9 in the middle of streams makes one of two pods' seconds missing, and nothing that the other counted", async () => {
    const from = second();
    const one = await pod("api-1");
    const two = await podProcess("api-2");
    await Promise.all([ask(one, "200"), ask(two, "200"), ask(two, "stream", 60), ask(two, "break")]);
    await expectStored(from, 4);
    const streams = Array.from({ length: 5 }, () => begin(two, "stream"));
    await Promise.all(streams.map(({ underWay }) => underWay));
    const isGone = once(two.process, "exit");
    two.process.kill("SIGKILL");
    await isGone;
    const killed = second();
    // All had their head, and were cut off.
    expect(await Promise.all(streams.map(({ status }) => status))).toEqual(new Array(5).fill(200));
    await expect(ask(two, "200")).resolves.toBeUndefined();
    await Promise.all(Array.from({ length: 4 }, () => ask(one, "200")));
    await expectStored(from, 8);
    expect(gapsAt(await read(from), killed)).toHaveLength(1);
    const next = await podProcess("api-2");
    const back = second();
    await ask(next, "200");
    await expectStored(from, 9);
    await expectEnded(from, killed, back);
    const after = await read(from);
    expect(after.ends.missing).toEqual(after.coverage.missing);
    expect(summarize(after).byOutcome).toEqual({ "2xx": 7, client_gone: 1, broken: 1 });
  });
});
