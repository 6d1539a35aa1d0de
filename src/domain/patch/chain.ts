import type { PatchOperation } from "./operation.ts";

/** What one stored patch does: from one content of the truss to the next. */
export interface NewPatch {
  /** Content hash that the patch was computed against. */
  readonly prevHash: string;
  readonly nextHash: string;
  readonly ops: readonly PatchOperation[];
  /** Requirements of the truss behind it, from config.yaml or its requirements file. @default not known */
  readonly requirements?: readonly string[];
  /** Who sent it, such as `key Ab12Cd34` or `the stack`. @default not known */
  readonly sentBy?: string;
}

/** A patch at its place in the chain. */
export interface StoredPatch extends NewPatch {
  /** 1 for the first patch of a generation, without gaps. */
  readonly seq: number;
}

/** All patches since a version's last full deployment, in order: each starts where the one before ends. */
export interface PatchChain {
  /** Counts full deployments of the version, from 1. */
  readonly generation: number;
  /** Hash of the truss that was deployed in full: position 0 of the chain. */
  readonly baseHash: string;
  readonly patches: readonly StoredPatch[];
}

/** Bounds of what one generation stores. A chain at its bound is continued by a full deployment. */
export interface PatchLimits {
  readonly patchesPerGeneration: number;
  readonly operationsPerPatch: number;
  /** Of the operations as JSON, in UTF-16 code units. */
  readonly sizePerPatch: number;
}

export const defaultLimits: PatchLimits = {
  patchesPerGeneration: 10_000,
  operationsPerPatch: 5_000,
  sizePerPatch: 32 * 1024 * 1024,
};

/** Why operations are too much for one patch, as a sentence; undefined where they are not. */
export function sizeProblem(ops: readonly PatchOperation[], limits: PatchLimits = defaultLimits): string | undefined {
  if (ops.length > limits.operationsPerPatch) {
    return `${ops.length} operations in one patch; at most ${limits.operationsPerPatch}`;
  }
  // Far below the longest text that JavaScript can make.
  const roughly = ops.reduce((sum, { body }) => sum + ("content" in body ? contentSize(body) : 0), 0);
  const size = roughly > limits.sizePerPatch ? roughly : JSON.stringify(ops).length;
  if (size <= limits.sizePerPatch) return undefined;
  return `the patch has ${size} characters of JSON; at most ${limits.sizePerPatch}`;
}

function contentSize({ content, content_bytes }: { content: string | null; content_bytes?: string }): number {
  return (content?.length ?? 0) + (content_bytes?.length ?? 0);
}

/** Why a patch was not stored. After `stale` a client reads the head and computes its patch anew. */
export interface AppendRefused {
  readonly refused: "stale" | "forked" | "unchanged" | "too_many" | "too_large";
  readonly reason: string;
  readonly headHash: string;
}

/** `repeated`: the head already was this very patch, sent again after a lost reply. */
export type AppendResult = { readonly stored: StoredPatch; readonly repeated: boolean } | AppendRefused;

/** The head of the chain: its position and hash. */
export function headOf(chain: PatchChain): { readonly seq: number; readonly hash: string } {
  const last = chain.patches.at(-1);
  return { seq: last?.seq ?? 0, hash: last?.nextHash ?? chain.baseHash };
}

/** Hash at a position, 0 being the base; undefined outside of the chain. */
export function hashAt(chain: PatchChain, seq: number): string | undefined {
  return seq === 0 ? chain.baseHash : chain.patches[seq - 1]?.nextHash;
}

/**
 * Position of the LATEST occurrence of a hash: where an edit was undone and made again (A → B → A → C), a container
 * that runs A needs C alone. Undefined when the generation never had that hash.
 */
export function latestPosition(chain: PatchChain, hash: string): number | undefined {
  const found = chain.patches.findLast(({ nextHash }) => nextHash === hash)?.seq;
  return found ?? (hash === chain.baseHash ? 0 : undefined);
}

/** Patches that lead from the running hash to the head, or why only a full deployment does. */
export function patchesFrom(
  chain: PatchChain,
  runningHash: string,
): { readonly patches: readonly StoredPatch[] } | { readonly fullDeployment: string } {
  const position = latestPosition(chain, runningHash);
  if (position !== undefined) return { patches: chain.patches.slice(position) };
  return { fullDeployment: `runs ${short(runningHash)}, which generation ${chain.generation} never had` };
}

/**
 * The check-and-set that keeps a chain linear: the patch is accepted only where it starts at the head. Pure; a store
 * does this inside the transaction that holds the head.
 */
export function append(chain: PatchChain, patch: NewPatch, limits: PatchLimits = defaultLimits): AppendResult {
  const head = headOf(chain);
  const refuse = (refused: AppendRefused["refused"], reason: string): AppendRefused => ({
    refused,
    reason,
    headHash: head.hash,
  });
  const last = chain.patches.at(-1);
  if (last && isSamePatch(last, patch)) return { stored: last, repeated: true };
  const tooLarge = sizeProblem(patch.ops, limits);
  if (tooLarge !== undefined) return refuse("too_large", tooLarge);
  if (patch.prevHash !== head.hash) {
    return latestPosition(chain, patch.prevHash) === undefined
      ? refuse("forked", `prev_hash ${short(patch.prevHash)} is of another history; the head is ${short(head.hash)}`)
      : refuse("stale", `prev_hash ${short(patch.prevHash)} is behind the head ${short(head.hash)}`);
  }
  if (patch.nextHash === patch.prevHash) {
    return refuse("unchanged", `hash and prev_hash are both ${short(patch.prevHash)}`);
  }
  if (chain.patches.length >= limits.patchesPerGeneration) {
    return refuse("too_many", `${chain.patches.length} patches since the last full deployment; deploy in full`);
  }
  return { stored: { ...patch, seq: head.seq + 1 }, repeated: false };
}

/** The chain with one more patch, which {@link append} answered. */
export function withPatch(chain: PatchChain, stored: StoredPatch): PatchChain {
  return { ...chain, patches: [...chain.patches, stored] };
}

/** Whether two readings of one version's chain are of the same moment: chains only grow. */
export function isSameChain(before: PatchChain, after: PatchChain): boolean {
  return before.generation === after.generation && before.patches.length === after.patches.length;
}

/** First digits of a hash, for sentences. */
export function short(hash: string | null | undefined): string {
  return hash ? hash.slice(0, 12) : "an unknown hash";
}

function isSamePatch(a: NewPatch, b: NewPatch): boolean {
  return a.prevHash === b.prevHash && a.nextHash === b.nextHash && JSON.stringify(a.ops) === JSON.stringify(b.ops);
}
