/** A recorded request without its bodies, as lists show it. */
export interface RecordedEntry {
  /** UTC day of its rows. */
  readonly day: string;
  readonly requestId: string;
  /** 1, or more where the same id came again on that day. */
  readonly attempt: number;
  readonly at: Date;
  readonly url: string;
  /** Null where the client went away before there was one. */
  readonly status: number | null;
  readonly failure: string | null;
  /** Milliseconds. */
  readonly latency: number;
  readonly version: string | null;
}

/** A body as its row holds it: JSON as text, else bytes, else nothing. */
export interface KeptBody {
  readonly data: string | null;
  readonly raw: Uint8Array | null;
  readonly isTruncated: boolean;
  /** Content coding of the bytes, such as gzip. */
  readonly encoding: string | null;
}

/** The same with its bodies. */
export interface RecordedExchange extends Omit<RecordedEntry, "day" | "requestId" | "attempt"> {
  /** Pseudonyms stand in for some of its values. */
  readonly isRedacted: boolean;
  readonly request: KeptBody;
  readonly response: KeptBody;
}

/** What is recorded, as one session may see it. */
export interface RecordingReads {
  /** Schemas with recorded predictions, such as `recorded_iris`. */
  recordings(): Promise<readonly string[]>;
  /** The latest first: all, or those of the session's organization. */
  recorded(question: {
    readonly schema: string;
    readonly before?: string | undefined;
    readonly limit: number;
  }): Promise<readonly RecordedEntry[]>;
  /** A request with its bodies, whose view the audit has; undefined where there is none, or the session may not see it. */
  exchange(question: {
    readonly schema: string;
    readonly day: string;
    readonly requestId: string;
    readonly attempt: number;
  }): Promise<RecordedExchange | undefined>;
}

/** Characters of one body that a page shows. */
const longest = 100_000;

/** A body as text, and what there is to say about it; empty where nothing is. */
export function bodyText({ data, raw, isTruncated, encoding }: KeptBody): {
  readonly text: string;
  readonly note: string;
} {
  if (data === null && raw === null) return { text: "", note: "The body was not kept." };
  if (data === null && encoding !== null) return { text: "", note: `${raw?.length ?? 0} bytes, ${encoding}.` };
  const text = data ?? new TextDecoder().decode(raw ?? undefined);
  const notes = [
    ...(isTruncated ? ["Only the beginning was kept."] : []),
    ...(text.length > longest ? [`The first ${longest} of ${text.length} characters.`] : []),
  ];
  return { text: text.slice(0, longest), note: notes.join(" ") };
}
