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
] as const;
export type Unjudgeable = (typeof unjudgeable)[number];

/** A body as it was recorded, decoded. */
export type RecordedBody =
  /** As {@link readExactJson} reads it. */
  | { readonly json: unknown }
  /** What is no JSON, by the hash of its decoded bytes. */
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
}

/** One request's two answers. */
export interface RecordedPair {
  readonly requestId: string;
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
