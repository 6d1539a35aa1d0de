import { short } from "../patch/chain.ts";
import { subjectOf } from "../patch/describe.ts";
import type { PatchOperation } from "../patch/operation.ts";

/** A change that is in: its patch was applied and the model answers. */
export interface ChangeIn {
  readonly patches: readonly PatchOperation[];
  /** Whether the running process took it without a restart. */
  readonly hot: boolean;
  /** From the save until the new code answers, in milliseconds. */
  readonly milliseconds: number;
  /** Of these, how long the container took to take the patch; 0 where others had sent it. */
  readonly applyMilliseconds: number;
  readonly headHash: string;
}

/** One line about a change, such as `✓ model.py  hot  62 ms  3f2a0c1d9b7e`. */
export function changeLine({ patches, hot, milliseconds, headHash }: Omit<ChangeIn, "applyMilliseconds">): string {
  const how = patches.length === 0 ? "no effect on the model" : hot ? "hot" : "cold";
  return `✓ ${subjects(patches)}  ${how}  ${duration(milliseconds)}  ${short(headHash)}`;
}

/** What a patch is about, in a few words. */
export function subjects(patches: readonly PatchOperation[]): string {
  const names = [...new Set(patches.map(subjectOf))];
  const [first] = names;
  if (first === undefined) return "other files";
  return names.length <= 3 ? names.join(", ") : `${first} and ${names.length - 1} more`;
}

/** `62 ms`, `1.25 s` */
export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}
