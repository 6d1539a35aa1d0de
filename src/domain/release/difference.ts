import { describeChanges } from "./combination.ts";
import { combinationOf, type RestorableDeployment } from "./record.ts";
import { type ConfigEdit, configEdits } from "./restore.ts";

/** How two deployments differ. */
export interface ReleaseDifference {
  /** Tags. */
  readonly from: string;
  readonly to: string;
  /** Of what was served, such as `iris: 1 → 2`. */
  readonly changes: readonly string[];
  /** Of the config that they were made from. */
  readonly config: readonly ConfigEdit[];
}

/** As `menagerie releases diff` prints it, and the console shows it. */
export function releaseDifference(before: RestorableDeployment, after: RestorableDeployment): ReleaseDifference {
  return {
    from: before.tag,
    to: after.tag,
    changes: describeChanges(combinationOf(before), combinationOf(after)),
    config: configEdits(before.config, after.config),
  };
}

/** The key of an edit as a stack's file has it, with what it said and says. */
export function editText({ path, from, to }: ConfigEdit): {
  readonly key: string;
  readonly from: string;
  readonly to: string;
} {
  const value = (each: unknown) => (each === undefined ? "not there" : JSON.stringify(each));
  return { key: `menagerie:${path.join(".")}`, from: value(from), to: value(to) };
}
