import { describe, expect, it } from "vitest";
import { lineFormat, readLine } from "../../../../src/domain/batch/requestLine.ts";

const chat = "/v1/chat/completions";
const body = (text: string, path?: string) => readLine({ text }, "bodies", path);
const request = (value: unknown, path?: string) => readLine({ text: JSON.stringify(value) }, "requests", path);

describe("the format of a file", () => {
  it("is that of OpenAI's Batch API where the first line has a custom_id and a body, and nothing that is not in it", () => {
    expect(lineFormat('{"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {}}')).toBe("requests");
    expect(lineFormat('{"custom_id": "a", "body": {}}')).toBe("requests");
  });

  it("is bodies for everything else, also for a body with such names among its own", () => {
    for (const first of ['{"custom_id": "a", "body": {}, "x": 1}', '{"url": "/", "body": 1}', "[1]", "1", "{broken"]) {
      expect(lineFormat(first)).toBe("bodies");
    }
  });
});

describe("a line with a body", () => {
  it("is sent as it is written", () => {
    expect(body(' {"n": 9007199254740993, "x": 1.0} ')).toEqual({
      path: undefined,
      body: '{"n": 9007199254740993, "x": 1.0}',
    });
    expect(body("[1, 2]", "/v1/embeddings")).toEqual({ path: "/v1/embeddings", body: "[1, 2]" });
  });

  it("asks for a whole answer where it asks for pieces, and stays as it is otherwise", () => {
    const asked = '{"stream": true, "temperature": 1.0, "stream_options": {"include_usage": true}, "messages": []}';
    expect(body(asked, chat)).toEqual({ path: chat, body: '{"temperature": 1.0,"messages": []}' });
    for (const truthy of ["1", '"true"', "null"])
      expect(body(`{"stream": ${truthy}}`, chat)).toMatchObject({ body: "{}" });
    expect(body('{"stream": false,  "a": 1}', chat)).toMatchObject({ body: '{"stream": false,  "a": 1}' });
    // A value of that name is a model's own where its protocol has no streams.
    expect(body('{"stream": true}', "/v1/models/model:predict")).toMatchObject({ body: '{"stream": true}' });
  });

  it("that is not JSON says why, in few words", () => {
    expect(body("{broken")).toMatchObject({ code: "not_json", message: expect.stringContaining("not JSON") });
    const long = body(`{"a": ${"x".repeat(10_000)}`);
    expect("message" in long && long.message.length).toBeLessThan(300);
  });

  it("that cannot be read says what to do", () => {
    expect(readLine({ unread: "not_utf8" }, "bodies", undefined)).toMatchObject({
      message: expect.stringContaining("iconv"),
    });
    expect(readLine({ unread: "line_too_long" }, "bodies", undefined)).toMatchObject({ code: "line_too_long" });
  });
});

describe("a line of OpenAI's format", () => {
  it("is asked at its url, with its body as it is written", () => {
    const text = '{"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"n": 1.0, "input": "é"}}';
    expect(readLine({ text }, "requests", undefined)).toEqual({
      path: "/v1/embeddings",
      customId: "a",
      body: '{"n": 1.0, "input": "é"}',
    });
  });

  it("without a url is asked at the path that the command names", () => {
    expect(request({ custom_id: "a", body: [] }, chat)).toEqual({ path: chat, customId: "a", body: "[]" });
  });

  it("asks for a whole answer by its own url", () => {
    expect(request({ custom_id: "a", url: chat, body: { stream: true, a: 1 } })).toMatchObject({ body: '{"a":1}' });
  });

  it.each([
    [[1], "the line is not an object"],
    [{ body: 1 }, "custom_id is not a string"],
    [{ custom_id: 5, body: 1 }, "custom_id is not a string"],
    [{ custom_id: "a" }, "body is missing"],
    [{ custom_id: "a", body: 1, method: "GET" }, "method is not POST"],
    [{ custom_id: "a", body: 1, url: "https://api.example.com/v1/chat/completions" }, "url is not a path"],
    [{ custom_id: "a", body: 1, url: 7 }, "url is not a path"],
    [{ custom_id: "a", body: 1, prio: 7 }, '"prio" is not a key of a request'],
  ])("%j is refused: %s", (value, message) => {
    expect(request(value)).toMatchObject({ code: "not_a_request", message: expect.stringContaining(message) });
  });

  it("keeps its name where something else is wrong with it", () => {
    expect(request({ custom_id: "a", method: "PUT", body: 1 })).toMatchObject({ customId: "a" });
  });
});
