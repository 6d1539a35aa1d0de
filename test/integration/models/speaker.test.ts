import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { imageReference } from "../../../src/adapters/images/imageStore.ts";
import { createDirectoryBuilder } from "../../../src/adapters/truss/builder.ts";
import { ensurePythonLayers } from "../../../src/adapters/truss/python.ts";
import { readTruss } from "../../../src/adapters/truss/snapshot.ts";
import { silent } from "../../../src/domain/progress.ts";
import type { Piece } from "../../../src/domain/protocols/join.ts";
import { joinAnswer } from "../../../src/domain/protocols/joinAnswer.ts";
import { operationNamed } from "../../../src/domain/protocols/operations.ts";
import { hashSnapshot } from "../../../src/domain/truss/hash.ts";
import { menagerieCache } from "../../../src/local/layout.ts";
import { type ImageProcess, predict, runImage } from "../../support/imageProcess.ts";

/** models/speaker on the real truss server. */

const folder = join(import.meta.dirname, "../../../models/speaker");
const paths = {
  chat: "chat/completions",
  completions: "completions",
  messages: "messages",
  responses: "responses",
  embeddings: "embeddings",
} as const;
type Spoken = keyof typeof paths;
type Json = Record<string, unknown>;

const question = [{ role: "user", content: "What does an otter eat?" }];
const weather = [{ role: "user", content: "What is the weather in Paris, for 3 days?" }];
const city = { city: { type: "string" }, days: { type: "integer" }, unit: { enum: ["celsius", "kelvin"] } };
const getWeather = { name: "get_weather", parameters: { type: "object", properties: city } };
const getTime = { name: "get_time", parameters: { type: "object", properties: { city: { type: "string" } } } };
const functionTools = [getTime, getWeather].map((each) => ({ type: "function", function: each }));

let work: string;
let speaker: ImageProcess;
/** At the slowest pace. */
let slowly: ImageProcess;

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "menagerie-speaker-"));
  const [cache, store, signal] = [menagerieCache(), join(work, "images"), new AbortController().signal];
  const python = await ensurePythonLayers({ cache, progress: silent, signal });
  const { snapshot, patterns } = await readTruss(folder);
  const builder = createDirectoryBuilder({ store, cache, python, progress: silent, signal });
  const image = await builder.build({ folder, hash: hashSnapshot(snapshot, patterns), name: "speaker" });
  const at = (pace: string) => runImage(store, imageReference(image), "/v1/models/model", { TOKENS_PER_SECOND: pace });
  speaker = await at("200");
  slowly = await at("20");
}, 600_000);

afterAll(async () => {
  await speaker?.stop();
  await slowly?.stop();
  await rm(work, { recursive: true, force: true });
});

function post(spoken: Spoken, body: Json | string, url = speaker.url): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  // A server that has broken off an answer closes its connection, perhaps just as the next request comes by it.
  const headers = { "content-type": "application/json", connection: "close" };
  return fetch(`${url}/v1/${paths[spoken]}`, { method: "POST", headers, body: text });
}

async function asked(spoken: Spoken, body: Json, url?: string): Promise<Json> {
  const response = await post(spoken, body, url);
  const answer = (await response.json()) as Json;
  expect(response.status, JSON.stringify(answer)).toBe(200);
  return answer;
}

/** The answer's pieces as they came, until its end or until it broke off. */
async function streamed(spoken: Spoken, body: Json, url?: string): Promise<{ pieces: Piece[]; isWhole: boolean }> {
  const begun = performance.now();
  const response = await post(spoken, { ...body, stream: true }, url);
  expect(response.status).toBe(200);
  const pieces: Piece[] = [];
  try {
    for await (const bytes of response.body ?? []) pieces.push({ bytes, at: performance.now() - begun });
    return { pieces, isWhole: true };
  } catch {
    return { pieces, isWhole: false };
  }
}

async function joined(spoken: Spoken, body: Json) {
  const { pieces, isWhole } = await streamed(spoken, body);
  const answer = joinAnswer(operationNamed(spoken), pieces, isWhole);
  if (!answer) throw new Error(`no stream: ${Buffer.concat(pieces.map(({ bytes }) => bytes))}`);
  return answer;
}

