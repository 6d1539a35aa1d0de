import type { OperationName } from "../protocols/operation.ts";
import type { Failure } from "../recording/prediction.ts";

/** Why a body cannot be compared with another. */
export const unjudgeable = [
  /** Longer than what a recorder keeps, or than what is decoded. */
  "too_long",
  /** Its content coding is not one of those that are decoded, or it is damaged. */
  "not_decodable",
  /** A mapping in it has a key twice. */
  "repeated_key",
  /** Nested too deep, or with numbers too long to be read. */
  "beyond_limits",
  /** Its recorder keeps no bodies. */
  "not_kept",
] as const;
export type Unjudgeable = (typeof unjudgeable)[number];

/** A body as it was recorded, decoded. */
export type RecordedBody =
  /** As {@link readExactJson} reads it. */
  | { readonly json: unknown }
  /** What is not JSON, by the hash of its decoded bytes. */
  | { readonly digest: string }
  | { readonly unjudgeable: Unjudgeable };

/** One side's answer to one request. */
export interface RecordedAnswer {
  /** HTTP status; null where the model gave no answer at all. */
  readonly status: number | null;
  /** Why the answer is not whole; null where it is. */
  readonly failure: Failure | null;
  readonly latencyMs: number | null;
  readonly body: RecordedBody;
  /** Of a stream, from the request's head until the model said something. @default not known */
  readonly firstTokenMs?: number | null | undefined;
  /** As the answer's usage tells them. @default not known */
  readonly completionTokens?: number | null | undefined;
}

/** One request's two answers. */
export interface RecordedPair {
  readonly requestId: string;
  /** 1, or more where the id came again that day. @default 1 */
  readonly attempt?: number | undefined;
  /** What was asked, by which the answers are compared. @default not known */
  readonly operation?: OperationName | null | undefined;
  /** The request leaves its answer to chance: see `isSampled`. @default false */
  readonly isSampled?: boolean | undefined;
  /** What was sent now holds pseudonyms, and what was recorded answers the values, so that the answers are not compared. @default false */
  readonly isRedacted?: boolean | undefined;
  /** When the primary got it, in milliseconds since 1970. */
  readonly at: number;
  readonly primary: RecordedAnswer;
  readonly shadow: RecordedAnswer;
  /** The bodies are known to be the same, so that they were not read. */
  readonly sameBody: boolean;
}

/** How many requests each side has recorded, over the same time. */
export interface RecordedCounts {
  /** Requests that the primary recorded. */
  readonly primary: number;
  /** Copies that the shadow recorded. */
  readonly shadow: number;
  /** Requests with an answer stored on both sides. */
  readonly paired: number;
  /** Requests so young that the other side may not have stored them yet; they count nowhere else. */
  readonly pending: number;
  /** Rows whose request came without an id, so that nothing pairs them. */
  readonly unpaired: number;
  /** Rows that the recorders say they lost. */
  readonly lostByRecorders: number;
}
