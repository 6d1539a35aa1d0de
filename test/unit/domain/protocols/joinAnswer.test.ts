import { describe, expect, it } from "vitest";
import { floatsOf } from "../../../../src/domain/protocols/floats.ts";
import type { JoinedAnswer } from "../../../../src/domain/protocols/join.ts";
import { joinAnswer, tokensOf } from "../../../../src/domain/protocols/joinAnswer.ts";
import type { OperationName } from "../../../../src/domain/protocols/operation.ts";
import { operationNamed } from "../../../../src/domain/protocols/operations.ts";
import { differencesOf } from "../../../../src/domain/shadow/difference.ts";
import { compileRules } from "../../../../src/domain/shadow/rules.ts";

/** Joins events that come one a millisecond; an object is the data of one, a text is all of one. */
function join(name: OperationName, events: readonly (object | string)[], isBodyWhole = true): JoinedAnswer {
  const pieces = events.map((event, at) => {
    const text = typeof event === "string" ? event : `data: ${JSON.stringify(event)}\n\n`;
    return { bytes: new TextEncoder().encode(text), at };
  });
  const joined = joinAnswer(operationNamed(name), pieces, isBodyWhole);
  if (!joined) throw new Error("this is not a stream");
  return joined;
}

const done = "data: [DONE]\n\n";
const head = { id: "c1", object: "chat.completion.chunk", created: 1, model: "m" };
const chunk = (delta: object, finish_reason: string | null = null, index = 0) => ({
  ...head,
  choices: [{ index, delta, finish_reason }],
});

