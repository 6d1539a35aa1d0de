import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { PredictionLog } from "../../../../src/adapters/predictionLog/append.ts";
import type { CapturedPrediction } from "../../../../src/adapters/predictionLog/frame.ts";
import { readBatch } from "../../../../src/adapters/predictionLog/read.ts";
import { recoverLog } from "../../../../src/adapters/predictionLog/recover.ts";
import { Redaction } from "../../../../src/services/recorder/redaction.ts";

/** The thread that redacts, before a log on disk: what is counted when, and what is there. */

const input = { rules: [{ pattern: "CANARY" }], key: "k".repeat(43), keepsBodies: true };
let folder: string;
let log: PredictionLog;
let lost: [string, number][];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-redaction-"));
  lost = [];
  log = await PredictionLog.open(folder, { logBytes: 2 ** 30 }, (reason, requests) => lost.push([reason, requests]));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function prediction(requestId: string, answer: string): CapturedPrediction {
  const body = (text: string) => ({ chunks: [Buffer.from(text)], bytes: text.length, truncated: false });
  return {
    requestId,
    unpaired: false,
    requestTime: Date.now(),
    url: "/v1/models/model:predict",
    headers: "{}",
    organization: null,
    redacted: false,
    request: body('{"m":"CANARY"}'),
    response: body(answer),
    responseEncoding: null,
    operation: "predict",
    arrivals: null,
    facts: null,
    status: 200,
    failure: null,
    latencyMs: 1,
  };
}

function submit(redaction: Redaction, count: number, answer = '{"m":"CANARY"}'): void {
  for (let each = 0; each < count; each += 1) redaction.accept();
  for (let each = 0; each < count; each += 1) redaction.finish(prediction(`id-${each}`, answer));
}

const stored = async () =>
  (await readBatch(folder, 0, log.positions.end, { bytes: 2 ** 26, predictions: 10_000 })).predictions;

it("what waits for redaction is not finished: a kill would count it, and find nothing of it on disk", async () => {
  const redaction = new Redaction(input, { log, onFailure: () => {} });
  submit(redaction, 50);
  // The log has what was accepted; the thread has not begun.
  await expect.poll(async () => (await recoverLog(folder)).unfinished, { interval: 1 }).toBe(50);
  await redaction.drained();
  await log.close();
  expect((await recoverLog(folder)).unfinished).toBe(0);
  const predictions = await stored();
  expect(predictions.map(({ requestId }) => requestId)).toEqual(Array.from({ length: 50 }, (_, each) => `id-${each}`));
  expect(predictions.every(({ redacted }) => redacted)).toBe(true);
  for (const name of await readdir(folder))
    expect(await readFile(join(folder, name), "latin1")).not.toContain("CANARY");
  expect(lost).toEqual([]);
});

it("beyond its memory bodies are dropped, then predictions, and each is counted", async () => {
  const redaction = new Redaction(input, { log, waitingBytes: 2_000, onFailure: () => {} });
  submit(redaction, 100, JSON.stringify({ m: "x".repeat(900) }));
  await redaction.drained();
  await log.close();
  const predictions = await stored();
  const without = predictions.filter(({ response }) => response.truncated);
  const count = (reason: string) =>
    lost.filter(([each]) => each === reason).reduce((sum, [, requests]) => sum + requests, 0);
  expect(without.length).toBeGreaterThan(0);
  expect(count("unredactable")).toBe(without.length);
  expect(count("redaction_slow")).toBeGreaterThan(0);
  expect(predictions.length + count("redaction_slow")).toBe(100);
  expect((await recoverLog(folder)).unfinished).toBe(0);
});

it("where no bodies are stored, what tells nothing goes by the thread, and what is not read in time is counted", async () => {
  const bodiless = { rules: [], key: "", keepsBodies: false };
  const redaction = new Redaction(bodiless, { log, waitingBytes: 2_000, onFailure: () => {} });
  const nothing = { chunks: [], bytes: 900, truncated: true };
  const told = JSON.stringify({ usage: { prompt_tokens: 1, completion_tokens: 2 }, padding: "x".repeat(900) });
  for (let each = 0; each < 6; each += 1) redaction.accept();
  redaction.finish({ ...prediction("tells nothing", "{}"), request: nothing, response: nothing });
  for (const id of ["a", "b", "c", "d", "e"]) {
    redaction.finish({ ...prediction(id, told), operation: "chat", request: nothing });
  }
  await redaction.drained();
  await log.close();
  const predictions = await stored();
  expect(predictions.map(({ requestId }) => requestId)).toEqual(["tells nothing", "a", "b", "c", "d", "e"]);
  expect(predictions.every(({ response }) => response.content.length === 0 && response.truncated)).toBe(true);
  const read = predictions.filter(({ facts }) => facts?.tokens?.completion === 2).length;
  expect(read).toBeGreaterThan(0);
  expect(lost.every(([reason]) => reason === "unread")).toBe(true);
  expect(lost.length).toBe(5 - read);
});

it("a thread that fails is started again, and what it had is counted as lost", async () => {
  const failures: string[] = [];
  const thread = new URL("../../../support/failingRedactor.ts", import.meta.url);
  const redaction = new Redaction(input, { log, thread, onFailure: (code) => failures.push(code) });
  submit(redaction, 3, '{"m":"END THE THREAD"}');
  await expect.poll(() => failures, { timeout: 30_000 }).toEqual(["exit"]);
  expect(lost).toEqual([["redaction_failed", 3]]);
  submit(redaction, 1);
  await redaction.drained();
  await log.close();
  expect((await stored()).length).toBe(1);
  expect((await recoverLog(folder)).unfinished).toBe(0);
}, 60_000);
