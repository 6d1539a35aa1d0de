import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { createInterface } from "node:readline";

/** One entry of a CRI log. */
export interface LogEntry {
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly stream: string;
  /** False when the line goes on in the next entry. */
  readonly complete: boolean;
  readonly text: string;
}

/** Which part of a log is asked for; the query of `/containerLogs`, as `k8s.io/api` documents PodLogOptions. */
export interface LogQuery {
  readonly tailLines?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined;
  readonly timestamps?: boolean | undefined;
  readonly limitBytes?: number | undefined;
  readonly follow?: boolean | undefined;
}

/** Parses one line; undefined for one that is damaged. */
export function parseLogLine(line: string): LogEntry | undefined {
  const match = /^(\S+) (stdout|stderr) ([FP])(?: (.*))?$/s.exec(line);
  if (!match?.[1] || !match[2]) return undefined;
  return { time: match[1], stream: match[2], complete: match[3] === "F", text: match[4] ?? "" };
}

/** What a reader of the log sees of one entry. */
export function renderEntry(entry: LogEntry, timestamps: boolean | undefined): string {
  return `${timestamps ? `${entry.time} ` : ""}${entry.text}${entry.complete ? "\n" : ""}`;
}

/** Reads the query parameters of a log request. `now` in milliseconds since the epoch. */
export function logQuery(parameters: URLSearchParams, now: number): LogQuery & { readonly previous: boolean } {
  const number = (name: string): number | undefined => {
    const text = parameters.get(name);
    return text === null || !/^\d+$/.test(text) ? undefined : Number(text);
  };
  const sinceSeconds = number("sinceSeconds");
  const sinceTime = Date.parse(parameters.get("sinceTime") ?? "");
  return {
    tailLines: number("tailLines"),
    since: sinceSeconds === undefined ? (Number.isNaN(sinceTime) ? undefined : sinceTime) : now - sinceSeconds * 1000,
    timestamps: parameters.get("timestamps") === "true",
    limitBytes: number("limitBytes"),
    follow: parameters.get("follow") === "true",
    previous: parameters.get("previous") === "true",
  };
}

/** The last lines of a log's text, without times: at most `lines` lines and `bytes` bytes. */
export function tailText(log: string, lines: number, bytes: number): string {
  const entries = log
    .split("\n")
    .map(parseLogLine)
    .filter((entry) => entry !== undefined);
  const text = entries
    .slice(-lines)
    .map((entry) => renderEntry(entry, false))
    .join("");
  return Buffer.from(text).subarray(-bytes).toString();
}

/**
 * Text of the log in `path` (and `path`.1, the part before its last rotation). With `follow` it goes on until
 * `ended` answers true and everything has been read, or `signal` aborts.
 */
export async function* readLog(
  path: string,
  query: LogQuery,
  ended: () => boolean,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let left = query.limitBytes ?? Number.POSITIVE_INFINITY;
  const cut = (text: string): string => {
    const bytes = Buffer.from(text);
    const part = bytes.length <= left ? text : bytes.subarray(0, left).toString();
    left -= bytes.length;
    return part;
  };
  const wanted = (entry: LogEntry | undefined): entry is LogEntry =>
    entry !== undefined && (query.since === undefined || Date.parse(entry.time) >= query.since);

  // What is appended while this reads is left to the part that follows.
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  let tail: string[] = [];
  for await (const line of storedLines(path, size)) {
    const entry = parseLogLine(line);
    if (!wanted(entry)) continue;
    const text = renderEntry(entry, query.timestamps);
    if (query.tailLines === undefined) yield cut(text);
    else {
      tail.push(text);
      if (tail.length > 2 * query.tailLines + 100) tail = tail.slice(-query.tailLines);
    }
    if (left <= 0 || signal.aborted) return;
  }
  if (query.tailLines) yield cut(tail.slice(-query.tailLines).join(""));
  if (!query.follow) return;
  for await (const line of followedLines(path, size, ended, signal)) {
    const entry = parseLogLine(line);
    if (wanted(entry)) yield cut(renderEntry(entry, query.timestamps));
    if (left <= 0) return;
  }
}

async function* storedLines(path: string, size: number): AsyncGenerator<string> {
  const parts: { file: string; end?: number }[] = [{ file: `${path}.1` }];
  if (size > 0) parts.push({ file: path, end: size - 1 });
  for (const { file, end } of parts) {
    if (!(await stat(file).catch(() => undefined))) continue;
    const input = createReadStream(file, end === undefined ? {} : { end });
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  }
}

async function* followedLines(
  path: string,
  from: number,
  ended: () => boolean,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let position = from;
  let rest = Buffer.alloc(0);
  let file = await open(path, "r").catch(() => undefined);
  try {
    while (!signal.aborted) {
      const over = ended();
      file ??= await open(path, "r").catch(() => undefined);
      const chunk = Buffer.alloc(64 * 1024);
      const { bytesRead } = file ? await file.read(chunk, 0, chunk.length, position) : { bytesRead: 0 };
      if (bytesRead > 0) {
        position += bytesRead;
        rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        const end = rest.lastIndexOf(10);
        if (end < 0) continue;
        yield* rest.subarray(0, end).toString().split("\n");
        rest = rest.subarray(end + 1);
        continue;
      }
      const present = await stat(path).catch(() => undefined);
      if (file && present && present.ino !== (await file.stat()).ino) {
        // Rotated, and the old part has been read to its end.
        await file.close();
        file = undefined;
        position = 0;
        continue;
      }
      if (over) return;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  } finally {
    await file?.close();
  }
}
