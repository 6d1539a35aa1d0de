import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isSameEntry, type TrussSnapshot } from "../../domain/truss/snapshot.ts";
import { isOpenForWriting } from "./openForWriting.ts";
import { type ReadCache, readTruss, type TrussReading } from "./snapshot.ts";

/** Between two readings that must be alike: saves of several files at once come within it. In milliseconds. */
const quietMs = 10;
/** Between two looks at a file that somebody still writes, in milliseconds. */
const writerMs = 5;
/** After this a file that is open for writing counts as one that is kept open, such as a log. In milliseconds. */
const longestWriterMs = 2_000;

/**
 * Reads a truss between two saves and never in the middle of one: twice, with the same result, and while nobody has a
 * changed file open for writing.
 *
 * @param folder - absolute, without symlinks.
 * @param cache - see {@link readTruss}.
 * @param before - the reading that changes are told against.
 */
export async function readSettled(
  folder: string,
  cache: ReadCache,
  before: TrussSnapshot | undefined,
): Promise<TrussReading> {
  const patience = Date.now() + longestWriterMs;
  let reading = await readTruss(folder, cache);
  for (;;) {
    const quiet = delay(quietMs);
    const changed = changedFiles(before, reading.snapshot).map((path) => join(folder, path));
    while (changed.length > 0 && Date.now() < patience && isOpenForWriting(new Set(changed))) await delay(writerMs);
    await quiet;
    const again = await readTruss(folder, cache);
    if (isSame(reading.snapshot, again.snapshot)) return again;
    reading = again;
  }
}

/** Whether two readings with one cache are of the same content: unchanged files share their entry. */
export function isSame(a: TrussSnapshot | undefined, b: TrussSnapshot): boolean {
  if (!a || a.entries.size !== b.entries.size) return false;
  for (const [path, entry] of b.entries) {
    const other = a.entries.get(path);
    // A file that was edited and changed back between two readings is another one: what others made of it is not known.
    if (other === undefined || (entry.kind === "file" ? other !== entry : !isSameEntry(other, entry))) return false;
  }
  return true;
}

function changedFiles(before: TrussSnapshot | undefined, after: TrussSnapshot): string[] {
  const changed: string[] = [];
  for (const [path, entry] of after.entries) {
    if (entry.kind === "file" && before?.entries.get(path) !== entry) changed.push(path);
  }
  return changed;
}
