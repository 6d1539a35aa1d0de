import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type RecordedRequest,
  recordedRequests,
} from "../../../../src/adapters/postgres/predictions/recordedRequests.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { replayRequests } from "../../../../src/adapters/predictions/replay.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import type { RecordedPair } from "../../../../src/domain/shadow/recorded.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { startPredictor, type TestPredictor } from "../../../support/predictor.ts";
import { startRecorder, type TestRecorder } from "../../../support/recorder.ts";

/** `menagerie replay` as its user runs it: requests that a real recorder stored, sent to another model. */

const requests = 40;
const schema = "multiplier";
let postgres: TestPostgres;
let predictor: TestPredictor;
let candidate: TestPredictor;
let recorder: TestRecorder;

const multiplies =
  (factor: number): TestPredictor["answer"] =>
  (response, body) => {
    const { values } = JSON.parse(body.toString()) as { values: number[] };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ results: values.map((value) => value * factor) }));
  };

beforeAll(async () => {
  [postgres, predictor, candidate] = await Promise.all([startPostgres(), startPredictor(), startPredictor()]);
  await withClient(postgres.server, "postgres", async (client) => {
    await client.query(`CREATE ROLE ${roles.operator}`);
    await client.query(`CREATE DATABASE ${platformDatabase}`);
  });
  predictor.answer = multiplies(2);
  recorder = await startRecorder({
    postgres,
    predictor: predictor.host,
    schema,
    database: platformDatabase,
    readers: [roles.operator],
  });
  for (let n = 1; n <= requests; n += 1) {
    await fetch(`${recorder.origin}/v1/models/model:predict`, {
      method: "POST",
      body: JSON.stringify({ values: [n, n + 0.5] }),
      headers: { "content-type": "application/json", "x-request-id": `r${n}` },
    });
  }
  // In a hook, where `expect.poll` does not work.
  const stored = async () => expect(await recorder.metric("menagerie_recorder_stored_total")).toBe(requests);
  await vi.waitFor(stored, { timeout: 60_000, interval: 50 });
});

afterAll(async () => {
  await recorder.dispose();
  await Promise.all([predictor.stop(), candidate.stop(), postgres.stop()]);
});

beforeEach(() => {
  candidate.seen.length = 0;
});

async function replay(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "../../../../src/cli/main.ts"), "replay", ...args], {
    env: {
      ...process.env,
      MENAGERIE_HOME: recorder.folder,
      MENAGERIE_DATABASE_URL: urlOf(postgres.server, platformDatabase),
    },
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, "exit");
  return { code: child.exitCode, stdout, stderr };
}

const to = () => `http://${candidate.host}/v1/models/model:predict`;

