import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { serverFromUrl, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/**
 * A zoo model is recorded, paused and recorded again while clients send, at the gateway and as an app through the API service. No
 * request fails, and what is stored is told request by request.
 */

interface Sent {
  readonly way: "route" | "app";
  readonly startedAt: number;
  endedAt: number;
  failure: string | undefined;
  answer: string;
}

let shared: SharedEnvironment;
let urls: Readonly<Record<Sent["way"], string>>;
/** Every request, by the number that its body carries. */
const sent = new Map<number, Sent>();
let next = 0;
let stopped = false;
let senders: Promise<unknown>;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  await shared.up();
  const { id } = await shared.json<{ id: string }>("app", "create", "iris", "--owner", "ada@example.com", "--json");
  const status = await shared.json<{ api: string; models: { name: string; url: string }[] }>("status", "--json");
  const iris = status.models.find(({ name }) => name === "iris");
  urls = { route: iris?.url ?? "", app: `${status.api}/models/${id}/predict` };
  senders = Promise.all((["route", "app"] as const).map(send));
});

afterAll(async () => {
  stopped = true;
  await senders;
  await shared.close();
});

/** One request after another, each with a number of its own. */
async function send(way: Sent["way"]): Promise<void> {
  while (!stopped) {
    const number = next++;
    const one: Sent = { way, startedAt: Date.now(), endedAt: Number.NaN, failure: undefined, answer: "" };
    sent.set(number, one);
    try {
      const response = await fetch(urls[way], {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs: [[number, 3.5, 1.4, 0.2]] }),
        signal: AbortSignal.timeout(30_000),
      });
      one.answer = await response.text();
      if (!response.ok) one.failure = `HTTP ${response.status} ${one.answer}`;
    } catch (error) {
      one.failure = String(error);
    }
    one.endedAt = Date.now();
    await delay(40);
  }
}

function failures(): string[] {
  return [...sent]
    .filter(([, { failure }]) => failure !== undefined)
    .map(
      ([number, { way, startedAt, failure }]) => `${number} ${way} ${new Date(startedAt).toISOString()}: ${failure}`,
    );
}

/** Numbers of the requests of one way that were sent and answered between two moments. */
function between(way: Sent["way"], since: number, until: number): number[] {
  return [...sent]
    .filter(([, s]) => s.way === way && s.startedAt > since && s.endedAt < until)
    .map(([number]) => number);
}

async function onDatabase<Row extends object>(sql: string): Promise<Row[]> {
  const target = await readTarget(environmentLayout("local", shared.home.path));
  const server = serverFromUrl(target?.databaseServer?.url ?? "", "the environment");
  return withClient(server, platformDatabase, async (client) => (await client.query<Row>(sql)).rows);
}

interface Stored {
  readonly number: number;
  readonly times: number;
  readonly answer: unknown;
  readonly status: number;
  readonly version: string;
}

/** What is stored, by the number of the request. */
async function stored(): Promise<Map<number, Stored>> {
  const rows = await onDatabase<Stored>(
    `SELECT (q.request_data->'inputs'->0->>0)::int AS number, count(*)::int AS times, min(r.status) AS status,
            (array_agg(r.response_data))[1] AS answer, min(r.model_version) AS version
       FROM recorded_iris.inference_requests q JOIN recorded_iris.inference_response r USING (day, request_id, attempt)
      GROUP BY 1`,
  );
  return new Map(rows.map((row) => [row.number, row]));
}

/** What of some requests is not stored exactly once with what was answered, once recorders had the time to store. */
async function amiss(numbers: readonly number[]): Promise<unknown[]> {
  let wrong: unknown[] = [];
  for (let tries = 0; tries < 40; tries += 1) {
    const rows = await stored();
    wrong = numbers.flatMap((number) => {
      const row = rows.get(number);
      const isRight =
        row?.times === 1 &&
        row.status === 200 &&
        // jsonb has an order of keys of its own.
        isDeepStrictEqual(row.answer, JSON.parse(sent.get(number)?.answer ?? "null"));
      return isRight ? [] : [{ number, row, sent: sent.get(number) }];
    });
    if (wrong.length === 0) break;
    await delay(500);
  }
  // One that failed is told whole; thousands of them would hide it.
  return wrong.slice(0, 3);
}

async function setRecording(value: string | undefined): Promise<void> {
  await shared.editStack((text) => {
    const without = text.replace(/^ {6}recording: .*\n/m, "");
    return value === undefined
      ? without
      : without.replace(/^ {4}iris:\n/m, (key) => `${key}      recording: ${value}\n`);
  });
}

/** Names of the pods of iris's parts. */
async function pods(component: string): Promise<string[]> {
  const labelSelector = `menagerie.dev/model=iris,component=${component}`;
  const { items } = await requestJson<{ items: { metadata: { name: string; deletionTimestamp?: string } }[] }>(
    shared.kubeConfig(),
    "GET",
    "/api/v1/pods",
    { query: { labelSelector } },
  );
  return items.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name);
}

