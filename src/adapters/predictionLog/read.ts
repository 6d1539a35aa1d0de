import type { Loss, RecordedPrediction } from "../../domain/recording/prediction.ts";
import { readFrame } from "./frame.ts";
import { listSegments, readBytes } from "./segments.ts";

/** What a part of the log holds. */
export interface LogBatch {
  readonly predictions: readonly RecordedPrediction[];
  readonly losses: readonly Loss[];
  /** Positions of its first byte and of what follows it. */
  readonly from: number;
  readonly to: number;
  /** Bytes that could not be read, of frames that are damaged; a frame that a kill cut off is none. */
  readonly damagedBytes: number;
}

/** How much is read at once. */
export interface BatchLimits {
  /** Bytes; a single frame may be larger. */
  readonly bytes: number;
  readonly predictions: number;
}

/** A frame is refused as damaged beyond this: the largest bodies that can be kept, with room for the rest. */
export const longestFrame = 300 * 1024 ** 2;

/** Reads what follows `from` in the log, up to `end`. */
export async function readBatch(folder: string, from: number, end: number, limits: BatchLimits): Promise<LogBatch> {
  const predictions: RecordedPrediction[] = [];
  const losses: Loss[] = [];
  const batch = (to: number, damagedBytes = 0): LogBatch => ({ predictions, losses, from, to, damagedBytes });
  if (from >= end) return batch(from);

  const segments = await listSegments(folder);
  const index = segments.findLastIndex(({ start }) => start <= from);
  const segment = segments[Math.max(index, 0)];
  // The log's beginning is gone, or its end: what is there goes on at the next file.
  if (!segment) return batch(end);
  if (index < 0) return batch(segment.start);
  const isLast = index === segments.length - 1;
  const after = isLast ? end : (segments[index + 1]?.start ?? end);
  const available = Math.min(segment.start + segment.bytes, end) - from;
  if (available <= 0) return batch(after);

  let length = Math.min(limits.bytes, available);
  for (;;) {
    const buffer = await readBytes(segment.path, from - segment.start, length);
    let at = 0;
    let needed = 0;
    while (predictions.length < limits.predictions && at < buffer.length) {
      const read = readFrame(buffer, at, longestFrame);
      if ("damaged" in read) return batch(after, available - at);
      if ("incomplete" in read) {
        needed = read.bytes;
        break;
      }
      at += read.bytes;
      if (read.frame.kind === "prediction") predictions.push(read.frame);
      else if (read.frame.kind === "loss") losses.push(read.frame);
    }
    // Cut off by a kill: what was in it is counted by the recorder that came after.
    if (needed > available - at) return batch(after);
    if (at > 0) return batch(from + at);
    // Larger than what is read at once, so it is read by itself.
    length = needed;
  }
}
