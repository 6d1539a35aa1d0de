import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { loggedCounters } from "../../../support/predictionLog.ts";
import { startPredictor, type TestPredictor } from "../../../support/predictor.ts";
import { makeTables, startRecorder, type TestRecorder } from "../../../support/recorder.ts";
import { SteppedStream } from "../../../support/steppedStream.ts";

/** Streamed chat answers through a recorder process, into a real PostgreSQL, and what goes wrong with them. */

const path = "/v1/chat/completions";
let postgres: TestPostgres;
let predictor: TestPredictor;
let recorder: TestRecorder;
const started: TestRecorder[] = [];

beforeAll(async () => {
  [postgres, predictor] = await Promise.all([startPostgres(), startPredictor()]);
  recorder = await start("streams");
});

afterAll(async () => {
  for (const each of started) await each.dispose();
  await Promise.all([predictor.stop(), postgres.stop()]);
});

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function start(schema: string, env: Record<string, string> = {}): Promise<TestRecorder> {
  const made = await startRecorder({ postgres, predictor: predictor.host, schema, env });
  started.push(made);
  return made;
}

const chunk = (content: string, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta: { content }, finish_reason }] })}\n\n`;
const role = 'data: {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant"}}]}\n\n';
const usage = 'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}\n\n';
const done = "data: [DONE]\n\n";
const events = [role, chunk("Hel"), chunk("lo €", "stop"), usage, done];

/** What the predictor answers next: pieces that a pause separates, then the end. */
function streams(pieces: readonly string[], { type = "text/event-stream", pauseMs = 20 } = {}): void {
  predictor.answer = async (response) => {
    response.writeHead(200, { "content-type": type });
    for (const piece of pieces) {
      response.write(piece);
      if (pauseMs > 0) await delay(pauseMs);
    }
    response.end();
  };
}

/** Sends pieces until the client is gone, and never ends. */
function endless(): void {
  predictor.answer = async (response: ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(role);
    for (let at = 0; !response.destroyed; at += 1) {
      response.write(chunk(`${at} `));
      await delay(5);
    }
  };
}

function ask(id: string, of = recorder, signal?: AbortSignal): Promise<Response> {
  return fetch(of.origin + path, {
    method: "POST",
    body: '{"stream": true, "messages": []}',
    headers: { "content-type": "application/json", "x-request-id": id },
    ...(signal && { signal }),
  });
}

/** Waits until a stream has said something. */
async function begun(response: Response): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  await reader.read();
  return reader;
}

interface Stored {
  operation: string | null;
  streamed: boolean | null;
  response_data: { choices: { message: { content: string } }[] } | null;
  response_raw: Buffer | null;
  response_bytes: string;
  truncated: boolean;
  status: number | null;
  failure: string | null;
  latency_ms: number;
  first_token_ms: number | null;
  prompt_tokens: number | null;
  completion_tokens: number | null;
  piece_ms: number[] | null;
  content_encoding: string | null;
}

async function stored(id: string, of = recorder): Promise<Stored> {
  const rows = () =>
    of.query<Stored>(
      `SELECT q.operation, a.* FROM inference_requests q JOIN inference_response a USING (day, request_id, attempt)
        WHERE request_id = $1`,
      [id],
    );
  await expect.poll(async () => (await rows()).length, { interval: 50 }).toBe(1);
  return (await rows())[0] as Stored;
}

const said = ({ response_data }: Stored): string | undefined => response_data?.choices[0]?.message.content;

describe("a stream", () => {
  it.each(["text/event-stream", "application/octet-stream", "application/json"])(
    "that is called %s is stored as its answer, its pieces and their times",
    async (type) => {
      const steps = new SteppedStream();
      predictor.answer = (response) => {
        response.writeHead(200, { "content-type": type });
        void steps.send(response, events);
      };
      const id = randomUUID();
      const response = await ask(id);
      expect(response.headers.get("content-type")).toBe(type);
      expect(await steps.read(response)).toBe(events.join(""));
      const row = await stored(id);
      expect(row).toMatchObject({
        operation: "chat",
        streamed: true,
        status: 200,
        failure: null,
        truncated: false,
        prompt_tokens: 3,
        completion_tokens: 2,
        response_bytes: String(Buffer.byteLength(events.join(""))),
        response_data: {
          id: "c",
          object: "chat.completion",
          choices: [{ index: 0, message: { role: "assistant", content: "Hello €" }, finish_reason: "stop" }],
        },
      });
      expect(row.response_raw?.toString()).toBe(events.join(""));
      const times = row.piece_ms ?? [];
      expect(times.length).toBe(5);
      for (const [index, at] of times.entries()) expect(at).toBeGreaterThan((times[index - 1] ?? 0) + (index && 10));
      expect(row.first_token_ms).toBeCloseTo(times[1] ?? 0, 1);
      expect(row.latency_ms).toBeGreaterThan(times[4] ?? 0);
    },
  );

  it.each([
    ["gzip", createGzip],
    ["br", createBrotliCompress],
    ["zstd", createZstdCompress],
  ] as const)("in %s is passed on as it is, and stored decoded and joined", async (coding, encode) => {
    const steps = new SteppedStream();
    predictor.answer = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": coding });
      const coder = encode();
      coder.pipe(response);
      void steps.send(coder, events, () => coder.flush());
    };
    const id = randomUUID();
    expect(await steps.read(await ask(id))).toBe(events.join(""));
    const row = await stored(id);
    expect(said(row)).toBe("Hello €");
    expect(row).toMatchObject({ streamed: true, failure: null, completion_tokens: 2, content_encoding: coding });
    expect(row.first_token_ms).toBeGreaterThan(row.piece_ms?.[0] ?? Number.POSITIVE_INFINITY);
  });

  it("of a hundred thousand pieces is whole, with times that are thinned out", async () => {
    predictor.answer = async (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let at = 0; at < 100_000; at += 1) {
        if (!response.write(chunk("ab"))) await once(response, "drain");
        // A turn of the event loop each, so that each is a write of its own.
        if (at % 4 === 0) await new Promise(setImmediate);
      }
      response.end(chunk("", "stop") + done);
    };
    const id = randomUUID();
    const text = await (await ask(id)).text();
    expect(text.length).toBeGreaterThan(10_000_000);
    const row = await stored(id, recorder);
    expect(row).toMatchObject({ streamed: true, failure: null });
    expect(row.piece_ms?.length).toBeLessThanOrEqual(16_384);
    // 13 MB are more than the 10 MiB that are kept: what is joined is the beginning, and said to be that.
    expect(row.truncated).toBe(true);
    expect(said(row)?.length).toBeGreaterThan(100_000);
    const whole = await start("long", { MENAGERIE_RECORDER_BODY_MAX_BYTES: String(32 * 1024 ** 2) });
    const again = randomUUID();
    await (await ask(again, whole)).text();
    const kept = await stored(again, whole);
    expect(kept).toMatchObject({ truncated: false, failure: null });
    expect(said(kept)).toBe("ab".repeat(100_000));
    expect(await whole.metric("menagerie_recorder_stream_pieces_total")).toBeGreaterThan(10_000);
  });

  it("with \\u0000 in its answer, which jsonb refuses, is stored as the answer's JSON in bytes", async () => {
    streams([chunk("a\u0000b", "stop"), done]);
    const id = randomUUID();
    await (await ask(id)).text();
    const row = await stored(id);
    expect(row).toMatchObject({ streamed: true, response_data: null, content_encoding: null, truncated: false });
    expect(JSON.parse(String(row.response_raw)).choices[0].message.content).toBe("a\u0000b");
  });

  it("counts in the metrics, with the time of its first token", async () => {
    const before = await recorder.metric("menagerie_recorder_streams_total");
    streams(events);
    const id = randomUUID();
    await (await ask(id)).text();
    await stored(id);
    await expect.poll(() => recorder.metric("menagerie_recorder_streams_total")).toBe(before + 1);
    expect(await recorder.metric("menagerie_recorder_first_token_seconds_count")).toBeGreaterThan(before);
  });

  it("goes to a client of HTTP/1.0, and comes from a server of it", async () => {
    streams(events);
    const id = randomUUID();
    const socket = connect(Number(new URL(recorder.origin).port), "127.0.0.1");
    sockets.push(socket);
    const body = '{"stream": true}';
    socket.write(`POST ${path} HTTP/1.0\r\nx-request-id: ${id}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\ndata: [\s\S]*Hel[\s\S]*\[DONE\]\n\n$/);
    expect(said(await stored(id))).toBe("Hello €");

    const old = createServer((connection) => {
      connection.on("error", () => {});
      connection.once("data", async () => {
        connection.write("HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
        for (const event of events) {
          connection.write(event);
          await delay(10);
        }
        connection.end();
      });
    });
    old.listen(0, "127.0.0.1");
    await once(old, "listening");
    const host = `127.0.0.1:${(old.address() as { port: number }).port}`;
    const behind = await startRecorder({ postgres, predictor: host, schema: "http10" });
    started.push(behind);
    const other = randomUUID();
    expect(await (await ask(other, behind)).text()).toBe(events.join(""));
    expect(await stored(other, behind)).toMatchObject({ streamed: true, failure: null });
    old.close();
  });

  it("is held back for nobody by a client that reads a byte a second", async () => {
    const heldBack = Promise.withResolvers<void>();
    let isOver = false;
    predictor.answer = async (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let at = 0; at < 2_000 && !response.destroyed; at += 1) {
        if (response.write(chunk("x".repeat(4_000)))) continue;
        heldBack.resolve();
        await delay(5);
      }
      isOver = true;
      response.end(done);
    };
    const slow = connect({ port: Number(new URL(recorder.origin).port), host: "127.0.0.1", highWaterMark: 1 } as never);
    sockets.push(slow);
    const id = randomUUID();
    slow.pause();
    slow.write(`POST ${path} HTTP/1.1\r\nhost: x\r\nx-request-id: ${id}\r\ncontent-length: 2\r\n\r\n{}`);
    const reading = setInterval(() => slow.read(1), 1_000);
    const usual = predictor.answer;
    await heldBack.promise;
    streams(events);
    const quick = randomUUID();
    expect(await (await ask(quick)).text()).toBe(events.join(""));
    expect(isOver).toBe(false);
    clearInterval(reading);
    slow.destroy();
    predictor.answer = usual;
    const row = await stored(id);
    expect(row).toMatchObject({ failure: "client_gone", truncated: true, streamed: true });
    // Back-pressure: what nobody reads is not taken from the model.
    expect(Number(row.response_bytes)).toBeLessThan(7_000_000);
  });
});

