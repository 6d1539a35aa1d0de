import type { TokenUsage } from "../protocols/join.ts";
import type { OperationName } from "../protocols/operation.ts";

/** Why there is no whole answer of the predictor, as it is stored. Logs on disk have their places in this list: new ones go to its end. */
export const failures = [
  "predictor_unavailable",
  "predictor_broken",
  "predictor_timeout",
  "client_gone",
  /** The stream told of an error, after a status that said that all is well. */
  "failed",
] as const;
export type Failure = (typeof failures)[number];
/** Failures that are seen while an answer is forwarded, without reading it. */
export type ForwardingFailure = Exclude<Failure, "failed">;

/** Why records of answered requests are gone, or bodies of them. Each is stored as its place in this list. */
export const lossReasons = [
  /** The log reached its size limit while the database was away. */
  "log_full",
  /** The disk could not keep up, and the memory for what waits for it was full. */
  "log_slow",
  /** The disk refused what was written to it. */
  "log_failed",
  /** The recorder was killed before their record was in the log. */
  "killed",
  /** They were older than the retention when the database came back. */
  "expired",
  /** The database refuses the row, also as plain bytes. */
  "refused",
  /** The log is damaged. */
  "damaged",
  /** More came than could be redacted in time, and the memory for what waits for it was full. */
  "redaction_slow",
  /** What redacts failed on them. */
  "redaction_failed",
  /** A body that cannot be read, and so not redacted: it is not stored. The rest of the prediction is. */
  "unredactable",
  /** More came than could be read in time, where bodies are not stored: what the answer tells is not known. The rest of the prediction is stored. */
  "unread",
] as const;
export type LossReason = (typeof lossReasons)[number];

/** Requests whose record is lost. */
export interface Loss {
  readonly reason: LossReason;
  readonly requests: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A body as it is kept. */
export interface KeptBody {
  /** What was kept of it, from its beginning. */
  readonly content: Uint8Array;
  /** Bytes that came by. */
  readonly bytes: number;
  /** `content` is less than the whole body. */
  readonly truncated: boolean;
}

/** When the pieces of a body came. */
export interface Arrivals {
  /** How many came. */
  readonly pieces: number;
  /** By entry, the bytes that had come by then; an entry stands for several pieces where there were very many. Never decreases. */
  readonly ends: ArrayLike<number>;
  /** By entry, milliseconds from the request's head until its last piece came. */
  readonly at: ArrayLike<number>;
}

/** What an answer tells besides what the model says. */
export interface AnswerFacts {
  /** It came as a stream of its protocol, and its body is the joined answer. */
  readonly streamed: boolean;
  /** From the request's head until the first event that changed what the model says; null where there was none. */
  readonly firstTokenMs: number | null;
  readonly tokens: TokenUsage | null;
}

/** One prediction as a recorder saw it. */
export interface RecordedPrediction {
  readonly requestId: string;
  /** The id is the recorder's own: no other side has it. */
  readonly unpaired: boolean;
  /** When the request's head came, in milliseconds since 1970. */
  readonly requestTime: number;
  /** Path and query. */
  readonly url: string;
  /** A JSON object: the allowed headers. */
  readonly headers: string;
  /** Id of the organization whose request it is; null where nobody knows, and in logs of recorders that did not ask. */
  readonly organization: string | null;
  /** Rules were followed that replace values: neither bodies nor url and headers are what was sent. */
  readonly redacted: boolean;
  readonly request: KeptBody;
  readonly response: KeptBody;
  /** Content coding of the response, such as `gzip`; null where it has none. */
  readonly responseEncoding: string | null;
  /** HTTP status that the client got; null where it went away before. */
  readonly status: number | null;
  readonly failure: Failure | null;
  /** From the request's head to the end of the answer. */
  readonly latencyMs: number;
  /** Null in logs of recorders that did not know. */
  readonly operation: OperationName | null;
  /** Of the response's pieces; null where none came, or its operation has no streams. */
  readonly arrivals: Arrivals | null;
  /** Of an answer that was joined before it came into the log, such as a redacted one; null where that is still to be done. */
  readonly facts: AnswerFacts | null;
}

const dayMs = 86_400_000;

/** The UTC day of a time in milliseconds since 1970, as days since 1970. */
export function utcDay(time: number): number {
  return Math.floor(time / dayMs);
}

/** A day as days since 1970, written such as `2026-11-21`. */
export function dayText(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}
