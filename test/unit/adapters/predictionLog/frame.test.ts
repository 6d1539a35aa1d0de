import { crc32 } from "node:zlib";
import { expect, it } from "vitest";
import { ByteWriter } from "../../../../src/adapters/byteWriter.ts";
import { type CapturedPrediction, readFrame, writePrediction } from "../../../../src/adapters/predictionLog/frame.ts";

const prediction: CapturedPrediction = {
  requestId: "r",
  unpaired: false,
  requestTime: 1_790_000_000_000,
  url: "/v1/chat/completions",
  headers: "{}",
  organization: "7",
  redacted: true,
  request: { chunks: [Buffer.from("{}")], bytes: 2, truncated: false },
  response: { chunks: [Buffer.from("data"), Buffer.from(": 1")], bytes: 7, truncated: true },
  responseEncoding: "gzip",
  status: 200,
  failure: "failed",
  latencyMs: 12.5,
  operation: "chat",
  arrivals: { pieces: 70_000, ends: [4, 7], at: [1.5, 3_600_000] },
  facts: { streamed: true, firstTokenMs: 1, tokens: { prompt: 1, completion: null } },
};

function written(given: CapturedPrediction): Buffer {
  const to = new ByteWriter();
  writePrediction(to, given);
  return Buffer.from(to.bytes());
}

it("a prediction comes out of the log as it went in", () => {
  const read = readFrame(written(prediction), 0, 1e9);
  if (!("frame" in read) || read.frame.kind !== "prediction") throw new Error("it is not a prediction");
  const { request, response, arrivals, ...rest } = read.frame;
  expect(rest).toEqual({
    kind: "prediction",
    ...prediction,
    request: undefined,
    response: undefined,
    arrivals: undefined,
  });
  expect(Buffer.from(response.content).toString()).toBe("data: 1");
  expect(response).toMatchObject({ bytes: 7, truncated: true });
  expect(request).toMatchObject({ bytes: 2, truncated: false });
  const listed = arrivals && { ...arrivals, ends: Array.from(arrivals.ends), at: Array.from(arrivals.at) };
  expect(listed).toEqual(prediction.arrivals);
});

/** Bytes of the last field where it is empty: whose the request is. */
const nobody = 4;

it.each([
  ["release 0.1, which knew no operation", 1 + 4 + 4 + nobody, "gzip"],
  ["a release before that, which knew no coding", 1 + 4 + 4 + 4 + nobody, null],
])("and out of a log of %s", (_, fewer, responseEncoding) => {
  const plain = { ...prediction, organization: null, arrivals: null, facts: null, responseEncoding };
  const bytes = written(plain);
  const read = readFrame(cut(bytes, fewer), 0, 1e9);
  expect("frame" in read && read.frame).toMatchObject({
    operation: null,
    arrivals: null,
    facts: null,
    responseEncoding,
    organization: null,
  });
});

it("and out of a log of a release that did not know whose requests are", () => {
  const read = readFrame(cut(written({ ...prediction, organization: null }), nobody), 0, 1e9);
  expect("frame" in read && read.frame).toMatchObject({
    operation: "chat",
    facts: prediction.facts,
    organization: null,
  });
});

/** The frame without its last bytes. */
function cut(frame: Buffer, bytes: number): Buffer {
  const shorter = Buffer.from(frame.subarray(0, frame.length - bytes));
  shorter.writeUInt32BE(shorter.length - 8, 0);
  shorter.writeUInt32BE(crc32(shorter.subarray(8)), 4);
  return shorter;
}
