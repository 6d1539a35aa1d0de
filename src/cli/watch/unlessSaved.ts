import { isSame, readSettled } from "../../adapters/truss/settledTruss.ts";
import type { ReadCache } from "../../adapters/truss/snapshot.ts";
import { OperatorError } from "../../domain/errors.ts";
import type { TrussSnapshot } from "../../domain/truss/snapshot.ts";
import type { Flag } from "./flag.ts";

export interface Watched {
  readonly folder: string;
  readonly cache: ReadCache;
  readonly saved: Flag;
}

/** What no event tells of is looked for after so long, in milliseconds. */
const lookMs = 2_000;

/**
 * Does `work` for what was read, until it is done or the folder holds something else: then the work's signal aborts, the flag is
 * raised again, and the answer is undefined. So a save never waits for an earlier one that does not come to an end.
 */
export async function unlessSaved<T>(
  watched: Watched,
  read: TrussSnapshot,
  work: (later: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  const later = new AbortController();
  const over = new AbortController();
  const looking = lookFor(watched, read, later, over.signal);
  try {
    return await work(later.signal);
  } catch (error) {
    if (later.signal.aborted) return undefined;
    throw error;
  } finally {
    over.abort();
    await looking;
  }
}

async function lookFor(
  { folder, cache, saved }: Watched,
  read: TrussSnapshot,
  later: AbortController,
  over: AbortSignal,
) {
  while (!over.aborted) {
    await saved.raised(lookMs, over);
    if (over.aborted) return;
    const at = saved.lower();
    if (!(await isOther(folder, cache, read))) continue;
    saved.raise(at);
    later.abort();
    return;
  }
}

/** A folder that is away for a moment, as while another branch is checked out, is not another one yet. */
async function isOther(folder: string, cache: ReadCache, read: TrussSnapshot): Promise<boolean> {
  try {
    return !isSame(read, (await readSettled(folder, cache, read)).snapshot);
  } catch (error) {
    if (error instanceof OperatorError) return false;
    throw error;
  }
}