interface Choice {
  readonly text?: string;
  readonly message: { readonly content: string | null; readonly [key: string]: unknown };
  readonly finish_reason: string;
  readonly logprobs: { readonly content: readonly Token[] } | null;
}
interface Token {
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs: readonly Token[];
}

async function choices(body: Json): Promise<Choice[]> {
  return (await asked("chat", { messages: question, ...body })).choices as Choice[];
}

async function texts(body: Json): Promise<(string | null)[]> {
  return (await choices(body)).map(({ message }) => message.content);
}

/** What identifies an answer, and when it was made. */
function withoutIds(answer: unknown): unknown {
  const left = new Set(["id", "created", "created_at", "annotations"]);
  return JSON.parse(JSON.stringify(answer, (key, value: unknown) => (left.has(key) ? undefined : value)));
}

describe("perplexity", () => {
  test("on text that it has not read it is far below that of a model that only counts words", async () => {
    const text = await readFile(join(folder, "held-out.txt"), "utf8");
    const passages = text.split("\n").filter((line) => line !== "");
    const read = await readFile(join(folder, "model", "text.txt"), "utf8");
    let [ours, unigram, tokens] = [0, 0, 0];
    for (const passage of passages) {
      expect(read).not.toContain(passage);
      const { body } = await predict(speaker.url, { text: passage });
      const told = body as { tokens: number; perplexity: number; unigram_perplexity: number };
      ours += told.tokens * Math.log(told.perplexity);
      unigram += told.tokens * Math.log(told.unigram_perplexity);
      tokens += told.tokens;
    }
    expect(tokens).toBeGreaterThan(400);
    expect(Math.exp(ours / tokens)).toBeLessThan(Math.exp(unigram / tokens) / 3);
  });
});

describe("chance", () => {
  test("without a seed answers differ, with one they repeat, and another process would say the same", async () => {
    expect(new Set(await texts({ n: 8 })).size).toBeGreaterThan(2);
    const [first, again] = [await choices({ n: 4, seed: 7 }), await choices({ n: 4, seed: 7 })];
    expect(again).toEqual(first);
    expect(new Set(first.map(({ message }) => message.content)).size).toBeGreaterThan(1);
    expect(await texts({ seed: 7, max_tokens: 12 })).toMatchInlineSnapshot(`
      [
        "A young otter is called a pup. It is born in",
      ]
    `);
  });

  test("temperature 0 says the most likely token each time", async () => {
    const [choice, other] = await choices({ n: 2, temperature: 0, logprobs: true, top_logprobs: 1 });
    expect(other?.message).toEqual(choice?.message);
    for (const { token, top_logprobs } of choice?.logprobs?.content ?? []) expect(top_logprobs[0]?.token).toBe(token);
  });

  test("log probabilities are those that tokens are chosen with", async () => {
    const first = { max_tokens: 1, logprobs: true, top_logprobs: 20, n: 128 };
    const all = (await Promise.all([1, 2, 3, 4].map(() => choices(first)))).flat();
    const tokens = all.map(({ logprobs }) => logprobs?.content[0]?.token);
    const top = all[0]?.logprobs?.content[0]?.top_logprobs ?? [];
    const sum = top.reduce((total, { logprob }) => total + Math.exp(logprob), 0);
    expect(top).toHaveLength(20);
    expect(sum).toBeLessThanOrEqual(1);
    for (const { token, logprob } of top.slice(0, 3)) {
      const [probability, share] = [Math.exp(logprob), tokens.filter((each) => each === token).length / all.length];
      // Five times the standard deviation: one run in a million is outside.
      expect(Math.abs(share - probability)).toBeLessThan(5 * Math.sqrt((probability * (1 - probability)) / all.length));
    }
  });

  test("top_p and top_k keep to the likely tokens; penalties are felt", async () => {
    const greedy = await texts({ temperature: 0, max_tokens: 20 });
    expect(await texts({ temperature: 2, top_p: 0.0001, max_tokens: 20 })).toEqual(greedy);
    expect(await texts({ temperature: 2, top_k: 1, max_tokens: 20 })).toEqual(greedy);
    const long = { temperature: 0, max_tokens: 60 };
    expect(await texts({ ...long, presence_penalty: 2, frequency_penalty: 2 })).not.toEqual(await texts(long));
  });
});

