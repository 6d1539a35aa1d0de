import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RecordedRequest } from "../../../../src/adapters/postgres/predictions/recordedRequests.ts";
import { type Replay, replayRequests } from "../../../../src/adapters/predictions/replay.ts";
import { Comparison } from "../../../../src/domain/shadow/comparison.ts";
import type { RecordedPair } from "../../../../src/domain/shadow/recorded.ts";
import { startPredictor, type TestPredictor } from "../../../support/predictor.ts";

/** Recorded chats that are sent to a real server, which streams. */

const secret = "hunter2-hunter2-hunter2";
let target: TestPredictor;
const seen: { at: number; n: number; url: string; body: string; headers: string; stream: boolean }[] = [];

interface Asked {
  readonly n: number;
  readonly stream?: boolean;
}

const choice = (more: object) => ({ index: 0, finish_reason: null, ...more });

async function speak(response: ServerResponse, { n, stream }: Asked): Promise<void> {
  await delay(30);
  const said = ["answer", ` ${n}`];
  const shared = { id: `c${Math.random()}`, model: "m" };
  if (!stream) {
    const message = { role: "assistant", content: said.join(""), refusal: null };
    const whole = { ...shared, object: "chat.completion", choices: [choice({ message, finish_reason: "stop" })] };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(whole));
    return;
  }
  const event = (...choices: object[]): string =>
    `data: ${JSON.stringify({ ...shared, object: "chat.completion.chunk", choices })}\n\n`;
  // As truss sends a generator's stream.
  response.writeHead(200, { "content-type": "application/octet-stream" });
  response.write(event(choice({ delta: { role: "assistant", content: "" } })));
  await delay(40);
  for (const content of said) response.write(event(choice({ delta: { content } })));
  response.write(event(choice({ delta: {}, finish_reason: "stop" })));
  if (n === 7) response.end('data: {"error": {"message": "out of memory"}}\n\n');
  else if (n === 8) setTimeout(() => response.destroy(), 20);
  else response.end("data: [DONE]\n\n");
}

beforeAll(async () => {
  target = await startPredictor();
  target.answer = (response, body, { url = "", headers }) => {
    const { n, stream = false } = JSON.parse(body.toString()) as Asked;
    seen.push({ at: performance.now(), n, url, body: body.toString(), headers: JSON.stringify(headers), stream });
    void speak(response, { n, stream });
  };
});

afterAll(() => target.stop());

beforeEach(() => {
  seen.length = 0;
});

/** A chat, every other one in pieces, 40 ms after the one before; its recorded answer came in one piece. */
function chat(n: number, more: Partial<RecordedRequest> = {}): RecordedRequest {
  const message = { role: "assistant", content: `answer ${n}` };
  const body = { n, stream: n % 2 === 1, temperature: 0, api_key: secret, messages: [{ role: "user", content: "?" }] };
  return {
    requestId: `r${n}`,
    attempt: 1,
    operation: "chat",
    at: 1_000_000 + n * 40,
    url: `/v1/chat/completions?api_key=${secret}`,
    body: Buffer.from(JSON.stringify(body)),
    redacted: false,
    headers: { "content-type": "application/json" },
    answer: {
      status: 200,
      failure: null,
      latencyMs: 100,
      firstTokenMs: 50,
      body: {
        json: { id: "r", object: "chat.completion", model: "m", choices: [choice({ message, finish_reason: "stop" })] },
      },
    },
    ...more,
  };
}

async function replay(requests: readonly RecordedRequest[], more: Partial<Replay> = {}) {
  const pairs: RecordedPair[] = [];
  let leftOut = 0;
  const done = await replayRequests({
    requests: (async function* () {
      yield* requests;
    })(),
    url: `http://${target.host}/serving/models/m/v1/models/model:predict`,
    headers: { "x-api-key": "our-own-key" },
    concurrency: 4,
    timeoutMs: 20_000,
    signal: new AbortController().signal,
    onPair: (pair) => pairs.push(pair),
    onLeftOut: () => {
      leftOut += 1;
    },
    ...more,
  });
  const comparison = new Comparison();
  for (const pair of pairs) comparison.add(pair);
  const { length: paired } = pairs;
  const counts = { primary: paired, shadow: paired, paired, pending: 0, unpaired: 0, lostByRecorders: 0 };
  return { done, pairs, leftOut, result: comparison.result(counts, 100) };
}