describe("a chat completion", () => {
  it("joins as OpenAI's reference shows it", () => {
    const joined = join("chat", [
      { ...chunk({ role: "assistant", content: "", refusal: null }), usage: null },
      { ...chunk({ content: "Hel" }), usage: null },
      { ...chunk({ content: "lo" }), usage: null },
      { ...chunk({}, "stop"), usage: null },
      { ...head, choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
      done,
    ]);
    expect(joined).toEqual({
      answer: {
        ...head,
        object: "chat.completion",
        choices: [{ index: 0, message: { role: "assistant", content: "Hello", refusal: null }, finish_reason: "stop" }],
        usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
      },
      firstTokenMs: 1,
      tokens: { prompt: 3, completion: 2 },
      isWhole: true,
    });
  });

  it.each<[string, object]>([
    ["tool calls", { tool_calls: [{ id: "t1", type: "function", function: { name: "f", arguments: "{}" } }] }],
    ["a refusal", { refusal: "no" }],
  ])("that has only %s compares as the same unstreamed, whose content is null", (_, said) => {
    const calls = "tool_calls" in said ? { tool_calls: [{ index: 0, ...(said.tool_calls as object[])[0] }] } : said;
    // As vLLM begins a stream.
    const joined = join("chat", [chunk({ role: "assistant", content: "" }), chunk(calls), chunk({}, "stop"), done]);
    const answer = (message: object) => ({
      ...head,
      object: "chat.completion",
      choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: "stop" }],
    });
    const differing = (unstreamed: object): string[] =>
      differencesOf(answer(unstreamed), joined.answer, compileRules({}, operationNamed("chat"))).map(({ at }) => at);
    expect(differing({ content: null, ...said })).toEqual([]);
    expect(differing({ content: "but", ...said })).toEqual(["choices[0].message.content"]);
  });

  it.each<[string, object[], number | null]>([
    ["text", [chunk({ role: "assistant", content: "" }), chunk({ content: "" }), chunk({ content: "a" })], 2],
    ["reasoning", [chunk({ role: "assistant" }), chunk({ reasoning_content: "a" }), chunk({ content: "a" })], 1],
    ["a refusal", [chunk({ role: "assistant", content: null }), chunk({ refusal: "no" })], 1],
    [
      "a tool's name",
      [chunk({ role: "assistant" }), chunk({ tool_calls: [{ index: 0, id: "1", function: { name: "f" } }] })],
      1,
    ],
    ["an old function's arguments", [chunk({ role: "assistant" }), chunk({ function_call: { arguments: "{" } })], 1],
    ["any choice", [chunk({ role: "assistant" }), chunk({ content: "a" }, null, 1)], 1],
    ["nothing", [chunk({ role: "assistant" }), chunk({}, "stop")], null],
  ])("has its first token with %s", (_, chunks, firstTokenMs) => {
    expect(join("chat", chunks).firstTokenMs).toBe(firstTokenMs);
  });

  it("has tool calls of servers that leave the index out, and of those that name everything again", () => {
    const call = (id: string | undefined, text: string, index?: number) =>
      chunk({ tool_calls: [{ index, id, type: "function", function: { name: "f", arguments: text } }] });
    const expected = [
      { id: "1", type: "function", function: { name: "f", arguments: "{}" } },
      { id: "2", type: "function", function: { name: "f", arguments: "[]" } },
    ];
    for (const chunks of [
      [call("1", "{"), call(undefined, "}"), call("2", "[]")],
      [call("1", "{", 0), call("2", "[", 1), call("1", "}", 0), call("2", "]", 1)],
    ]) {
      const { answer } = join("chat", chunks);
      expect(answer).toMatchObject({ choices: [{ message: { tool_calls: expected } }] });
    }
  });

  it("keeps keys that no specification has, and those that objects have already", () => {
    const odd = JSON.parse('{"__proto__": "a", "constructor": "b", "reasoning": "c"}');
    const { answer } = join("chat", [chunk(odd), chunk({ reasoning: "d" })]);
    const [{ message }] = (answer as { choices: [{ message: object }] }).choices;
    expect(Object.entries(message)).toEqual(
      expect.arrayContaining([
        ["__proto__", "a"],
        ["constructor", "b"],
        ["reasoning", "cd"],
      ]),
    );
  });

  it.each<[string, (object | string)[], boolean, boolean]>([
    ["with [DONE]", [chunk({ content: "a" }, "stop"), done], true, true],
    [
      "with [DONE], and the client did not wait for the end of the body",
      [chunk({ content: "a" }, "stop"), done],
      false,
      true,
    ],
    ["without [DONE], finished", [chunk({ content: "a" }, "stop")], true, true],
    [
      "without [DONE], one of two choices unfinished",
      [chunk({ content: "a" }, "stop"), chunk({ content: "a" }, null, 1)],
      true,
      false,
    ],
    ["unfinished", [chunk({ content: "a" })], true, false],
    ["finished, but broken off before its usage", [chunk({ content: "a" }, "stop")], false, false],
    ["with an event that is not JSON", [chunk({ content: "a" }, "stop"), "data: {oh\n\n", done], true, false],
    ["of comments alone", [": keep-alive\n\n"], true, false],
  ])("%s: is it whole?", (_, events, isBodyWhole, isWhole) => {
    expect(join("chat", events, isBodyWhole).isWhole).toBe(isWhole);
  });

  it.each<[string, string, unknown]>([
    ["a chunk with `error`", 'data: {"error": {"message": "oom"}}\n\n', { message: "oom" }],
    ["an event `error`", 'event: error\ndata: {"message": "oom"}\n\n', { message: "oom" }],
    ["an event `error` that is text", "event: error\ndata: oom\n\n", "oom"],
    ["an object `error`", 'data: {"object": "error", "code": 500}\n\n', { object: "error", code: 500 }],
  ])("fails with %s, and keeps what came before", (_, event, error) => {
    const joined = join("chat", [chunk({ content: "a" }), event, done]);
    expect(joined).toMatchObject({ error, isWhole: false, answer: { choices: [{ message: { content: "a" } }] } });
  });

  it("is not a stream where its bytes are none, whatever was asked for", () => {
    const text = new TextEncoder().encode('{"choices": []}');
    expect(joinAnswer(operationNamed("chat"), [{ bytes: text, at: 0 }])).toBeUndefined();
    expect(joinAnswer(operationNamed("predict"), [{ bytes: new TextEncoder().encode(done), at: 0 }])).toBeUndefined();
  });
});

