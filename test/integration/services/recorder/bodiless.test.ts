import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { startPredictor, type TestPredictor } from "../../../support/predictor.ts";
import { startRecorder, type TestRecorder } from "../../../support/recorder.ts";
import { SteppedStream } from "../../../support/steppedStream.ts";

/** A recorder that stores no bodies: what it knows of answers all the same, in each protocol, and that nothing of a body is on a disk. */

/** In every request and every answer. */
const canary = "CANARY-4711";
const key = "k".repeat(43);
let postgres: TestPostgres;
let predictor: TestPredictor;
let recorder: TestRecorder;
const started: TestRecorder[] = [];

beforeAll(async () => {
  [postgres, predictor] = await Promise.all([startPostgres(), startPredictor()]);
  recorder = await start("bodiless");
});

afterAll(async () => {
  for (const each of started) await each.dispose();
  await Promise.all([predictor.stop(), postgres.stop()]);
});

async function start(schema: string, env: Record<string, string> = {}): Promise<TestRecorder> {
  const bodiless = { MENAGERIE_RECORDER_BODIES: "false", LOG_LEVEL: "debug", ...env };
  const made = await startRecorder({ postgres, predictor: predictor.host, schema, env: bodiless });
  started.push(made);
  return made;
}

interface Row {
  readonly [column: string]: unknown;
  readonly first_token_ms: number | null;
  readonly latency_ms: number;
  readonly piece_ms: number[] | null;
}

type Answer = (response: ServerResponse, steps: SteppedStream) => void;

async function asked(path: string, answer: Answer, of = recorder): Promise<Row> {
  const steps = new SteppedStream();
  predictor.answer = (response) => answer(response, steps);
  const id = randomUUID();
  const response = await fetch(of.origin + path, {
    method: "POST",
    body: JSON.stringify({ stream: true, said: canary }),
    headers: { "content-type": "application/json", "x-request-id": id },
  });
  await steps.read(response).catch(() => {});
  const rows = () =>
    of.query<Row>(
      `SELECT q.*, a.*, q.truncated AS request_truncated FROM inference_requests q
         JOIN inference_response a USING (day, request_id, attempt) WHERE request_id = $1`,
      [id],
    );
  await expect.poll(async () => (await rows()).length, { interval: 50 }).toBe(1);
  return (await rows())[0] as Row;
}

const data = (value: unknown, event?: string): string =>
  `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(value)}\n\n`;

/** Events one after the other, of which the first says nothing. */
const streams =
  (events: readonly string[], gzip = false): Answer =>
  (response, steps) => {
    response.writeHead(200, {
      "content-type": "text/event-stream",
      ...(gzip ? { "content-encoding": "gzip" } : {}),
    });
    if (gzip) response.end(gzipSync(events.join("")));
    else void steps.send(response, events);
  };
const whole = (value: unknown) => (response: ServerResponse) =>
  void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));

const usage = { prompt_tokens: 3, completion_tokens: 2 };
const inAndOut = { input_tokens: 3, output_tokens: 2 };
const choice = (content: string, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta: { content }, finish_reason }],
});

interface Protocol {
  readonly operation: string;
  readonly path: string;
  /** The first says nothing; the last ones end the stream. */
  readonly said: readonly string[];
  readonly ending: readonly string[];
  readonly failing: readonly string[];
  readonly answer: unknown;
}

const protocols: readonly Protocol[] = [
  {
    operation: "chat",
    path: "/v1/chat/completions",
    said: [data({ choices: [{ index: 0, delta: { role: "assistant" } }] }), data(choice(canary))],
    ending: [data(choice("", "stop")), data({ choices: [], usage }), "data: [DONE]\n\n"],
    failing: [data({ error: { message: canary } })],
    answer: { choices: [{ message: { content: canary } }], usage },
  },
  {
    operation: "completions",
    path: "/v1/completions",
    said: [data({ choices: [{ index: 0, text: "" }] }), data({ choices: [{ index: 0, text: canary }] })],
    ending: [data({ choices: [{ index: 0, text: "", finish_reason: "stop" }], usage }), "data: [DONE]\n\n"],
    failing: [data({ error: { message: canary } })],
    answer: { choices: [{ text: canary }], usage },
  },
  {
    operation: "responses",
    path: "/v1/responses",
    said: [
      data({ type: "response.created", response: { id: "r", output: [] } }),
      data({ type: "response.output_text.delta", output_index: 0, content_index: 0, delta: canary }),
    ],
    ending: [
      data({
        type: "response.completed",
        response: {
          status: "completed",
          output: [{ type: "message", content: [{ type: "output_text", text: canary }] }],
          usage: inAndOut,
        },
      }),
    ],
    failing: [data({ type: "response.failed", response: { status: "failed", error: { message: canary } } })],
    answer: { output: [{ type: "message", content: [{ type: "output_text", text: canary }] }], usage: inAndOut },
  },
  {
    operation: "messages",
    path: "/v1/messages",
    said: [
      data({ type: "message_start", message: { usage: { input_tokens: 3, output_tokens: 0 } } }, "message_start"),
      data(
        { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: canary } },
        "content_block_delta",
      ),
    ],
    ending: [
      data({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 2 } }, "message_delta"),
      data({ type: "message_stop" }, "message_stop"),
    ],
    failing: [data({ type: "error", error: { message: canary } }, "error")],
    answer: { content: [{ type: "text", text: canary }], usage: inAndOut },
  },
];