let model: string[];
let recordedSince: number;
let pausedFrom: number;

test("recording begins while clients send: no request fails, and each one after it is stored once", async () => {
  model = await pods("predictor");
  await delay(1_000);
  const before = Date.now();
  await setRecording("{ retentionDays: 7 }");
  const { stdout } = await shared.up();
  recordedSince = Date.now();
  expect(stdout).toContain("version 1 is recorded: every request, kept 7 days; 1 more pod, 250m CPU");
  // The API service may follow a pointer that is a second old.
  const certain = recordedSince + 1_500;
  await delay(5_000);
  const until = Date.now();
  expect(failures()).toEqual([]);
  for (const way of ["route", "app"] as const) {
    const numbers = between(way, certain, until);
    expect(numbers.length).toBeGreaterThan(10);
    expect(await amiss(numbers)).toEqual([]);
  }
  const rows = await stored();
  const early = [...sent].filter(([, { endedAt }]) => endedAt < before).map(([number]) => number);
  expect(early.filter((number) => rows.has(number))).toEqual([]);
  // The model went on as it was.
  expect(await pods("predictor")).toEqual(model);
});

test("it says where the recording is, and finds nothing to do", async () => {
  expect((await shared.succeed("status")).stdout).toContain("its requests are recorded");
  expect((await shared.up()).stdout).not.toMatch(/\d+ (created|updated|deleted|replaced)/);
  expect((await shared.home.menagerie(["drift"])).stdout).not.toContain("iris");
  expect(failures()).toEqual([]);
});

test("it is paused while clients send: no request fails, what was recorded stays, and the recorder is gone", async () => {
  await setRecording("{ retentionDays: 7, paused: true }");
  pausedFrom = Date.now();
  const { stdout } = await shared.up();
  const paused = Date.now();
  expect(stdout).toContain("version 1 is not recorded any more");
  expect(stdout).toContain("recording is paused: what was recorded is kept 7 days");
  await delay(4_000);
  expect(failures()).toEqual([]);
  // Up to the edit every request is stored, also those of the last moments: a recorder stores them before it ends.
  for (const way of ["route", "app"] as const) {
    expect(await amiss(between(way, recordedSince + 1_500, pausedFrom))).toEqual([]);
  }
  const rows = await stored();
  const late = [...sent].filter(([, { startedAt }]) => startedAt > paused).map(([number]) => number);
  expect(late.length).toBeGreaterThan(20);
  expect(late.filter((number) => rows.has(number))).toEqual([]);
  expect([...rows.values()].filter(({ times }) => times > 1)).toEqual([]);
  expect([await pods("transformer"), await pods("predictor")]).toEqual([[], model]);
  expect((await shared.up()).stdout).not.toMatch(/\d+ (created|updated|deleted|replaced)/);
});

test("it goes on in the same tables, with other settings, which come without a failed request too", async () => {
  await setRecording("{ retentionDays: 7 }");
  await shared.up();
  const again = Date.now() + 1_500;
  await delay(3_000);
  await setRecording("{ retentionDays: 7, bodies: false }");
  const until = Date.now();
  await shared.up();
  const bodiless = Date.now();
  await delay(3_000);
  expect(failures()).toEqual([]);
  for (const way of ["route", "app"] as const) expect(await amiss(between(way, again, until))).toEqual([]);
  const since = new Date(bodiless).toISOString();
  const kept = () =>
    onDatabase<{ request_data: unknown; request_raw: unknown }>(
      `SELECT DISTINCT request_data, request_raw FROM recorded_iris.inference_requests WHERE request_time > '${since}'`,
    );
  await expect.poll(kept, { timeout: 20_000 }).toEqual([{ request_data: null, request_raw: null }]);
  expect(await pods("predictor")).toEqual(model);
});

test("its recorded requests are sent again by its name", async () => {
  const replayed = await shared.json<{ sent: number; answered: number; result: { mismatches: number } }>(
    ...["replay", "iris", "--to", "iris", "--limit", "20", "--json"],
  );
  expect(replayed).toMatchObject({ sent: 20, answered: 20, result: { mismatches: 0 } });
});

test("without the key what was recorded is deleted, once a person has agreed to that", async () => {
  await setRecording(undefined);
  const refused = await shared.home.menagerie(["up"]);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain("delete Schema recorded_iris: its data is deleted");
  expect((await stored()).size).toBeGreaterThan(0);
  await shared.up();
  expect(await onDatabase("SELECT FROM pg_namespace WHERE nspname = 'recorded_iris'")).toEqual([]);
  expect(await onDatabase("SELECT FROM pg_roles WHERE rolname = 'recorded_iris'")).toEqual([]);
  expect(failures()).toEqual([]);
  expect(await pods("predictor")).toEqual(model);
});