describe("responses", () => {
  const item = { type: "message", id: "i", role: "assistant", content: [] };
  it("have their first token with text, not with an item that is only announced", () => {
    const joined = join("responses", [
      { type: "response.created", response: { id: "r", output: [] } },
      { type: "response.output_item.added", output_index: 0, item },
      {
        type: "response.content_part.added",
        output_index: 0,
        content_index: 0,
        part: { type: "output_text", text: "" },
      },
      { type: "response.output_text.delta", output_index: 0, content_index: 0, delta: "a" },
      {
        type: "response.completed",
        response: { id: "r", output: [{ ...item, content: [{ type: "output_text", text: "a" }] }] },
      },
    ]);
    expect(joined).toMatchObject({ firstTokenMs: 3, isWhole: true });
  });

  it("are as their server told at the end, also where nothing came before", () => {
    const response = {
      id: "r",
      status: "incomplete",
      output: [{ ...item, content: [{ type: "output_text", text: "a" }] }],
    };
    const joined = join("responses", [{ type: "response.incomplete", response }]);
    expect(joined).toEqual({ answer: response, firstTokenMs: 0, isWhole: true, tokens: null });
  });

  it.each<[string, object | string, unknown]>([
    ["response.failed", { type: "response.failed", response: { error: { code: "x" } } }, { code: "x" }],
    ["error", { type: "error", code: "x", message: "y" }, { type: "error", code: "x", message: "y" }],
    ["an event error", "event: error\ndata: oom\n\n", "oom"],
  ])("fail by %s", (_, event, error) => {
    expect(join("responses", [{ type: "response.created", response: {} }, event])).toMatchObject({
      error,
      isWhole: false,
    });
  });
});

describe("messages", () => {
  it("fail by an error event", () => {
    const error = { type: "overloaded_error", message: "busy" };
    const joined = join("messages", [
      { type: "message_start", message: { id: "m", usage: { input_tokens: 3, output_tokens: 1 } } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "a" } },
      `event: error\ndata: ${JSON.stringify({ type: "error", error })}\n\n`,
    ]);
    expect(joined).toEqual({
      answer: { id: "m", content: [{ type: "text", text: "a" }], usage: { input_tokens: 3, output_tokens: 1 } },
      firstTokenMs: 2,
      tokens: { prompt: 3, completion: 1 },
      isWhole: false,
      error,
    });
  });

  it("keep the beginning of a tool's input that broke off, as text", () => {
    const joined = join(
      "messages",
      [
        { type: "content_block_start", index: 0, content_block: { type: "tool_use", id: "t", name: "f", input: {} } },
        { type: "content_block_delta", index: 0, delta: { type: "input_json_delta", partial_json: '{"a": "b' } },
      ],
      false,
    );
    expect(joined.answer).toEqual({ content: [{ type: "tool_use", id: "t", name: "f", input: '{"a": "b' }] });
  });
});

it("tokens are those that an answer tells, and no others", () => {
  const chat = operationNamed("chat");
  expect(tokensOf(chat, { usage: { prompt_tokens: 3, completion_tokens: 2 } })).toEqual({ prompt: 3, completion: 2 });
  expect(tokensOf(operationNamed("embeddings"), { usage: { prompt_tokens: 3 } })).toEqual({
    prompt: 3,
    completion: null,
  });
  expect(tokensOf(operationNamed("messages"), { usage: { input_tokens: 3, output_tokens: 2 } })).toEqual({
    prompt: 3,
    completion: 2,
  });
  for (const usage of [
    undefined,
    null,
    {},
    { prompt_tokens: "3" },
    { prompt_tokens: -1 },
    { prompt_tokens: 2 ** 40 },
  ]) {
    expect(tokensOf(chat, { usage })).toBeNull();
  }
  expect(tokensOf(operationNamed("predict"), { usage: { prompt_tokens: 3 } })).toBeNull();
});

it("embeddings in base64 are 32-bit floats", () => {
  const bytes = Buffer.from(new Float32Array([1, 2, -0.5, 0.1]).buffer).toString("base64");
  expect(floatsOf(bytes)).toEqual([1, 2, -0.5, Math.fround(0.1)]);
  expect(floatsOf("AACAPwAAAEA=")).toEqual([1, 2]);
  expect(floatsOf("AACA")).toBeUndefined();
  expect(floatsOf("not base64!")).toBeUndefined();
});

it("a hundred thousand pieces join in a moment", () => {
  const pieces = Array.from({ length: 100_000 }, (_, at) => ({
    bytes: new TextEncoder().encode(`data: ${JSON.stringify(chunk({ content: "ab" }))}\n\n`),
    at,
  }));
  const startedAt = performance.now();
  const joined = joinAnswer(operationNamed("chat"), pieces);
  expect(JSON.stringify(joined?.answer)).toContain("ab".repeat(100_000));
  // Linear is some 300 ms; what is quadratic takes minutes.
  expect(performance.now() - startedAt).toBeLessThan(20_000);
});