const noBodies = {
  request_data: null,
  request_raw: null,
  request_truncated: true,
  response_data: null,
  response_raw: null,
};

describe.each(protocols)("$operation without bodies", ({ operation, path, said, ending, failing, answer }) => {
  it("has of a stream its tokens, its pieces' times and when it first said something", async () => {
    const row = await asked(path, streams([...said, ...ending]));
    expect(row).toMatchObject({
      ...noBodies,
      operation,
      streamed: true,
      status: 200,
      failure: null,
      prompt_tokens: 3,
      completion_tokens: 2,
    });
    const times = row.piece_ms ?? [];
    expect(times.length).toBeGreaterThanOrEqual(said.length + ending.length - 1);
    expect(row.first_token_ms).toBeGreaterThan(times[0] ?? Number.POSITIVE_INFINITY);
    expect(row.first_token_ms).toBeLessThan(row.latency_ms);
  });

  it("has the same of a stream in gzip", async () => {
    const row = await asked(path, streams([...said, ...ending], true));
    expect(row).toMatchObject({ ...noBodies, streamed: true, failure: null, completion_tokens: 2 });
    expect(row.first_token_ms).toBeGreaterThan(0);
  });

  it("has the tokens of an answer in one piece", async () => {
    expect(await asked(path, whole(answer))).toMatchObject({
      ...noBodies,
      streamed: false,
      failure: null,
      first_token_ms: null,
      prompt_tokens: 3,
      completion_tokens: 2,
    });
  });

  it("has failed where the stream tells of an error after its 200", async () => {
    const row = await asked(path, streams([...said, ...failing]));
    expect(row).toMatchObject({ ...noBodies, streamed: true, status: 200, failure: "failed" });
    expect(row.first_token_ms).toBeGreaterThan(0);
  });

  it("is broken where the stream ends before its answer does", async () => {
    expect(await asked(path, streams(said))).toMatchObject({ ...noBodies, failure: "predictor_broken" });
  });
});

it("knows the tokens of embeddings, and of a prediction how long it took", async () => {
  const embeddings = { data: [{ embedding: [1, 2] }], usage: { prompt_tokens: 3, total_tokens: 3 } };
  expect(await asked("/v1/embeddings", whole(embeddings))).toMatchObject({ ...noBodies, prompt_tokens: 3 });
  const predicted = await asked("/v1/models/model:predict", whole({ said: canary }));
  expect(predicted).toMatchObject({ ...noBodies, operation: "predict", streamed: false, prompt_tokens: null });
  expect(predicted.latency_ms).toBeGreaterThan(0);
});

it("has nothing of a body in its log on disk and its output, while the database is away", async () => {
  await expect.poll(() => recorder.metric("menagerie_recorder_log_bytes")).toBe(0);
  await postgres.crash();
  const id = randomUUID();
  const steps = new SteppedStream();
  const failed = streams([...(protocols[0]?.said ?? []), ...(protocols[0]?.failing ?? [])]);
  predictor.answer = (response) => failed(response, steps);
  const body = JSON.stringify({ said: canary });
  const sent = await fetch(`${recorder.origin}/v1/chat/completions`, {
    method: "POST",
    body,
    headers: { "x-request-id": id },
  });
  await steps.read(sent);
  const onDisk = async () => {
    const names = await readdir(recorder.folder);
    return (await Promise.all(names.map((name) => readFile(join(recorder.folder, name), "latin1")))).join("");
  };
  await expect.poll(onDisk).toContain(id);
  expect(await onDisk()).not.toContain(canary);
  expect(recorder.lines.join("\n")).not.toContain(canary);
  await postgres.restart();
  const rows = () => recorder.query("SELECT failure FROM inference_response WHERE request_id = $1", [id]);
  await expect.poll(rows).toEqual([{ failure: "failed" }]);
  expect(await recorder.metric("menagerie_recorder_lost_total")).toBe(0);
});

it("redacts what is stored besides bodies, where rules say so", async () => {
  const redacting = await start("bodiless_redacted", {
    MENAGERIE_RECORDER_REDACT: JSON.stringify([{ pattern: "CANARY-[0-9]+" }]),
    MENAGERIE_RECORDER_PSEUDONYM_KEY: key,
  });
  const [chat] = protocols as [Protocol];
  const row = await asked(`${chat.path}?q=${canary}`, streams([...chat.said, ...chat.ending]), redacting);
  expect(row).toMatchObject({ ...noBodies, redacted: true, streamed: true, completion_tokens: 2 });
  expect(row.predict_url).toMatch(/q=redacted:[0-9a-f]{24}$/);
  expect(await redacting.metric("menagerie_recorder_unredactable_total")).toBe(0);
});
