import { describe, expect, it } from "vitest";
import { linesOf } from "../../../../src/adapters/samples/lines.ts";
import type { SampledRequest } from "../../../../src/domain/samples/format.ts";
import { SampleReader } from "../../../../src/domain/samples/reader.ts";
import { headerLine, requestLine } from "../../../../src/domain/samples/write.ts";

/** A sample's text, as it is written, and as others may have changed it. */

const now = new Date("2026-11-30T12:00:00.000Z");
const request = (n: number): SampledRequest => ({
  id: `r${n}`,
  attempt: 1,
  at: "2026-11-30T08:00:00.000Z",
  operation: "predict",
  path: "/v1/models/model:predict",
  headers: { "content-type": "application/json" },
  body: { json: { values: [n, 0.1] } },
  answer: {
    status: 200,
    latencyMs: 1.234,
    streamed: false,
    firstTokenMs: null,
    completionTokens: null,
    encoding: null,
    body: { base64: "AAE=" },
  },
});

function sampleText(requests: readonly SampledRequest[] = [request(1), request(2)]): string {
  const lines = requests.map(requestLine);
  const { line } = headerLine(
    {
      source: {
        environment: "local",
        name: "iris",
        kind: "zoo",
        schema: "recorded_iris",
        versions: ["v1"],
        since: "2026-11-29T12:00:00.000Z",
        until: "2026-11-30T12:00:00.000Z",
        organization: null,
      },
      redaction: { rules: [{ kind: "email" }], unredacted: null },
      by: { who: "ada@host", key: "abcdefgh" },
      stratify: ["status"],
      strata: [{ stratum: "status 200", recorded: 9, chosen: requests.length }],
      addresses: 0,
      createdAt: "2026-11-30T12:00:00.000Z",
      expiresAt: "2026-12-30T12:00:00.000Z",
    },
    lines,
  );
  return Buffer.concat([line, ...lines]).toString();
}

async function read(text: string | Uint8Array, at: Date = now, longest?: number) {
  const reader = new SampleReader("x.jsonl", at);
  const requests: SampledRequest[] = [];
  const bytes = Buffer.from(text);
  // In pieces, as a file is read.
  async function* pieces() {
    for (let from = 0; from < bytes.length; from += 100) yield bytes.subarray(from, from + 100);
  }
  for await (const line of linesOf(pieces(), longest)) {
    const found = reader.add(line);
    if (found) requests.push(found);
    if (reader.isOver) break;
  }
  return { requests, header: reader.header, problems: reader.end().map(({ message }) => message) };
}

it("what is written is read again as it was", async () => {
  const { requests, header, problems } = await read(sampleText());
  expect(problems).toEqual([]);
  expect(requests).toEqual([request(1), request(2)]);
  expect(header).toMatchObject({ count: 2, source: { name: "iris", organization: null } });
});

it("numbers that no double holds stay what they are", async () => {
  const line = Buffer.from(requestLine(request(1)))
    .toString()
    .replace("0.1", "12345678901234567890.125");
  const whole = sampleText([request(1)]);
  const reader = new SampleReader("x", now);
  reader.add({ bytes: Buffer.from(whole.split("\n")[0] ?? ""), isEnded: true });
  const found = reader.add({ bytes: Buffer.from(line.trimEnd()), isEnded: true });
  expect(found && Buffer.from(requestLine(found)).toString()).toBe(line);
});

describe("each thing that is wrong has a sentence", () => {
  const text = sampleText();
  const [head = "", first = "", second = ""] = text.split("\n");
  it.each<[string, string, RegExp]>([
    ["an empty file", "", /^x\.jsonl: it is empty; /],
    ["another file", '{"a": 1}\n', /^x\.jsonl: it is not a sample/],
    ["no JSON", "PK\u0003\u0004", /^x\.jsonl: it is not a sample/],
    [
      "another version",
      text.replace('"version":1', '"version":2'),
      /version 2 of the format, but this program reads version 1/,
    ],
    [
      "an unknown field of the first line",
      text.replace('{"format"', '{"more":1,"format"'),
      /^x\.jsonl:1: the line: .*more/,
    ],
    ["a field that is missing", text.replace('"attempt":1,', ""), /^x\.jsonl:2: attempt: /],
    [
      "an unknown field of a request",
      text.replace('{"id":"r1"', '{"more":1,"id":"r1"'),
      /^x\.jsonl:2: the line: .*more/,
    ],
    ["an operation that nobody knows", text.replace('"predict"', '"guess"'), /^x\.jsonl:2: operation: /],
    ["base64 that is none", text.replace("AAE=", "AAE"), /^x\.jsonl:2: answer\.body/],
    ["a line that is not JSON", `${head}\n${first}\n{"id":\n`, /^x\.jsonl:3: it is not JSON/],
    ["a key twice", text.replace('"id":"r1"', '"id":"r1","id":"r3"'), /^x\.jsonl:2: it is not JSON/],
    ["a repeated line", `${head}\n${first}\n${first}\n`, /^x\.jsonl:3: it repeats the request of line 2/],
    ["an edited line", text.replace('"status":200', '"status":201'), /were changed after the export/],
    ["a line too few", `${head}\n${first}\n`, /it has 1 requests, and its first line says 2/],
    ["a line too many", `${text}${second.replace("r2", "r3")}\n`, /it has 3 requests, and its first line says 2/],
    ["an end in the middle", text.slice(0, -10), /^x\.jsonl:3: it breaks off in the middle/],
    [
      "a range that ends before it begins",
      text.replace('"until":"2026-11-30', '"until":"2026-11-28'),
      /source\.until is not after/,
    ],
  ])("%s", async (_, wrong, says) => {
    const { problems } = await read(wrong);
    expect(problems.join("\n")).toMatch(new RegExp(says.source, "m"));
  });

  it("one that has expired", async () => {
    expect((await read(text, new Date("2026-12-30T12:00:00.000Z"))).problems).toEqual([
      expect.stringContaining("it expired on 2026-12-30T12:00:00.000Z; delete it"),
    ]);
  });

  it("a line that is too long, of which nothing is kept", async () => {
    const { problems } = await read(`${head}\n${first}\n${"x".repeat(5_000)}\n`, now, 2_000);
    expect(problems[0]).toMatch(/^x\.jsonl:3: it has more than /);
  });

  it("bytes that are no UTF-8", async () => {
    const broken = Buffer.from(text);
    broken[broken.indexOf("r1")] = 0xff;
    expect((await read(broken)).problems[0]).toMatch(/^x\.jsonl:2: it is not JSON/);
  });

  it("a thousand wrong lines are twenty sentences", async () => {
    expect((await read(`${head}\n${"{}\n".repeat(1_000)}`)).problems).toHaveLength(20);
  });
});
