import { describe, expect, it } from "vitest";
import {
  type AnswerLine,
  answerHead,
  answerLine,
  longestHead,
  writtenBody,
} from "../../../../src/domain/batch/answerLine.ts";

const sha256 = "0".repeat(64);
const answer: AnswerLine = { line: 12, sha256, model: "iris", response: null, error: null };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a line of answers", () => {
  it("is one line of JSON in the words of OpenAI's Batch API", () => {
    const response = { status: 200, requestId: "r1", body: { json: '{"n": 9007199254740993}' } };
    const line = answerLine({ ...answer, customId: 'a"\n', response });
    expect(line).toBe(
      `{"line":12,"input_sha256":"${sha256}","model":"iris","ok":true,"custom_id":"a\\"\\n","response":{"status_code":200,"request_id":"r1","body":{"n": 9007199254740993}},"error":null}\n`,
    );
    expect(line.indexOf("\n")).toBe(line.length - 1);
  });

  it("says what kept it from being a success", () => {
    const error = { code: "http_400", message: "HTTP 400: bad" };
    expect(JSON.parse(answerLine({ ...answer, error }))).toMatchObject({ ok: false, response: null, error });
  });

  it("tells by its beginning which line it answers", () => {
    for (const customId of [undefined, "x".repeat(5_000)]) {
      for (const error of [null, { code: "timeout", message: "late" }]) {
        const line = answerLine({ ...answer, line: 123_456_789_012, model: "m".repeat(150), customId, error });
        const head = { line: 123_456_789_012, sha256, model: "m".repeat(150), isOk: error === null };
        expect(answerHead(line.slice(0, longestHead))).toEqual(head);
      }
    }
  });

  it.each(["", "{}", '{"line":1}', `{"line":-1,"input_sha256":"${sha256}","model":"a","ok":true,`, "hello"])(
    "%j is none",
    (text) => {
      expect(answerHead(text)).toBeUndefined();
    },
  );
});

describe("a body", () => {
  it("that is JSON stays as the server wrote it, on one line", () => {
    expect(writtenBody(bytes('{\r\n  "a": 1.0,\n  "b": "x\\ny"\n}\n'))).toEqual({
      json: '{   "a": 1.0,   "b": "x\\ny" }',
    });
  });

  it("that is not JSON is kept as text, and what is not text as bytes", () => {
    expect(writtenBody(bytes('{"a": NaN}\n'))).toEqual({ text: '{"a": NaN}\n' });
    expect(writtenBody(bytes(""))).toEqual({ text: "" });
    expect(writtenBody(Uint8Array.from([0xff, 0x00]))).toEqual({ base64: "/wA=" });
  });
});