describe("an answer", () => {
  test("is about what was asked, and about what was asked before", async () => {
    expect((await texts({ temperature: 0 }))[0]).toContain("otter");
    const filler = "Please say what you would like to, quux. ".repeat(330);
    const messages = [
      { role: "user", content: "Tell me about the heron." },
      { role: "assistant", content: "Gladly." },
      { role: "user", content: filler },
    ];
    const answer = await asked("chat", { messages, temperature: 0, max_tokens: 40 });
    expect((answer.usage as { prompt_tokens: number }).prompt_tokens).toBeGreaterThan(3_300);
    expect((answer.choices as Choice[])[0]?.message.content).toContain("heron");
  });

  test("ends by itself, at its limit, or before a stop sequence, also one that ends in the middle of a token", async () => {
    const [whole] = await choices({ temperature: 0 });
    expect(whole).toMatchObject({ finish_reason: "stop" });
    const [cut] = await choices({ temperature: 0, max_completion_tokens: 5 });
    expect(cut).toMatchObject({ finish_reason: "length" });
    const text = whole?.message.content ?? "";
    const stop = text.slice(12, 20);
    for (const body of [{ stop }, { stop: ["nowhere", stop] }]) {
      const [stopped] = await choices({ temperature: 0, ...body });
      expect(stopped).toMatchObject({ finish_reason: "stop", message: { content: text.slice(0, text.indexOf(stop)) } });
    }
  });

  test.each([
    [200, () => speaker],
    [20, () => slowly],
  ])("comes at the pace that is set, of %i tokens a second, and none before it is due", async (pace, by) => {
    const body = { messages: question, max_tokens: 30, seed: 1, stream_options: { include_usage: true } };
    const { pieces } = await streamed("chat", body, by().url);
    const tokens = joinAnswer(operationNamed("chat"), pieces, true)?.tokens?.completion ?? 0;
    expect(tokens).toBeGreaterThan(15);
    // A timer may be a millisecond early; nothing says how late a busy machine is.
    const due = (each: number) => (each * 1000) / pace - 2;
    const said = pieces.filter(({ bytes }) => Buffer.from(bytes).includes('"content"'));
    expect(said.at(-1)?.at).toBeGreaterThanOrEqual(due(tokens));
    const begun = performance.now();
    await asked("chat", { ...body, stream_options: undefined }, by().url);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(due(tokens));
  });

  test("calls a tool whose name ends in a word of the question, with arguments out of it", async () => {
    const calling = { messages: weather, tools: functionTools };
    const answer = await asked("chat", calling);
    const [call] = ((answer.choices as Choice[])[0]?.message.tool_calls ?? []) as { function: Json }[];
    expect(call?.function.name).toBe("get_weather");
    expect(JSON.parse(String(call?.function.arguments))).toEqual({ city: "Paris", days: 3, unit: "celsius" });
    const reasons = async (body: Json) => (await choices({ ...calling, ...body })).map((each) => each.finish_reason);
    expect(await reasons({})).toEqual(["tool_calls"]);
    expect(await reasons({ tool_choice: "none", max_tokens: 3 })).toEqual(["length"]);
    expect(await reasons({ messages: question, max_tokens: 3 })).toEqual(["length"]);
    expect(await reasons({ messages: question, tool_choice: "required" })).toEqual(["tool_calls"]);
    const called = { role: "assistant", content: null, tool_calls: [call] };
    const result = { role: "tool", tool_call_id: "1", content: "It rains." };
    expect(await reasons({ messages: [...weather, called, result], max_tokens: 3 })).toEqual(["length"]);
  });

  test("is JSON where the request wants JSON", async () => {
    const [object] = await texts({ response_format: { type: "json_object" } });
    expect(JSON.parse(object ?? "")).toEqual({ answer: expect.stringMatching(/\w/) });
  });
});

