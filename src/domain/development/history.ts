import { counted } from "../counted.ts";
import { short } from "../patch/chain.ts";
import type { PatchOperation } from "../patch/operation.ts";
import { duration } from "./changeLine.ts";

/** A development version: what it is at, and how it came there. */
export interface ShownDevelopment {
  readonly versionId: string;
  readonly model: string;
  readonly number: number;
  readonly organization: string;
  /** Counts full deployments, from 1; null before the first. */
  readonly generation: number | null;
  /** Content of the last full deployment, and when it was. */
  readonly baseHash: string | null;
  readonly deployedAt: Date | null;
  /** Patches since then. */
  readonly seq: number;
  readonly headHash: string | null;
  /** When the last patch was stored; null without one. */
  readonly patchedAt: Date | null;
  /** The last push of the client that made it; null for a version that a stack declares. */
  readonly push: { readonly status: string; readonly because: string | null; readonly at: Date } | null;
}

/** A patch of a development version, without what it writes. */
export interface ShownPatch {
  readonly generation: number;
  readonly seq: number;
  readonly at: Date;
  readonly prevHash: string;
  readonly nextHash: string;
  /** Null where it was not kept. */
  readonly sentBy: string | null;
  /** Each operation in a few words, such as `UPDATE model_code model.py`. */
  readonly operations: readonly string[];
  /** How it came to answer, the first time; null where nobody asked for that, or it failed. */
  readonly reload: ShownReload | null;
}

export interface ShownReload {
  /** Whether the running process took it without a restart. */
  readonly isHot: boolean;
  /** From being sent until the model answered with it, in milliseconds. */
  readonly tookMs: number;
  /** Of these, how long the container took to take it. */
  readonly applyMs: number;
}

/** A place in the history of a version. */
export interface PatchPlace {
  readonly generation: number;
  readonly seq: number;
}

/** Reads such as `2.17`: patch 17 of the second full deployment. Undefined for anything else. */
export function patchPlaceOf(text: string): PatchPlace | undefined {
  const [, generation, seq] = /^(\d{1,9})\.(\d{1,9})$/.exec(text) ?? [];
  return generation === undefined ? undefined : { generation: Number(generation), seq: Number(seq) };
}

/** One patch whole, with what its files held before it. */
export interface WholePatch {
  readonly patch: ShownPatch;
  readonly operations: readonly PatchOperation[];
  /** Content by operation's type and path, such as `model_code model.py`, as far as patches of the same full deployment hold it. */
  readonly before: ReadonlyMap<string, string>;
}

/** The head of a version and how far it is from its image, such as `9ac73cd151c3, 3 patches after full deployment 2`. */
export function describeHead({ headHash, generation, seq }: ShownDevelopment): string {
  if (headHash === null || generation === null) return "not deployed yet";
  return `${short(headHash)}, ${counted(seq, "patch", "patches")} after full deployment ${generation}`;
}

/** Such as `hot, 62 ms`. */
export function describeReload(reload: ShownReload | null): string {
  return reload === null ? "–" : `${reload.isHot ? "hot" : "cold"}, ${duration(reload.tookMs)}`;
}

/** Half of the reloads took at most so long, in milliseconds; undefined without any. */
export function medianReload(patches: readonly ShownPatch[]): number | undefined {
  const times = patches.flatMap(({ reload }) => reload?.tookMs ?? []).sort((a, b) => a - b);
  return times[Math.floor((times.length - 1) / 2)];
}
