import { describe, expect, it } from "vitest";
import { isEventStream, readEvents } from "../../../../src/domain/protocols/eventStream.ts";
import type { Piece, StreamEvent } from "../../../../src/domain/protocols/join.ts";

const encoder = new TextEncoder();

/** One piece a millisecond. */
function pieces(...texts: (string | Uint8Array)[]): Piece[] {
  return texts.map((text, at) => ({ bytes: typeof text === "string" ? encoder.encode(text) : text, at }));
}

function events(...texts: (string | Uint8Array)[]): StreamEvent[] {
  const all: StreamEvent[] = [];
  readEvents(pieces(...texts), (event) => all.push(event));
  return all;
}

function data(...texts: (string | Uint8Array)[]): string[] {
  return events(...texts).map((event) => event.data);
}

describe("server-sent events", () => {
  it.each([
    ["LF", ["data: a\n\ndata: b\n\n"]],
    ["CRLF", ["data: a\r\n\r\ndata: b\r\n\r\n"]],
    ["CR", ["data: a\r\rdata: b\r\r"]],
    ["CRLF that is split", ["data: a\r", "\n\r", "\ndata: b\r\n", "\r\n"]],
    ["a byte order mark", ["\uFEFFdata: a\n\ndata: b\n\n"]],
    ["no blank line at the end", ["data: a\n\ndata: b"]],
    ["no space", ["data:a\n\ndata:b\n\n"]],
    ["comments and other fields", [": ping\n\nid: 1\nretry: 5\nodd: x\ndata: a\n\n: ping\n: ping\ndata: b\n\n"]],
  ])("end their lines and begin with %s", (_, texts) => expect(data(...texts)).toEqual(["a", "b"]));

  it("have data over several lines, and a name", () => {
    expect(events("event: delta\ndata: a\ndata:\ndata:  b\n\n")).toEqual([{ event: "delta", data: "a\n\n b", at: 0 }]);
    expect(events("data: a\n\n")[0]?.event).toBe("message");
  });

  it("keep a character whose bytes come in two pieces", () => {
    const bytes = encoder.encode("data: 1 €, 😀\n\n");
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(data(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(["1 €, 😀"]);
    }
  });

  it("have the time of their last byte", () => {
    expect(events("data: a", "\n", "\ndata: b\n\nda", "ta: c\r", "\r", "data: d").map(({ at }) => at)).toEqual([
      2, 2, 4, 5,
    ]);
  });
});

describe("a stream is known by its bytes", () => {
  it.each([
    [["data: {}\n\n"], true],
    [["event: x\n"], true],
    [[": comment"], true],
    [["\uFEFF\r\n\n", "i", "d: 1"], true],
    [["d", "a", "t", "a", ":"], true],
    [['{"data": 1}'], false],
    [['  {"data": 1}'], false],
    [["data"], false],
    [["dataset: a"], false],
    [["plain text"], false],
    [[""], false],
    [[], false],
  ])("%j: %s", (texts, expected) => expect(isEventStream(pieces(...texts))).toBe(expected));
});
