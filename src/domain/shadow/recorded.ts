/** A body as it was recorded. */
export type RecordedBody =
  | { readonly json: unknown }
  /** What is no JSON, by the hash of its bytes. */
  | { readonly digest: string }
  /** Longer than what the recorder keeps: it can be compared with nothing. */
  | { readonly truncated: true };

/** One side's answer to one request. */
export interface RecordedAnswer {
  /** HTTP status; null where the model gave no answer at all. */
  readonly status: number | null;
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
