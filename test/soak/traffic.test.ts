import { readdirSync, readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { request as apiRequest, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { clientConfig, serverFromUrl } from "../../src/adapters/postgres/server.ts";
import { readTraffic } from "../../src/adapters/postgres/traffic/readTraffic.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import type { TrafficPath } from "../../src/domain/traffic/outcome.ts";
import { length } from "../../src/domain/traffic/seconds.ts";
import { summarize } from "../../src/domain/traffic/traffic.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/** Counts of requests against what a load generator sent, while parts of a whole environment are killed. */

let shared: SharedEnvironment;
let pool: pg.Pool;
let gatewayUrl: string;
let apiUrl: string;
const agent = new Agent({ keepAlive: true, maxSockets: 32 });

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  await shared.up();
  const target = await readTarget(environmentLayout("local", shared.home.path));
  if (!target?.databaseServer || !target.apiUrl) throw new Error("the environment has no database");
  pool = new pg.Pool(clientConfig(serverFromUrl(target.databaseServer.url, "the environment"), platformDatabase));
  gatewayUrl = target.gatewayUrl;
  apiUrl = target.apiUrl;
  // The gateway is counted soon after the API service leads, and by how requests end once it has shown one.
  await predict();
  await delay(15_000);
});

afterAll(async () => {
  agent.destroy();
  await pool?.end();
  await shared?.close();
});

type Answers = Readonly<Record<string, number>>;

/** The status; `cut` where the answer broke off or the client left, `none` where there was no answer. */
function ask(url: string, body: string, leaveAfterMs?: number): Promise<string> {
  return new Promise((resolve) => {
    const headers = { "content-type": "application/json" };
    const own = leaveAfterMs === undefined ? agent : false;
    const call = request(url, { method: "POST", agent: own, headers }, (response) => {
      response.resume();
      response.once("end", () => resolve(String(response.statusCode)));
      response.once("close", () => resolve("cut"));
    });
    call.once("error", () => resolve("none"));
    call.end(body);
    if (leaveAfterMs !== undefined) setTimeout(() => call.destroy(), leaveAfterMs);
  });
}

/** Asks at an even rate, whatever becomes of the answers; tells how each ended. */
async function load(seconds: number, perSecond: number, one: (number: number) => Promise<string>): Promise<Answers> {
  const asked: Promise<string>[] = [];
  for (let number = 0; number < seconds * perSecond; number += 1) {
    asked.push(one(number));
    await delay(1000 / perSecond);
  }
  const ended = await Promise.all(asked);
  return Object.fromEntries([...Map.groupBy(ended, (each) => each)].map(([each, all]) => [each, all.length]));
}