describe("a stream that goes wrong", () => {
  it.each<[string, readonly string[], string | null]>([
    ["whose [DONE] is missing is whole, where every choice is finished", events.slice(0, -1), null],
    ["that ends before its answer does is broken", [role, chunk("Hello €")], "predictor_broken"],
    [
      "that tells of an error in the middle has failed",
      [role, chunk("Hello €"), 'data: {"error": {"message": "oom"}}\n\n', done],
      "failed",
    ],
    ["that sends an event `error` has failed", [role, chunk("Hello €"), "event: error\ndata: oom\n\n"], "failed"],
    [
      "that has what is not JSON in it is broken",
      [role, chunk("Hello €", "stop"), "data: {oh no\n\n", done],
      "predictor_broken",
    ],
  ])("%s", async (_, pieces, failure) => {
    streams(pieces, { pauseMs: 1 });
    const id = randomUUID();
    expect(await (await ask(id)).text()).toBe(pieces.join(""));
    const row = await stored(id);
    expect(said(row)).toBe("Hello €");
    expect(row).toMatchObject({ streamed: true, status: 200, failure });
  });

  it("because its model breaks off is stored with what came", async () => {
    predictor.answer = async (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(role);
      response.write(chunk("Hel"));
      await delay(50);
      response.destroy();
    };
    const id = randomUUID();
    await expect((await ask(id)).text()).rejects.toThrow();
    const row = await stored(id);
    expect(said(row)).toBe("Hel");
    expect(row).toMatchObject({
      failure: "predictor_broken",
      truncated: true,
      streamed: true,
      completion_tokens: null,
    });
  });

  it("because its client goes is stored with what came, and the model is told", async () => {
    endless();
    const id = randomUUID();
    const gone = new AbortController();
    await begun(await ask(id, recorder, gone.signal));
    gone.abort();
    const row = await stored(id);
    expect(said(row)).toMatch(/^0 1? ?/);
    expect(row).toMatchObject({ failure: "client_gone", truncated: true, streamed: true });
  });

  it("because it says that it is JSON and is not, is kept as bytes", async () => {
    streams(['{"choices": [{"message": '], { type: "application/json" });
    const id = randomUUID();
    await (await ask(id)).text();
    const row = await stored(id);
    expect(row).toMatchObject({ streamed: false, response_data: null, failure: null, first_token_ms: null });
    expect(String(row.response_raw)).toBe('{"choices": [{"message": ');
  });

  it("because it says that it is a stream and is JSON, is an answer as any other, with its tokens", async () => {
    streams(['{"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}']);
    const id = randomUUID();
    await (await ask(id)).text();
    expect(await stored(id)).toMatchObject({
      streamed: false,
      response_data: { choices: [] },
      response_raw: null,
      completion_tokens: 2,
    });
  });

  it("because it is longer than what is kept, is joined as far as that, and said not to be whole", async () => {
    const short = await start("short", { MENAGERIE_RECORDER_BODY_MAX_BYTES: "400" });
    streams(events, { pauseMs: 1 });
    const id = randomUUID();
    expect(await (await ask(id, short)).text()).toBe(events.join(""));
    const row = await stored(id, short);
    expect(row).toMatchObject({ streamed: true, truncated: true, failure: null, completion_tokens: null });
    expect(row.response_raw?.length).toBe(400);
    expect("Hello €").toContain(said(row));
  });
});

