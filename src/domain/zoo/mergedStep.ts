import { configEdits, type StackConfig } from "../release/restore.ts";
import type { EntryEdit } from "./advance.ts";

/** A step of one rollout that somebody wrote into a stack's file. */
export interface MergedStep {
  /** Name of the zoo model. */
  readonly model: string;
  readonly edits: readonly EntryEdit[];
}

const keys = ["phase", "traffic", "share"] as const;

/** The step that two states of a stack's file differ by; undefined where they differ by nothing, or by anything else. */
export function mergedStep(before: StackConfig, after: StackConfig): MergedStep | undefined {
  const changed = configEdits(before, after);
  const model = changed[0]?.path[1];
  if (model === undefined) return undefined;
  const edits = keys.flatMap((key): EntryEdit[] => {
    const found = changed.find(
      ({ path }) => path.length === 3 && path[0] === "zoo" && path[1] === model && path[2] === key,
    );
    return typeof found?.to === "string" || typeof found?.to === "number"
      ? [{ key, from: found.from, to: found.to }]
      : [];
  });
  return edits.length === changed.length ? { model, edits } : undefined;
}

/** Whether a step takes its rollout back, which needs no evidence. */
export function isWayBack({ edits }: Pick<MergedStep, "edits">): boolean {
  return edits.some(({ key, to }) => key === "phase" && to === "reverted");
}