/** Each protocol's request, with everything that makes its streams different from each other. */
const streams: readonly (readonly [string, Spoken, Json])[] = [
  ["a text", "chat", { messages: question, seed: 1 }],
  ["four texts, of different lengths, interleaved", "chat", { messages: question, n: 4, seed: 3 }],
  ["log probabilities", "chat", { messages: question, seed: 1, logprobs: true, top_logprobs: 3, max_tokens: 12 }],
  [
    "two tool calls",
    "chat",
    { messages: [{ role: "user", content: "Time and weather in Rome?" }], tools: functionTools, seed: 1 },
  ],
  ["a call of a function", "chat", { messages: weather, functions: [getWeather] }],
  ["a refusal", "chat", { messages: [{ role: "user", content: "What is your password?" }] }],
  ["a thought before the text", "chat", { messages: question, reasoning_effort: "low", seed: 5 }],
  ["JSON", "chat", { messages: question, response_format: { type: "json_object" }, seed: 5 }],
  ["a stop sequence", "chat", { messages: question, stop: [" water", "."], seed: 5 }],
  ["a limit", "chat", { messages: question, max_tokens: 3, seed: 5 }],
  ["a text that goes on", "completions", { prompt: "The heron", seed: 1, max_tokens: 20 }],
  [
    "three of them, with log probabilities",
    "completions",
    { prompt: "The heron", n: 3, seed: 1, logprobs: 2, max_tokens: 9 },
  ],
  ["a message", "messages", { messages: question, max_tokens: 60, seed: 1 }],
  [
    "a message with a thought",
    "messages",
    { messages: question, max_tokens: 80, seed: 1, thinking: { type: "enabled" } },
  ],
  [
    "a message that uses a tool",
    "messages",
    {
      messages: weather,
      max_tokens: 60,
      tools: [{ name: "get_weather", input_schema: getWeather.parameters }],
      seed: 1,
    },
  ],
  [
    "a message up to a stop sequence",
    "messages",
    { messages: question, max_tokens: 60, stop_sequences: ["."], seed: 1 },
  ],
  ["a response", "responses", { input: "What does an otter eat?", seed: 1 }],
  ["a response that is cut", "responses", { input: "What does an otter eat?", seed: 1, max_output_tokens: 4 }],
  [
    "a response that calls a function",
    "responses",
    { input: weather, tools: [{ type: "function", ...getWeather }], seed: 1 },
  ],
];

describe("a stream", () => {
  test.each(streams)("of %s joins to the answer that comes unstreamed", async (_, spoken, body) => {
    const usage = spoken === "chat" || spoken === "completions" ? { stream_options: { include_usage: true } } : {};
    const [whole, pieces] = [await asked(spoken, body), await joined(spoken, { ...body, ...usage })];
    expect(pieces).toMatchObject({ isWhole: true, firstTokenMs: expect.any(Number) });
    expect(pieces.tokens?.completion).toBeGreaterThan(0);
    expect(withoutIds(pieces.answer)).toEqual(withoutIds(whole));
  });

  // With a seed: an answer that ends by itself before its sixth token neither fails nor breaks off, and chance makes one now and then.
  const early = { seed: 1, max_tokens: 60 };

  test.each(["chat", "messages", "responses"] as const)("that fails in the middle says so (%s)", async (spoken) => {
    const body = spoken === "responses" ? { input: "the otter" } : { messages: question };
    const failing = { ...body, ...early, metadata: { fail_after_tokens: "5" } };
    const { isWhole, error, answer } = await joined(spoken, failing);
    expect(isWhole, JSON.stringify(answer)).toBe(false);
    expect(error).toMatchObject({ message: "The request asked for an answer that fails." });
    expect((await post(spoken, failing)).status).toBe(500);
  });

  test("may break off without a word; a bare generator's stream then ends as if it were whole", async () => {
    const breaking = { ...early, metadata: { break_after_tokens: "5" } };
    const textOf = ({ pieces }: { readonly pieces: readonly Piece[] }) =>
      Buffer.concat(pieces.map(({ bytes }) => bytes)).toString();
    const chat = await streamed("chat", { messages: question, ...breaking });
    expect(chat.isWhole, textOf(chat)).toBe(false);
    const completion = await streamed("completions", { prompt: "The heron", ...breaking });
    expect(completion.isWhole).toBe(true);
    expect(textOf(completion)).not.toContain("[DONE]");
  });

  test("is an event stream by its content type, but not where a bare generator makes it", async () => {
    const typeOf = async (spoken: Spoken, body: Json): Promise<string | null> => {
      const response = await post(spoken, { ...body, max_tokens: 1, stream: true });
      await response.text();
      return response.headers.get("content-type");
    };
    expect(await typeOf("chat", { messages: question })).toContain("text/event-stream");
    expect(await typeOf("completions", { prompt: "The" })).toBe("application/octet-stream");
  });
});

