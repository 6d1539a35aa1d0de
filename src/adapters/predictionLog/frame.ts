import { crc32 } from "node:zlib";
import { operationNames } from "../../domain/protocols/operation.ts";
import {
  type AnswerFacts,
  type Arrivals,
  type Failure,
  failures,
  type KeptBody,
  type Loss,
  lossReasons,
  type RecordedPrediction,
} from "../../domain/recording/prediction.ts";
import type { ByteWriter } from "../byteWriter.ts";

/**
 * A frame of the log: length of the payload and its CRC-32, 32 bits each, then the payload, whose first byte is its kind. A
 * process that was killed leaves at most one incomplete frame, at the end of its last segment.
 */
const headerBytes = 8;

const kinds = { prediction: 1, counters: 2, loss: 3 } as const;
const flags = { unpaired: 1, requestTruncated: 2, responseTruncated: 4, redacted: 8 } as const;
/** kind, flags, failure; status; time and latency; the bytes of both bodies. */
const fixedBytes = 3 + 2 + 8 + 8 + 8 + 8;

/** How many requests a recorder has begun to forward, and has written to the log or given up. */
export interface LogCounters {
  readonly accepted: number;
  readonly finished: number;
}

/** A body as it came: pieces, so that they are copied once. */
export interface CapturedBody {
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  readonly truncated: boolean;
}

/** A prediction whose bodies are still in pieces. */
export interface CapturedPrediction extends Omit<RecordedPrediction, "request" | "response"> {
  readonly request: CapturedBody;
  readonly response: CapturedBody;
}

export type Frame =
  | ({ readonly kind: "prediction" } & RecordedPrediction)
  | ({ readonly kind: "counters" } & LogCounters)
  | ({ readonly kind: "loss" } & Loss);

export function writePrediction(to: ByteWriter, prediction: CapturedPrediction): void {
  frame(to, () => {
    const { unpaired, request, response, failure } = prediction;
    to.uint8(kinds.prediction);
    to.uint8(
      (unpaired ? flags.unpaired : 0) |
        (request.truncated ? flags.requestTruncated : 0) |
        (response.truncated ? flags.responseTruncated : 0) |
        (prediction.redacted ? flags.redacted : 0),
    );
    to.uint8(failure === null ? 0 : failures.indexOf(failure) + 1);
    to.int16(prediction.status ?? 0);
    to.float64(prediction.requestTime);
    to.float64(prediction.latencyMs);
    to.float64(request.bytes);
    to.float64(response.bytes);
    to.text(prediction.requestId);
    to.text(prediction.url);
    to.text(prediction.headers);
    writeChunks(to, request.chunks);
    writeChunks(to, response.chunks);
    to.text(prediction.responseEncoding ?? "");
    to.uint8(prediction.operation === null ? 0 : operationNames.indexOf(prediction.operation) + 1);
    writeArrivals(to, prediction.arrivals);
    to.text(prediction.facts === null ? "" : JSON.stringify(prediction.facts));
    to.text(prediction.organization ?? "");
  });
}

export function writeCounters(to: ByteWriter, { accepted, finished }: LogCounters): void {
  frame(to, () => {
    to.uint8(kinds.counters);
    to.float64(accepted);
    to.float64(finished);
  });
}

export function writeLoss(to: ByteWriter, { reason, requests, at }: Loss): void {
  frame(to, () => {
    to.uint8(kinds.loss);
    to.uint8(lossReasons.indexOf(reason));
    to.float64(requests);
    to.float64(at);
  });
}

/** `incomplete` needs `bytes` to go on; `damaged` can never be read. */
export type FrameRead =
  | { readonly frame: Frame; readonly bytes: number }
  | { readonly incomplete: true; readonly bytes: number }
  | { readonly damaged: true };

/** Reads the frame that begins at `at`. Its bodies are views of `buffer`. */
export function readFrame(buffer: Buffer, at: number, longest: number): FrameRead {
  if (buffer.length - at < headerBytes) return { incomplete: true, bytes: headerBytes };
  const length = buffer.readUInt32BE(at);
  if (length === 0 || length > longest) return { damaged: true };
  const bytes = headerBytes + length;
  if (buffer.length - at < bytes) return { incomplete: true, bytes };
  const payload = buffer.subarray(at + headerBytes, at + bytes);
  if (crc32(payload) !== buffer.readUInt32BE(at + 4)) return { damaged: true };
  const read = parse(payload);
  return read ? { frame: read, bytes } : { damaged: true };
}