describe("menagerie replay", () => {
  it("sends every recorded request under an id of its own, and says by what factor the answers differ", async () => {
    candidate.answer = multiplies(3);
    const { code, stdout } = await replay(schema, "--to", to(), "--json");
    expect(code).toBe(0);
    const printed = JSON.parse(stdout) as { sent: number; answered: number; headline: string };
    expect(printed).toMatchObject({ sent: requests, answered: requests });
    expect(printed.headline).toBe(`All ${requests} answers differ, by a factor of 1.5.`);
    const ids = candidate.seen.map(({ id }) => id?.replace(/^replay-[0-9a-f]{8}-/, ""));
    expect(new Set(ids)).toEqual(new Set(Array.from({ length: requests }, (_, n) => `r${n + 1}`)));
    // So that recorders and judges leave them out, where the key may say so.
    expect(new Set(candidate.seen.map(({ purpose }) => purpose))).toEqual(new Set(["batch"]));
  });

  it("finds no difference where there is none, and meets its gate only with enough evidence", async () => {
    candidate.answer = multiplies(2);
    const same = await replay(schema, "--to", to(), "--max-mismatch", "0.2");
    expect([same.code, same.stdout.split("\n")[0]]).toEqual([
      0,
      expect.stringMatching(/^No answer differs in 40 pairs/),
    ]);
    const few = await replay(schema, "--to", to(), "--limit", "3", "--max-mismatch", "0.2");
    expect(candidate.seen.length).toBe(requests + 3);
    expect([few.code, few.stderr]).toEqual([3, expect.stringContaining("--max-mismatch 0.2 is not met")]);
  });

  it("sends redacted requests as they are stored, and compares no recorded answer with what is answered to them", async () => {
    const mark = (redacted: boolean): Promise<unknown> =>
      withClient(postgres.server, platformDatabase, (client) =>
        client.query(`UPDATE ${schema}.inference_requests SET redacted = $1 WHERE request_id IN ('r1', 'r2', 'r3')`, [
          redacted,
        ]),
      );
    await mark(true);
    try {
      candidate.answer = (response, body, request) => {
        const isSecond = (JSON.parse(body.toString()) as { values: number[] }).values[0] === 2;
        if (!isSecond) multiplies(2)(response, body, request);
        else response.writeHead(400).end("what is that?");
      };
      const { code, stdout } = await replay(schema, "--to", to());
      expect(code).toBe(0);
      expect(candidate.seen.length).toBe(requests);
      expect(stdout).toContain("No answer differs in 37 pairs");
      expect(stdout).toContain("3 requests with pseudonyms, not compared: status 200 2 times, status 400 once");
      const gated = await replay(schema, "--to", to(), "--max-mismatch", "0.2");
      expect([gated.code, gated.stderr]).toEqual([
        2,
        expect.stringContaining("--max-mismatch: multiplier has 3 requests with pseudonyms"),
      ]);
    } finally {
      await mark(false);
    }
  });

  it("keeps to its rate", async () => {
    candidate.answer = multiplies(2);
    // In this process, and a lower bound only: a busy machine makes it later, never earlier.
    const started = performance.now();
    await withClient(postgres.server, platformDatabase, async (client) => {
      await replayRequests({
        requests: recordedRequests(client, { side: { schema }, since: new Date(0), until: new Date(), limit: 11 }),
        url: to(),
        headers: {},
        concurrency: 4,
        rate: 10,
        timeoutMs: 10_000,
        signal: new AbortController().signal,
        onPair: () => {},
        onLeftOut: () => {},
      });
    });
    expect(performance.now() - started).toBeGreaterThanOrEqual(1_000);
  });

  it("asks for what was asked for, and tells an answer that breaks off from a target that is not there", async () => {
    const request = (n: number, url: string): RecordedRequest => ({
      requestId: `x${n}`,
      attempt: 1,
      operation: null,
      at: n,
      url,
      body: Buffer.from("{}"),
      headers: {},
      redacted: false,
      answer: { status: 200, failure: null, latencyMs: 1, body: { json: [n] } },
    });
    candidate.answer = (response, _, { url }) => {
      if (url?.endsWith(":explain")) response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync("[2]"));
      else {
        response.writeHead(200, { "content-length": "100" }).write("[");
        setTimeout(() => response.destroy(), 20);
      }
    };
    const broken = Array.from({ length: 12 }, (_, n) => request(n + 10, "/v1/models/m:predict"));
    const recorded = [request(2, "/v1/models/m%3Aexplain"), request(3, "/v2/models/m/infer"), ...broken];
    const pairs: RecordedPair[] = [];
    let leftOut = 0;
    const { sent } = await replayRequests({
      requests: (async function* () {
        yield* recorded;
      })(),
      url: to(),
      headers: {},
      concurrency: 1,
      timeoutMs: 10_000,
      signal: new AbortController().signal,
      onPair: (pair) => pairs.push(pair),
      onLeftOut: () => {
        leftOut += 1;
      },
    });
    expect([sent, leftOut, pairs.length]).toEqual([13, 1, 13]);
    expect(pairs[0]?.shadow).toMatchObject({ status: 200, failure: null, body: { json: [2] } });
    expect(pairs[1]?.shadow).toMatchObject({ status: 200, failure: "predictor_broken" });
    expect(candidate.seen.map(({ url }) => url).slice(0, 2)).toEqual([
      ...["/v1/models/model:explain", "/v1/models/model:predict"],
    ]);
  });

  it.each([
    [["multiplier", "--to", "http://127.0.0.1:1/"], 1, "http://127.0.0.1:1/ does not answer"],
    [["nowhere", "--to", "http://127.0.0.1:1/"], 1, "no prediction tables in schema nowhere"],
    [["multiplier", "--to", "http://127.0.0.1:1/", "--since", "yesterday"], 2, '--since "yesterday" is not a time'],
    [["multiplier", "--to", "http://127.0.0.1:1/", "--ignore", "a["], 2, '--ignore "a[" is not a path of a field'],
    [["multiplier", "--to", "http://127.0.0.1:1/", "--limit", "0"], 2, "give a whole number from 1"],
  ])("%j ends with a sentence that says why", async (args, code, sentence) => {
    const result = await replay(...args);
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(sentence)]);
  });
});