test("embeddings are the same numbers as floats and as base64, and texts about one thing are near each other", async () => {
  const input = ["an otter swims in the river", "otters and rivers", "the rings of Saturn"];
  const vectors = async (coding: string) =>
    ((await asked("embeddings", { input, encoding_format: coding })).data as { embedding: number[] | string }[]).map(
      ({ embedding }) =>
        typeof embedding === "string"
          ? [...new Float32Array(Uint8Array.from(Buffer.from(embedding, "base64")).buffer)]
          : embedding,
    );
  const floats = await vectors("float");
  expect(await vectors("base64")).toEqual(floats);
  const [a = [], b = [], c = []] = floats;
  const near = (left: number[], right: number[]) => left.reduce((sum, value, at) => sum + value * (right[at] ?? 0), 0);
  expect(near(a, a)).toBeCloseTo(1, 5);
  expect(near(a, b)).toBeGreaterThan(near(a, c) + 0.3);
});

describe("a mistake", () => {
  const mistakes: readonly (readonly [string, Spoken, Json | string])[] = [
    ["it is not JSON", "chat", "{"],
    ["it is not an object", "chat", "[]"],
    ["messages: give at least one message", "chat", {}],
    ["messages[0].role", "chat", { messages: [{ role: "robot", content: "hi" }] }],
    ["messages[0].content[0]", "chat", { messages: [{ role: "user", content: [{ type: "image_url" }] }] }],
    ["temperature", "chat", { messages: question, temperature: 2.5 }],
    ["n: 0", "chat", { messages: question, n: 0 }],
    ["stop", "chat", { messages: question, stop: [1] }],
    ["tools[0]", "chat", { messages: question, tools: ["x"] }],
    ["tool_choice", "chat", { messages: question, tool_choice: "x" }],
    ["seed", "chat", '{"messages": [{"role": "user", "content": "hi"}], "seed": 1e999}'],
    ["stream", "chat", { messages: question, stream: "yes" }],
    ["metadata.fail_after_tokens", "chat", { messages: question, metadata: { fail_after_tokens: "soon" } }],
    ["prompt", "completions", { prompt: [1, 2] }],
    ["echo", "completions", { prompt: "The", echo: true }],
    ["max_tokens", "messages", { messages: question }],
    ["input", "responses", {}],
    ["input", "embeddings", { input: [] }],
  ];

  test.each(mistakes)("is a 400 that names it: %s (%s)", async (named, spoken, body) => {
    const response = await post(spoken, body);
    const { error } = (await response.json()) as { error: { message: string; type: string } };
    expect(response.status).toBe(400);
    expect(error.message).toContain(named);
    expect(error.type).toBe("invalid_request_error");
  });

  test("in length is told by the code that clients look for", async () => {
    for (const body of [
      { messages: [{ role: "user", content: "word ".repeat(4_100) }] },
      { messages: question, max_tokens: 4_090 },
    ]) {
      const response = await post("chat", body);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
    }
    const most = { messages: [{ role: "user", content: "word ".repeat(4_000) }], max_tokens: 2 };
    expect((await post("chat", most)).status).toBe(200);
  });
});
