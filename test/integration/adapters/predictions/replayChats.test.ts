import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../../../src/local/layout.ts";
import { useExistingCluster } from "../../../../src/local/target.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { startPredictor, type TestPredictor } from "../../../support/predictor.ts";
import { startRecorder, type TestRecorder } from "../../../support/recorder.ts";

/** `menagerie replay` of chats that a real recorder stored, in pieces and whole, to a real server that streams. */

const requests = 12;
const schema = "speaker";
/** Between two recorded requests; each answer takes longer, so that several are on their way at once. */
const apartMs = 60;
const secret = "hunter2-hunter2-hunter2";
let postgres: TestPostgres;
let predictor: TestPredictor;
let candidate: TestPredictor;
let recorder: TestRecorder;
const seen: { at: number; n: number; url: string; body: string; headers: IncomingHttpHeaders }[] = [];

interface Asked {
  readonly n: number;
  readonly stream?: boolean;
  readonly messages: readonly { readonly content: string }[];
}

/** Answers with the question in capitals, a word at a time where it is asked for pieces. */
async function speak(
  response: ServerResponse,
  { stream, messages }: Asked,
  say = (word: string) => word,
): Promise<void> {
  const words = (messages[0]?.content ?? "").toUpperCase().split(" ").map(say);
  const usage = { prompt_tokens: 3, completion_tokens: words.length, total_tokens: 3 + words.length };
  const shared = { id: `c${Math.random()}`, created: 1, model: "m" };
  await delay(100);
  if (!stream) {
    const message = { role: "assistant", content: words.join(" "), refusal: null };
    const choices = [{ index: 0, message, finish_reason: "stop", logprobs: null }];
    const whole = { ...shared, object: "chat.completion", choices, usage };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(whole));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  const chunk = (delta: object, more: object = {}): void => {
    const choices = [{ index: 0, delta, finish_reason: null, ...more }];
    response.write(`data: ${JSON.stringify({ ...shared, object: "chat.completion.chunk", choices })}\n\n`);
  };
  chunk({ role: "assistant", content: "" });
  for (const [index, word] of words.entries()) {
    await delay(5);
    chunk({ content: index === 0 ? word : ` ${word}` });
  }
  chunk({}, { finish_reason: "stop" });
  response.end("data: [DONE]\n\n");
}

beforeAll(async () => {
  [postgres, predictor, candidate] = await Promise.all([startPostgres(), startPredictor(), startPredictor()]);
  await withClient(postgres.server, "postgres", async (client) => {
    await client.query(`CREATE ROLE ${roles.operator}`);
    await client.query(`CREATE DATABASE ${platformDatabase}`);
  });
  predictor.answer = (response, body) => void speak(response, JSON.parse(body.toString()) as Asked);
  const readers = [roles.operator];
  recorder = await startRecorder({ postgres, predictor: predictor.host, schema, database: platformDatabase, readers });
  const asking: Promise<unknown>[] = [];
  for (let n = 0; n < requests; n += 1) {
    const body = {
      n,
      model: "m",
      temperature: 0,
      api_key: secret,
      stream: n % 2 === 0,
      messages: [{ content: `what is number ${n}` }],
    };
    const headers = {
      "content-type": "application/json",
      authorization: `Bearer ${secret}`,
      "x-request-id": `r${(n * 7) % requests}`,
    };
    const url = `${recorder.origin}/v1/chat/completions?api_key=${secret}`;
    asking.push(fetch(url, { method: "POST", body: JSON.stringify(body), headers }).then((answer) => answer.text()));
    await delay(apartMs);
  }
  await Promise.all(asking);
  await vi.waitFor(async () => expect(await recorder.metric("menagerie_recorder_stored_total")).toBe(requests), {
    timeout: 20_000,
    interval: 50,
  });
}, 120_000);

afterAll(async () => {
  await recorder.dispose();
  await Promise.all([predictor.stop(), candidate.stop(), postgres.stop()]);
});

beforeEach(() => {
  seen.length = 0;
  answerWith((response, asked) => speak(response, asked));
});

function answerWith(answer: (response: ServerResponse, asked: Asked) => Promise<void>): void {
  candidate.answer = (response, body, { url = "", headers }) => {
    const asked = JSON.parse(body.toString()) as Asked;
    seen.push({ at: performance.now(), n: asked.n, url, body: body.toString(), headers });
    void answer(response, asked);
  };
}

async function replay(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return replayFrom(recorder.folder, ...args);
}

