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

/**
 * Keys of the config that changed between two releases and that a trial does not have: whatever they do, it is not judged.
 *
 * @param reached - models that are brought up
 */
export function changedOutsideTrial(before: StackConfig, after: StackConfig, reached: ReadonlySet<string>): string[] {
  return configEdits(before, after)
    .filter((edit) => !isJudged(edit, reached))
    .map(({ path }) => path.join("."));
}

function isJudged({ path: [section, name = "", key = ""] }: ConfigEdit, reached: ReadonlySet<string>): boolean {
  if (section === "versioning") return true;
  if (section !== "zoo") return false;
  return reached.has(name) && (key === "" || ofTrial.has(key) || ofRollout.has(key));
}