function parse(payload: Buffer): Frame | undefined {
  switch (payload[0]) {
    case kinds.prediction:
      return { kind: "prediction", ...parsePrediction(payload) };
    case kinds.counters:
      return { kind: "counters", accepted: payload.readDoubleBE(1), finished: payload.readDoubleBE(9) };
    case kinds.loss: {
      const reason = lossReasons[payload[1] ?? -1];
      return reason && { kind: "loss", reason, requests: payload.readDoubleBE(2), at: payload.readDoubleBE(10) };
    }
    default:
      return undefined;
  }
}

function parsePrediction(payload: Buffer): RecordedPrediction {
  const bits = payload[1] ?? 0;
  const failure: Failure | undefined = failures[(payload[2] ?? 0) - 1];
  let at = fixedBytes;
  const next = (): Buffer => {
    const start = at + 4;
    at = start + payload.readUInt32BE(at);
    return payload.subarray(start, at);
  };
  const body = (bytesAt: number, flag: number): KeptBody => ({
    content: next(),
    bytes: payload.readDoubleBE(bytesAt),
    truncated: (bits & flag) !== 0,
  });
  // In the order they are written.
  const requestId = next().toString();
  const url = next().toString();
  const headers = next().toString();
  const request = body(21, flags.requestTruncated);
  const response = body(29, flags.responseTruncated);
  // Frames of earlier recorders end here, behind the next field or before the last one.
  const responseEncoding = at < payload.length ? next().toString() || null : null;
  const isOlder = at >= payload.length;
  const operation = isOlder ? null : (operationNames[(payload[at] ?? 0) - 1] ?? null);
  at += 1;
  const arrivals = isOlder ? null : readArrivals(next());
  const facts = isOlder ? null : readFacts(next().toString());
  const organization = at < payload.length ? next().toString() || null : null;
  return {
    requestId,
    url,
    headers,
    organization,
    request,
    response,
    responseEncoding,
    operation,
    arrivals,
    facts,
    unpaired: (bits & flags.unpaired) !== 0,
    redacted: (bits & flags.redacted) !== 0,
    status: payload.readInt16BE(3) || null,
    failure: failure ?? null,
    requestTime: payload.readDoubleBE(5),
    latencyMs: payload.readDoubleBE(13),
  };
}

function writeChunks(to: ByteWriter, chunks: readonly Uint8Array[]): void {
  const start = to.skip(4);
  for (const chunk of chunks) to.raw(chunk);
  to.setUint32(start, to.length - start - 4);
}

/** How many pieces there were, then for each entry its bytes and its time, 32 bits each. */
function writeArrivals(to: ByteWriter, arrivals: Arrivals | null): void {
  const start = to.skip(4);
  if (arrivals) {
    to.int32(arrivals.pieces);
    let before = 0;
    for (let index = 0; index < arrivals.ends.length; index += 1) {
      const end = arrivals.ends[index] as number;
      to.int32(end - before);
      to.float32(arrivals.at[index] as number);
      before = end;
    }
  }
  to.setUint32(start, to.length - start - 4);
}

function readArrivals(block: Buffer): Arrivals | null {
  if (block.length === 0) return null;
  const count = (block.length - 4) / 8;
  const [ends, at] = [new Float64Array(count), new Float32Array(count)];
  let end = 0;
  for (let index = 0; index < count; index += 1) {
    end += block.readUInt32BE(4 + index * 8);
    ends[index] = end;
    at[index] = block.readFloatBE(8 + index * 8);
  }
  return { pieces: block.readUInt32BE(0), ends, at };
}

function readFacts(text: string): AnswerFacts | null {
  return text === "" ? null : (JSON.parse(text) as AnswerFacts);
}

function frame(to: ByteWriter, write: () => void): void {
  const start = to.skip(headerBytes);
  write();
  const payload = start + headerBytes;
  to.setUint32(start, to.length - payload);
  to.setUint32(start + 4, crc32(to.bytes(payload)));
}
