import { type LogCounters, readFrame } from "./frame.ts";
import { longestFrame } from "./read.ts";
import { listSegments, readBytes } from "./segments.ts";

/** Where a log goes on, and what the process that wrote it last took with it. */
export interface RecoveredLog {
  /** Position of the first byte that is still there. */
  readonly start: number;
  /** Position of the next byte. */
  readonly end: number;
  /** Requests that were accepted and never written: they were under way, or not yet on disk, when it was killed. */
  readonly unfinished: number;
}

const chunk = 4 * 1024 ** 2;

/** Reads the last file of a log: each begins with counters, so that no other is needed. */
export async function recoverLog(folder: string): Promise<RecoveredLog> {
  const segments = await listSegments(folder);
  const last = segments.at(-1);
  if (!last) return { start: 0, end: 0, unfinished: 0 };
  const start = segments[0]?.start ?? 0;
  const end = last.start + last.bytes;
  // A file that was begun and holds nothing yet tells nothing.
  for (const segment of segments.toReversed()) {
    const counters = await lastCounters(segment.path, segment.bytes);
    if (counters) return { start, end, unfinished: Math.max(0, counters.accepted - counters.finished) };
  }
  return { start, end, unfinished: 0 };
}

async function lastCounters(path: string, bytes: number): Promise<LogCounters | undefined> {
  let counters: LogCounters | undefined;
  let offset = 0;
  let length = chunk;
  while (offset < bytes) {
    const buffer = await readBytes(path, offset, Math.min(length, bytes - offset));
    let at = 0;
    let read = readFrame(buffer, at, longestFrame);
    while ("frame" in read) {
      at += read.bytes;
      if (read.frame.kind === "counters") counters = read.frame;
      // Written after the counters of its group could be.
      else if (read.frame.kind === "prediction" && counters) {
        counters = { ...counters, finished: counters.finished + 1 };
      }
      read = readFrame(buffer, at, longestFrame);
    }
    if ("damaged" in read || read.bytes > bytes - offset - at) break;
    offset += at;
    length = Math.max(chunk, read.bytes);
  }
  return counters;
}
