import { type LogCounters, readFrame } from "../../src/adapters/predictionLog/frame.ts";
import { longestFrame } from "../../src/adapters/predictionLog/read.ts";
import { listSegments, readBytes } from "../../src/adapters/predictionLog/segments.ts";

/** What a recorder's log on disk says that it has accepted and written: all that is left of it where it is killed now. */
export async function loggedCounters(folder: string): Promise<LogCounters> {
  const last = (await listSegments(folder)).at(-1);
  const bytes = last ? await readBytes(last.path, 0, last.bytes) : Buffer.alloc(0);
  let counters = { accepted: 0, finished: 0 };
  let at = 0;
  for (let read = readFrame(bytes, at, longestFrame); "frame" in read; read = readFrame(bytes, at, longestFrame)) {
    at += read.bytes;
    if (read.frame.kind === "counters") counters = read.frame;
  }
  return { accepted: counters.accepted, finished: counters.finished };
}
