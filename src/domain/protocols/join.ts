/** A piece of an answer's decoded body, as it came. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Milliseconds from the request's head until it came. */
  readonly at: number;
}

/** One event of a stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export interface StreamEvent {
  /** Its `event` field. @default "message" */
  readonly event: string;
  /** Its `data` lines, joined by line breaks. */
  readonly data: string;
  /** Milliseconds from the request's head until its last byte came. */
  readonly at: number;
}

/** Tokens, as the answer's `usage` tells them. */
export interface TokenUsage {
  readonly prompt: number | null;
  readonly completion: number | null;
}

/** A streamed answer as one. */
export interface JoinedAnswer {
  /** What would have come unstreamed; what is missing of it is left out. */
  readonly answer: unknown;
  /** Milliseconds from the request's head until the first event that changed what the model says; a chunk with only a role does not. Null without one. */
  readonly firstTokenMs: number | null;
  /** Null where nothing tells them. */
  readonly tokens: TokenUsage | null;
  /** The stream came to the end that its protocol has, all of its events could be read, and none was an error. */
  readonly isWhole: boolean;
  /** What an event said that came instead of the rest, such as `{"message": "out of memory"}`; undefined where none did. */
  readonly error?: unknown;
}

/** What a joiner knows of an answer; tokens are read from the answer itself. */
export type Joined = Omit<JoinedAnswer, "tokens">;

/** Joins the events of one answer, in order. */
export interface Joiner {
  add(event: StreamEvent): void;
  /** @param isBodyWhole - the body came to its end: a stream whose protocol's last event is missing may be whole still */
  result(isBodyWhole: boolean): Joined;
}