describe("a recorder in the middle of streams", () => {
  it("that is killed has lost those under way, counts them, and has stored the others", async () => {
    const killed = await start("killed");
    streams(events, { pauseMs: 0 });
    const before = randomUUID();
    await (await ask(before, killed)).text();
    await stored(before, killed);
    endless();
    const open = await Promise.all([1, 2, 3].map(async () => begun(await ask(randomUUID(), killed))));
    await expect.poll(() => loggedCounters(killed.folder)).toEqual({ accepted: 4, finished: 1 });
    await killed.end("SIGKILL");
    for (const reader of open) await expect(drained(reader)).rejects.toThrow();
    const next = await killed.again();
    started.push(next);
    const lost = () =>
      next.query<{ requests: string }>("SELECT requests FROM recording_losses WHERE reason = 'killed'");
    await expect.poll(lost).toEqual([{ requests: "3" }]);
    expect((await next.query("SELECT FROM inference_response")).length).toBe(1);
  });

  it("that is told to end finishes them, and stores them", async () => {
    const ended = await start("ended");
    streams([role, ...Array.from({ length: 40 }, (_, at) => chunk(`${at} `)), chunk("", "stop"), done], {
      pauseMs: 100,
    });
    const id = randomUUID();
    const response = await ask(id, ended);
    const reader = await begun(response);
    const startedAt = performance.now();
    const [code, rest] = await Promise.all([ended.end("SIGTERM"), drained(reader)]);
    expect(code).toBe(0);
    // Some four seconds of the stream: the recorder does not wait for a connection that its client keeps open, for 75 seconds.
    expect(performance.now() - startedAt).toBeLessThan(60_000);
    expect(rest).toContain("[DONE]");
    const row = await stored(id, ended);
    expect(row).toMatchObject({ streamed: true, failure: null, truncated: false });
    expect(said(row)).toMatch(/^0 .* 39 $/);
  });

  it("whose database is away keeps them, and stores them once it is back", async () => {
    streams(events, { pauseMs: 5 });
    await postgres.crash();
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const texts = await Promise.all(ids.map(async (id) => (await ask(id)).text()));
    expect(new Set(texts)).toEqual(new Set([events.join("")]));
    await postgres.restart();
    for (const id of ids)
      expect(await stored(id)).toMatchObject({ streamed: true, failure: null, completion_tokens: 2 });
  });

  it("whose tables are of an earlier release stores what they have room for, and the rest once they are brought up to date", async () => {
    await makeTables({ postgres, schema: "older" });
    const older = await startRecorder({ postgres, predictor: predictor.host, schema: "older", makeTables: false });
    started.push(older);
    await older.query("ALTER TABLE inference_requests DROP COLUMN operation");
    await older.query(
      "ALTER TABLE inference_response DROP COLUMN streamed, DROP COLUMN first_token_ms, DROP COLUMN prompt_tokens, DROP COLUMN completion_tokens, DROP COLUMN piece_ms",
    );
    // As a recorder that starts before `up` has altered them.
    await older.end("SIGTERM");
    const next = await older.again();
    started.push(next);
    streams(events, { pauseMs: 1 });
    const early = randomUUID();
    await (await ask(early, next)).text();
    const rows = () => next.query<Stored>("SELECT * FROM inference_response WHERE request_id = $1", [early]);
    await expect.poll(async () => (await rows()).length).toBe(1);
    expect(said((await rows())[0] as Stored)).toBe("Hello €");
    expect(next.lines.some((line) => line.includes("lack completion_tokens, first_token_ms, operation"))).toBe(true);
    expect((await fetch(`${next.origin}/readyz`)).status).toBe(200);

    await makeTables({ postgres, schema: "older" });
    await expect.poll(() => next.lines.some((line) => line.includes("are up to date"))).toBe(true);
    const late = randomUUID();
    await (await ask(late, next)).text();
    expect(await stored(late, next)).toMatchObject({ operation: "chat", streamed: true, completion_tokens: 2 });
  });
});

async function text(from: Readable): Promise<string> {
  return Buffer.concat((await from.toArray()) as Buffer[]).toString();
}

async function drained(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let all = "";
  for (;;) {
    const { done: over, value } = await reader.read();
    if (over) return all;
    all += decoder.decode(value, { stream: true });
  }
}