const some = (count: number): RecordedRequest[] => Array.from({ length: count }, (_, n) => chat(n));

describe("recorded chats that are sent again", () => {
  it("go to the chat's path, in pieces as they were, and a stream compares with an answer in one piece", async () => {
    const { result, done } = await replay(some(6));
    expect(result).toMatchObject({ pairs: 6, mismatches: 0 });
    expect(seen.map(({ url }) => url)).toEqual(
      Array.from({ length: 6 }, () => "/serving/models/m/v1/chat/completions"),
    );
    expect(seen.filter(({ stream, n }) => stream === (n % 2 === 1))).toHaveLength(6);
    // The first chunk has only a role, and the words come 40 ms later.
    expect(result.speed.shadow.firstToken.count).toBe(3);
    expect(result.speed.shadow.firstToken.p5).toBeGreaterThan(65);
    expect(done).toMatchObject({ sent: 6, withoutKeys: 6 });
  });

  it("have none of the keys that were recorded, in url, headers or body, coded bodies too", async () => {
    const { body } = chat(1);
    const coded = { body: gzipSync(body), headers: { "content-type": "application/json", "content-encoding": "gzip" } };
    const { result } = await replay([chat(0), chat(1, coded)]);
    expect(result).toMatchObject({ pairs: 2, mismatches: 0 });
    expect(JSON.stringify(seen)).not.toContain(secret);
    for (const { headers } of seen) expect(headers).toContain('"x-api-key":"our-own-key"');
  });

  it.each([["never", 0] as const, ["always", 6] as const])(
    "are asked for in pieces %s",
    async (streaming, streamed) => {
      const { result } = await replay(some(6), { streaming });
      expect(seen.filter(({ stream }) => stream)).toHaveLength(streamed);
      expect(result).toMatchObject({ pairs: 6, mismatches: 0 });
    },
  );

  it("keep the order, the pace and the concurrency of the recording", async () => {
    const begun = performance.now();
    const { done } = await replay(some(8).slice(0, 7), { speed: 2, concurrency: 100 });
    // Each has a connection of its own, of which a busy machine may take a later one first; the other way round the sum is 24.
    expect(seen.reduce((sum, { n }, index) => sum + Math.abs(n - index), 0)).toBeLessThanOrEqual(10);
    expect(seen).toHaveLength(7);
    // Lower bounds: a busy machine makes it later, never earlier.
    expect((seen.at(-1)?.at ?? 0) - begun).toBeGreaterThan(100);
    expect(done.atOnce).toBeGreaterThan(1);
    const slowly = performance.now();
    const slow = await replay(some(3), { speed: 0.5, concurrency: 100 });
    expect((seen.at(-1)?.at ?? 0) - slowly).toBeGreaterThan(100);
    expect(slow.done.sent).toBe(3);
  });

  it("tell an error event behind a 200, and a stream that breaks off, from an answer that differs", async () => {
    const { result, pairs } = await replay([chat(7), chat(8, chatInPieces(8)), chat(9, { answer: chat(1).answer })]);
    const failures = new Map(pairs.map(({ requestId, shadow }) => [requestId, shadow.failure]));
    expect(failures.get("r7")).toBe("failed");
    expect(failures.get("r8")).toBe("predictor_broken");
    expect(result.fields.map(({ field }) => field).sort()).toEqual([
      "choices[*].message.content",
      "shadow_broken",
      "shadow_failed",
    ]);
  });

  it("of a model's own path go to that path, and of another protocol are left out", async () => {
    const own = chat(2, { operation: "own", url: "/generate%3Fx/y?token=1" });
    const { leftOut } = await replay([
      own,
      chat(3, { operation: "infer", url: "/v2/models/m/infer" }),
      chat(4, { operation: "own", url: "/x/../control/patch" }),
    ]);
    expect([leftOut, seen.map(({ url }) => url)]).toEqual([2, ["/serving/models/m/generate%3Fx/y"]]);
  });
});

function chatInPieces(n: number): Partial<RecordedRequest> {
  return { body: Buffer.from(JSON.stringify({ n, stream: true, temperature: 0 })) };
}
