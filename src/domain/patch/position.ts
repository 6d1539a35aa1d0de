import { hashAt, headOf, latestPosition, type PatchChain, type StoredPatch, short } from "./chain.ts";
import type { SyncRecord, SyncState } from "./ports.ts";
import { isHalf, withoutHalf } from "./withheld.ts";

/** Where a container stands in the chain, by its hash and by what was sent to it. */
export type Position =
  | {
      readonly kind: "known";
      readonly seq: number;
      /**
       * `loaded`: the process has these files. `fresh`: a new container that shows its image's hash. `doubt`: something
       * was sent whose outcome is unknown, so the process may serve other code than the hash says.
       */
      readonly trust: "loaded" | "fresh" | "doubt";
    }
  | { readonly kind: "recreate"; readonly reason: string }
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * Finds the container's position. A hash alone is not enough: after a restart of the control server on a used disk it
 * is the image's again while the files are not, and after an edit that was undone it occurs twice. So a container that
 * was sent something is expected to be where that leads to, and anything else means that its disk cannot be trusted.
 */
export function locate(state: SyncState, instance: string, hash: string | null): Position {
  if (hash === null || !isHalf(hash)) return wholeLocation(state, instance, hash);
  const position = wholeLocation(state, instance, withoutHalf(hash));
  return position.kind === "known" ? { ...position, trust: "doubt" } : position;
}

function wholeLocation({ chain, record }: SyncState, instance: string, hash: string | null): Position {
  if (hash === null) return { kind: "recreate", reason: "the control server knows no hash; HASH_TRUSS is not set" };
  if (record?.instance === instance && record.generation !== chain.generation) {
    return {
      kind: "recreate",
      reason: `the container is of generation ${record.generation}, not ${chain.generation}`,
    };
  }
  if (!record || record.instance !== instance || record.generation !== chain.generation) return freshly(chain, hash);
  if (record.broken !== null) return { kind: "recreate", reason: record.broken };
  const { intent } = record;
  const marked = markedPosition(hash);
  if (marked !== undefined) {
    if (intent?.to.includes(marked)) return { kind: "known", seq: marked, trust: "doubt" };
  } else if (intent) {
    const landed = intent.to.findLast((seq) => hashAt(chain, seq) === hash);
    if (landed !== undefined) {
      // Back at the image's hash: undone as wanted, or restarted with files of in between; nothing tells which.
      if (hash === chain.baseHash) return { kind: "recreate", reason: "it is unknown whether an edit was undone" };
      return { kind: "known", seq: landed, trust: "doubt" };
    }
    if (hashAt(chain, intent.from) === hash) return { kind: "known", seq: intent.from, trust: "doubt" };
  } else if (record.at !== null && hashAt(chain, record.at) === hash) {
    return { kind: "known", seq: record.at, trust: "loaded" };
  } else if (record.at === null) return freshly(chain, hash);
  return { kind: "recreate", reason: unexpected(chain, record, hash) };
}

/**
 * The hash that a container must have by its record, where that leaves nothing open: then it need not be asked, for the
 * control server refuses a patch that starts elsewhere. Never the image's own, which also is that of a control server that
 * has just restarted.
 */
export function expectedHash({ chain, record }: SyncState, instance: string, now: number): string | undefined {
  if (record?.instance !== instance || record.generation !== chain.generation) return undefined;
  if (record.broken !== null || record.intent !== null || record.at === null || record.lateUntil > now)
    return undefined;
  const hash = hashAt(chain, record.at);
  return hash === chain.baseHash ? undefined : hash;
}

/**
 * The hash under which `seq` is sent. Back at the image's own hash the control server's word would prove nothing: it
 * answers the same where it has just restarted on the used disk. So an undo to it goes by a hash of its own first, and
 * is renamed by an empty patch.
 */
export function wireHash(chain: PatchChain, seq: number, id: string): string {
  const hash = hashAt(chain, seq) ?? "";
  return hash === chain.baseHash ? `${hash}~${seq}~${id}` : hash;
}

/** The content hash that a running hash stands for: all of it, but for the mark of {@link wireHash}. */
export function plainHash(running: string): string {
  return running.split("~")[0] ?? running;
}

function markedPosition(running: string): number | undefined {
  const seq = running.split("~")[1];
  return seq === undefined ? undefined : Number(seq);
}

/**
 * The patches of the next request: as many as fit, and never to the hash that is running, because the control server
 * takes that for done.
 */
export function nextStep(chain: PatchChain, from: number, sizeLimit: number): readonly StoredPatch[] {
  const hash = hashAt(chain, from);
  let end = from;
  let size = 0;
  for (const patch of chain.patches.slice(from)) {
    size += JSON.stringify(patch.ops).length;
    if (end > from && size > sizeLimit) break;
    if (patch.nextHash !== hash) end = patch.seq;
  }
  return chain.patches.slice(from, end);
}

/** Whether the head's content is the one at `seq`, by a way that ends where it began. */
export function isHeadContent(chain: PatchChain, seq: number): boolean {
  return hashAt(chain, seq) === headOf(chain).hash;
}

function freshly(chain: PatchChain, hash: string): Position {
  const seq = latestPosition(chain, hash);
  if (seq === undefined) {
    return { kind: "unknown", reason: `runs ${short(hash)}, which generation ${chain.generation} never had` };
  }
  // Only a container whose record was lost shows another hash than its image's, and its process is not known.
  return { kind: "known", seq, trust: hash === chain.baseHash ? "fresh" : "doubt" };
}

function unexpected(chain: PatchChain, record: SyncRecord, hash: string): string {
  const wanted = short(hashAt(chain, record.at ?? record.intent?.from ?? 0));
  return hash === chain.baseHash
    ? `the control server restarted on a used disk: its hash is the image's again, its files are those of ${wanted}`
    : `the container runs ${short(hash)} instead of ${wanted}, by no patch of ours`;
}