async function versionOf(model: string): Promise<string> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT v.id::text AS id FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id
      WHERE m.name = $1 AND v.is_current AND v.proxy_model_version_id IS NULL`,
    [model],
  );
  return rows[0]?.id ?? "";
}

/** What was counted since `from`, once everything has come in. */
async function counted(path: TrafficPath, model: string, from: number) {
  await delay(5_000);
  const asked = { version: await versionOf(model), from: new Date(from), to: new Date(Date.now() - 2_500) };
  const traffic = (await readTraffic(pool, asked))[path];
  return {
    ...summarize(traffic),
    missing: length(traffic.coverage.missing),
    untold: length(traffic.ends.missing),
  };
}

const predict = (body = '{"values": ["3.3"]}') =>
  ask(`${gatewayUrl}/serving/models/multiplier/v1/models/model:predict`, body);

/** Processes of this environment, and of no other on the machine, by a part of their command line. */
function processesOf(command: string): number[] {
  const read = (id: number, file: string): string => {
    try {
      return readFileSync(`/proc/${id}/${file}`, "utf8").replaceAll("\0", " ");
    } catch {
      return "";
    }
  };
  const parentOf = (id: number) => Number(/^PPid:\s+(\d+)$/m.exec(read(id, "status"))?.[1] ?? 0);
  const isBelowHome = (id: number): boolean =>
    id > 1 && (read(id, "environ").includes(`MENAGERIE_HOME=${shared.home.path} `) || isBelowHome(parentOf(id)));
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((id) => read(id, "cmdline").includes(command) && isBelowHome(id));
}

/** Deletes a model's pods at once, without a grace period. */
async function deletePods(model: string): Promise<void> {
  const pods = "/api/v1/namespaces/models/pods";
  const { items } = await requestJson<{ items: { metadata: { name: string } }[] }>(shared.kubeConfig(), "GET", pods);
  const own = items.filter(({ metadata }) => metadata.name.startsWith(`${model}-v1-`));
  expect(own).toHaveLength(1);
  for (const { metadata } of own)
    await apiRequest(shared.kubeConfig(), "DELETE", `${pods}/${metadata.name}`, { query: { gracePeriodSeconds: 0 } });
}

const chat = JSON.stringify({
  model: "speaker",
  messages: [{ role: "user", content: "What does an otter eat?" }],
  stream: true,
  max_tokens: 200,
});
const speak = (leaveAfterMs?: number) =>
  ask(`${gatewayUrl}/serving/models/speaker/v1/chat/completions`, chat, leaveAfterMs);

/** Name of a process's program; undefined where it is gone. */
function commandOf(id: number): string | undefined {
  try {
    return readFileSync(`/proc/${id}/comm`, "utf8");
  } catch {
    return undefined;
  }
}

/** Kills a service's processes in their sandboxes. */
function killService(service: "api" | "recorder"): void {
  const running = processesOf(`services/${service}/main.ts`);
  expect(running.length).toBeGreaterThan(0);
  for (const id of running) {
    // Its sandbox goes with it, perhaps before we look at that.
    if (commandOf(id)?.startsWith("bwrap") === false) process.kill(id, "SIGKILL");
  }
}

test("requests at the gateway are counted one by one", async () => {
  const from = Date.now() - 1_000;
  const sent = await load(8, 40, (number) => predict(number % 10 === 0 ? "{broken" : undefined));
  const { byOutcome, missing } = await counted("route", "multiplier", from);
  expect(byOutcome).toEqual({ "2xx": sent[200], "4xx_rejected": sent[400] });
  expect(missing).toBe(0);
});

test("requests for a version whose only pod is gone are its 503s", async () => {
  const from = Date.now() - 1_000;
  const loading = load(20, 30, () => predict());
  await delay(2_000);
  await deletePods("multiplier");
  const sent = await loading;
  const { byOutcome, missing } = await counted("route", "multiplier", from);
  expect(sent[503]).toBeGreaterThan(0);
  expect(byOutcome).toEqual({ "2xx": sent[200], unavailable: sent[503] });
  expect(missing).toBe(0);
});

test("a gateway that is killed makes seconds missing, and counts on from its new start", async () => {
  const from = Date.now() - 1_000;
  const perSecond = 40;
  const loading = load(16, perSecond, () => predict());
  await delay(5_000);
  const [envoy] = processesOf("gateway/envoy.json");
  process.kill(envoy ?? 0, "SIGKILL");
  const sent = await loading;
  const { byOutcome, missing } = await counted("route", "multiplier", from);
  expect(missing).toBeGreaterThan(0);
  expect(missing).toBeLessThan(10);
  const lost = (sent[200] ?? 0) - (byOutcome["2xx"] ?? 0);
  // What is lost came in the seconds that are missing.
  expect(lost).toBeGreaterThanOrEqual(0);
  expect(lost).toBeLessThanOrEqual(missing * perSecond);
});

test("streams at the gateway are counted by how they end, those that clients left and those that a killed pod broke", async () => {
  const from = Date.now() - 1_000;
  const sent = await load(8, 4, (number) => speak(number % 4 === 0 ? 400 : undefined));
  const first = await counted("route", "speaker", from);
  expect(first.byOutcome).toEqual({ "2xx": sent[200], client_gone: (sent.cut ?? 0) + (sent.none ?? 0) });
  expect([first.missing, first.untold]).toEqual([0, 0]);

  const killedFrom = Date.now() - 1_000;
  const loading = load(16, 4, () => speak());
  await delay(5_000);
  await deletePods("speaker");
  const then = await loading;
  const second = await counted("route", "speaker", killedFrom);
  expect(then.cut).toBeGreaterThan(0);
  const { "2xx": answered = 0, unavailable = 0, broken } = second.byOutcome;
  expect({ answered, unavailable, broken }).toEqual({
    answered: then[200] ?? 0,
    unavailable: then[503] ?? 0,
    broken: then.cut,
  });
  expect([second.missing, second.untold]).toEqual([0, 0]);
});

test("streams through the API service are counted, those that clients left among them, and a killed pod's are missing", async () => {
  const app = await shared.json<{ id: string }>("app", "create", "speaker", "--owner", "me@example.com", "--json");
  const say = (leaveAfterMs?: number) => ask(`${apiUrl}/models/${app.id}/v1/chat/completions`, chat, leaveAfterMs);
  const from = Date.now() - 1_000;
  const sent = await load(8, 4, (number) => say(number % 4 === 0 ? 300 : undefined));
  const first = await counted("app", "speaker", from);
  // Some left before the head of their answer.
  expect(first.byOutcome).toEqual({ "2xx": sent[200], client_gone: (sent.cut ?? 0) + (sent.none ?? 0) });
  expect(first.missing).toBe(0);

  const killedFrom = Date.now() - 1_000;
  const loading = load(16, 4, () => say());
  await delay(5_000);
  killService("api");
  const then = await loading;
  await delay(10_000);
  const second = await counted("app", "speaker", killedFrom);
  expect(second.missing).toBeGreaterThan(0);
  const lost = (then[200] ?? 0) - (second.byOutcome["2xx"] ?? 0);
  expect(lost).toBeGreaterThanOrEqual(0);
  expect(lost).toBeLessThanOrEqual(second.missing * 4 + 4);
});

test("streams whose recorder is killed are counted by how they end, and each is stored or reported lost", async () => {
  await shared.editStack((text) => text.replace(/^ {4}speaker:\n/m, (key) => `${key}      recording: {}\n`));
  await shared.up();
  const tables = "recorded_speaker";
  await pool.query(`DELETE FROM ${tables}.inference_requests`);
  await pool.query(`DELETE FROM ${tables}.inference_response`);
  const from = Date.now() - 1_000;
  const loading = load(16, 4, () => speak());
  await delay(5_000);
  killService("recorder");
  const sent = await loading;
  const { byOutcome, missing, untold } = await counted("route", "speaker", from);
  expect(sent.cut).toBeGreaterThan(0);
  const { "2xx": answered = 0, unavailable = 0, broken } = byOutcome;
  expect({ answered, unavailable, broken }).toEqual({
    answered: sent[200] ?? 0,
    unavailable: sent[503] ?? 0,
    broken: sent.cut,
  });
  expect([missing, untold]).toEqual([0, 0]);
  const sum = async (sql: string) => Number((await pool.query<{ sum: string | null }>(sql)).rows[0]?.sum ?? 0);
  const stored = () => sum(`SELECT count(*) AS sum FROM ${tables}.inference_response WHERE failure IS NULL`);
  const lost = () => sum(`SELECT sum(requests) AS sum FROM ${tables}.recording_losses WHERE reason = 'killed'`);
  // What came within the last 2 ms may be neither: at this rate one request at most.
  await expect.poll(stored, { timeout: 60_000 }).toBeGreaterThanOrEqual((sent[200] ?? 0) - 1);
  const told = async () => (await stored()) + (await lost());
  const asked = (sent[200] ?? 0) + (sent.cut ?? 0);
  await expect.poll(told, { timeout: 60_000 }).toBeGreaterThanOrEqual(asked - 1);
  expect(await told()).toBeLessThanOrEqual(asked);
});
