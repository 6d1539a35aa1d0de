import { isMapping } from "../mapping.ts";
import { type ConfigEdit, configEdits, type StackConfig } from "../release/restore.ts";

/** Keys of a model that a trial has, or that only move a rollout. */
const ofTrial = new Set(["truss", "hash", "env", "resources", "secrets", "state"]);
const ofRollout = new Set([
  "phase",
  "from",
  "apps",
  "share",
  "paused",
  "revert",
  "rowsPerSecond",
  "judge",
  "recording",
]);

/** What of a combination is brought up in a trial. */
export interface Tried {
  /** Names of its models. */
  readonly models: ReadonlySet<string>;
  /** Whether they find the rows of their release's state. */
  readonly hasRows: boolean;
}

/** Keys of the config that changed between two releases and that a trial does not have: whatever they do, it is not judged. */
export function changedOutsideTrial(before: StackConfig, after: StackConfig, tried: Tried): string[] {
  return configEdits(before, after)
    .filter((edit) => !isJudged(edit, tried))
    .map(({ path }) => path.join("."));
}

/** Pipelines of the state that changed between two releases, by name: what they computed is in the rows, and they do not run again. */
export function changedPipelines(before: StackConfig, after: StackConfig): string[] {
  const names = configEdits(before, after).flatMap(({ path: [section, key, name], from, to }) => {
    if (section !== "state" || key !== "pipelines") return [];
    return name === undefined ? [from, to].flatMap((each) => (isMapping(each) ? Object.keys(each) : [])) : [name];
  });
  return [...new Set(names)].sort();
}

function isJudged({ path: [section, name = "", key = ""] }: ConfigEdit, { models, hasRows }: Tried): boolean {
  if (section === "versioning") return true;
  // Its files and its tag are parts, and whatever else it says has come to rows.
  if (section === "state") return hasRows;
  if (section !== "zoo") return false;
  return models.has(name) && (key === "" || ofTrial.has(key) || ofRollout.has(key));
}