/** @param home - folder of environments, by which it is known whose the target is */
async function replayFrom(home: string, ...args: string[]) {
  const main = join(import.meta.dirname, "../../../../src/cli/main.ts");
  const to = `http://${candidate.host}/serving/models/m/v1/models/model:predict`;
  const child = spawn(process.execPath, [main, "replay", schema, "--to", to, ...args], {
    env: {
      ...process.env,
      MENAGERIE_HOME: home,
      MENAGERIE_API_KEY: "our-own-key",
      MENAGERIE_DATABASE_URL: urlOf(postgres.server, platformDatabase),
    },
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await once(child, "exit");
  return { code: child.exitCode, stdout, stderr };
}

describe("menagerie replay of chats", () => {
  it("asks as was asked, in pieces or whole, at the chat's path, and compares what was said", async () => {
    const { code, stdout, stderr } = await replay();
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^No answer differs in 12 pairs/);
    expect(stdout).toContain("sent 12, answered 12, 12 without the keys that were recorded in their bodies");
    expect(stdout).toMatch(/first token p50 \d+\.\d ms recorded, \d+\.\d ms now/);
    expect(seen.map(({ url }) => url)).toEqual(
      Array.from({ length: requests }, () => "/serving/models/m/v1/chat/completions"),
    );
    expect(seen.filter(({ body }) => (JSON.parse(body) as Asked).stream)).toHaveLength(requests / 2);
  }, 60_000);

  const keysSeen = () => new Set(seen.map(({ headers }) => headers["x-api-key"]));

  it("sends no key that was recorded, and none to a target that is not the environment's", async () => {
    const { code, stderr } = await replay();
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(`MENAGERIE_API_KEY is not sent: http://${candidate.host} is not an address of`),
    ]);
    expect(seen).toHaveLength(requests);
    expect(JSON.stringify(seen)).not.toMatch(new RegExp(`${secret}|our-own-key`));
    expect(seen.some(({ headers }) => "authorization" in headers || "x-api-key" in headers)).toBe(false);
  }, 60_000);

  it("sends its own key to the environment's gateway, and to no other port of the same host", async () => {
    const home = join(recorder.folder, "home");
    const ownGateway = (gatewayUrl: string) =>
      useExistingCluster(environmentLayout("local", home), { kubeconfig: join(home, "none"), gatewayUrl });
    await ownGateway(`http://${candidate.host}`);
    const { code, stderr } = await replayFrom(home);
    expect(code, stderr).toBe(0);
    expect(keysSeen()).toEqual(new Set(["our-own-key"]));
    seen.length = 0;
    await ownGateway("http://127.0.0.1:1");
    expect((await replayFrom(home)).stderr).toContain("MENAGERIE_API_KEY is not sent");
    expect(keysSeen()).toEqual(new Set([undefined]));
  }, 120_000);

  it("sends the key that --api-key gives, also from a file", async () => {
    const file = join(recorder.folder, "target.key");
    await writeFile(file, "key-of-the-target\n");
    for (const given of ["key-of-the-target", `@${file}`]) {
      seen.length = 0;
      const { code, stderr } = await replay("--api-key", given);
      expect(code, stderr).toBe(0);
      expect(keysSeen()).toEqual(new Set(["key-of-the-target"]));
    }
    const { code, stderr } = await replay("--api-key", `@${file}.not`);
    expect([code, stderr]).toEqual([2, expect.stringContaining("cannot be read")]);
  }, 120_000);

  it.each([["never", 0] as const, ["always", requests] as const])(
    "asks for pieces %s, and finds the same",
    async (when, streamed) => {
      const { stdout } = await replay("--stream", when, "--json");
      const { headline, result } = JSON.parse(stdout) as {
        headline: string;
        result: { speed: { shadow: { firstToken: { count: number } } } };
      };
      expect(headline).toMatch(/^No answer differs in 12 pairs/);
      expect(seen.filter(({ body }) => (JSON.parse(body) as Asked).stream)).toHaveLength(streamed);
      expect(result.speed.shadow.firstToken.count).toBe(streamed);
    },
    60_000,
  );

  it("keeps the recording's order and pace, and what was asked at once is asked at once", async () => {
    const { stdout } = await replay("--as-recorded", "--speed", "2", "--json");
    const { atOnce } = JSON.parse(stdout) as { atOnce: number };
    // Each has a connection of its own, of which a busy machine may take a later one first; their ids would have them far apart.
    expect(seen.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(Array.from({ length: requests }, (_, n) => n));
    expect(seen.filter(({ n }, index) => Math.abs(n - index) > 2)).toEqual([]);
    // A lower bound only: a busy machine makes it later, never earlier.
    const took = (seen.at(-1)?.at ?? 0) - (seen[0]?.at ?? 0);
    expect(took).toBeGreaterThan(((requests - 1) * apartMs) / 2 - 60);
    expect(atOnce).toBeGreaterThan(1);
  }, 60_000);

  it("tells where answers differ, and an error in the middle of a stream from them", async () => {
    answerWith(async (response, asked) => {
      if (asked.n === 4) {
        const chunk = { choices: [{ index: 0, delta: { role: "assistant", content: "WHAT" } }] };
        response.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${JSON.stringify(chunk)}\n\n`);
        response.end('data: {"error": {"message": "out of memory"}}\n\n');
        return;
      }
      await speak(response, asked, asked.n === 5 ? (word) => `${word}!` : undefined);
    });
    const { stdout } = await replay("--json");
    const { answered, result } = JSON.parse(stdout) as {
      answered: number;
      result: { fields: { field: string; mismatches: number }[] };
    };
    expect(answered).toBe(requests - 1);
    expect(result.fields.map(({ field, mismatches }) => [field, mismatches]).sort()).toEqual([
      ["choices[*].message.content", 1],
      ["shadow_failed", 1],
    ]);
  }, 60_000);

  it.each([
    [["--as-recorded", "--rate", "5"], "--as-recorded and --rate: both say when a request is sent"],
    [["--speed", "2"], "--speed is for --as-recorded"],
    [["--as-recorded", "--speed", "0"], "give a number from 0.001 to 1000"],
    [["--stream", "sometimes"], "Allowed choices are recorded, never, always"],
  ])(
    "%j ends with a sentence that says why",
    async (args, sentence) => {
      const { code, stderr } = await replay(...args);
      expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)]);
    },
    60_000,
  );
});
