import { hashAt, type PatchChain } from "./chain.ts";
import type { Refusal, SyncRecord, SyncState } from "./ports.ts";
import { isHeadContent } from "./position.ts";

/** After so long what was refused without harm may be sent again, in milliseconds: an index that was away may be back. */
const againMs = 300_000;

/** Why the patches up to `seq` are not sent; undefined where they may be. */
export function refusalOf({ chain, record }: SyncState, seq: number | undefined, now: number): Refusal | undefined {
  const refusal = record?.generation === chain.generation ? record.refused : null;
  if (!refusal || refusal.seq !== seq) return undefined;
  return refusal.at !== undefined && now - refusal.at > againMs ? undefined : refusal;
}

/** Whether a container at `seq` has all that it can take. */
export function isAtGood(chain: PatchChain, seq: number, { good }: Refusal): boolean {
  return seq >= good || hashAt(chain, good) === hashAt(chain, seq);
}

/** The part of the chain that a container can take. */
export function upTo(chain: PatchChain, { good }: Refusal): PatchChain {
  return { ...chain, patches: chain.patches.slice(0, good) };
}

/** The record after a refusal without harm of the patches from `from` to `seq`. */
export function withRefusal(
  record: SyncRecord,
  chain: PatchChain,
  {
    from,
    seq,
    reason,
    now,
  }: { readonly from: number; readonly seq: number; readonly reason: string; readonly now: number },
): SyncRecord {
  // What was refused was only on the way, by edits that were undone: nothing is missing.
  if (isHeadContent(chain, from)) return record;
  return { ...record, refused: { ...refusedAt(seq, reason, record.refused), at: now } };
}

/** The record after a patch that was applied in part. */
export function withPartialRefusal(record: SyncRecord, reason: string): SyncRecord {
  // What was sent to a container that had taken no patch yet will break the next one just the same.
  if (record.at !== null) return record;
  return { ...record, refused: refusedAt(record.intent?.to.at(-1) ?? 0, reason, record.refused) };
}

/**
 * On the way back from what was refused before, that stays refused, and the image's own content is what is left. What comes right behind
 * something that was refused goes back to before both.
 */
function refusedAt(seq: number, reason: string, before: Refusal | null): Refusal {
  if (before && before.seq > seq) return { ...before, good: 0 };
  return { seq, because: reason, good: before?.seq === seq - 1 ? before.good : seq - 1 };
}
