import { describe, expect, it } from "vitest";
import { operationNamed } from "../../../../src/domain/protocols/operations.ts";
import { requestAgain, type Streaming } from "../../../../src/domain/recording/requestAgain.ts";
import { readExactJson } from "../../../../src/domain/shadow/exactJson.ts";

const chat = operationNamed("chat");
const again = (request: unknown, streaming: Streaming = "recorded", operation = chat) =>
  requestAgain(operation, request, streaming);

describe("a recorded request that is sent again", () => {
  it("has none of the keys that were recorded in it, wherever they were", () => {
    const key = `sk-${"a1B2".repeat(10)}`;
    const request = {
      model: "m",
      api_key: "hunter2-hunter2",
      messages: [{ role: "user", content: "Hi" }],
      extra_headers: { Authorization: "Bearer abcdefghijklmnop1234", "x-api-key": "0123456789abcdef", accept: "json" },
      tools: [{ type: "mcp", server_url: "https://x.example", authorization: "qwertyuiop123456" }],
      user: key,
    };
    const { json, keys, isChanged } = again(request);
    expect({ keys, isChanged }).toEqual({ keys: 5, isChanged: true });
    expect(json).toEqual({
      model: "m",
      messages: request.messages,
      extra_headers: { accept: "json" },
      tools: [{ type: "mcp", server_url: "https://x.example" }],
    });
    expect(JSON.stringify(again({ prompt: [key, "b"] }).json)).toBe('{"prompt":["…","b"]}');
  });

  it("is what it was where it has none: words about keys, counts of tokens, and numbers as they were written", () => {
    const request = {
      max_tokens: 5,
      stop_token: "</s>",
      response_format: { type: "json_schema", json_schema: { properties: { api_key: { type: "string" } } } },
      messages: [{ role: "user", content: `my password is hunter2 and my key sk-${"a1B2".repeat(10)}` }],
    };
    expect(again(request)).toMatchObject({ isChanged: false, keys: 0 });
    const text = '{"temperature":0.10000000000000000555,"seed":9007199254740993,"password":"x"}';
    const read = readExactJson(text);
    expect(JSON.stringify(again("value" in read ? read.value : undefined).json)).toBe(
      '{"temperature":0.10000000000000000555,"seed":9007199254740993}',
    );
  });

  it.each<[Streaming, object, object]>([
    ["recorded", { stream: true, n: 1 }, { stream: true, n: 1 }],
    ["always", { stream: true, n: 1 }, { stream: true, n: 1 }],
    ["always", { n: 1 }, { n: 1, stream: true, stream_options: { include_usage: true } }],
    ["never", { n: 1, stream: true, stream_options: { include_usage: true } }, { n: 1 }],
    ["never", { n: 1, stream: false }, { n: 1, stream: false }],
  ])("is answered in pieces %s", (streaming, recorded, expected) => {
    expect(again(recorded, streaming).json).toEqual(expected);
  });

  it("of an operation whose answers come whole is not asked for pieces, nor is what is not a mapping", () => {
    expect(again({ input: "a" }, "always", operationNamed("embeddings")).isChanged).toBe(false);
    expect(again({ values: [1] }, "always", operationNamed("predict")).isChanged).toBe(false);
    expect(again("text", "always")).toEqual({ json: "text", isChanged: false, keys: 0 });
  });
});
