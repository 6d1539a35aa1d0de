import type { RefusalTable } from "../refusals/entry.ts";
import { errorsOfTable, refusalsOfTable } from "../refusals/refusal.ts";

/** Why `menagerie rollout advance` does not go on. Exit code 3: something has to become true first. */
export const advanceRefusals = {
  "advance.no-rollout": {
    says: "no rollout of {model} is under way: it is in phase {phase}",
    fix: "begin one by phase: copy",
    cause:
      "A rollout is advanced from its copy to `done`; how it begins says a person, for the content is chosen there.",
  },
  "advance.no-judge": {
    says: "missing, so nothing says whether the new version is good",
    fix: "declare one, such as judge: {}, or edit phase and share by hand",
    cause: "Each step needs a verdict of the judge.",
  },
  "advance.taken-back": {
    says: "{takenBack}",
    fix: "set phase: reverted, or change the content",
    cause: "What was taken back goes on only where an operator says so by `menagerie rollout resume`.",
    exit: 3,
  },
  "advance.bad": {
    says: "the judge says bad: {because}",
    fix: "set phase: reverted, or change the content",
    cause: "A verdict of bad is final for its judgement.",
    exit: 3,
  },
  "advance.not-deployed": {
    says: "is {declared} in the stack's file, and {deployed} is deployed",
    fix: "run `up`, or put the file back",
    cause: "A step starts from what is deployed, so that the run changes this one step and nothing else.",
    exit: 3,
  },
  "advance.not-yet": {
    says: "{model} does not go on to {edits}: {because}",
    fix: "wait with --wait, or run the same command later",
    cause: "A step needs a good verdict, new requests since the last step, and what the next phase asks for.",
    exit: 3,
  },
  "advance.not-the-step": {
    says: "{edits} of {model} was merged, and the next step is {next}",
    fix: "merge that step instead, or deploy the file by `up`",
    cause: "A merged edit is deployed by itself where it is the step that an advance would take, and no other.",
    exit: 3,
  },
  "advance.time-is-up": {
    says: "{model} did not go on to {edits} within {within}: {because}",
    fix: "run the same command again to wait longer",
    cause: "`--within` bounds how long the command waits for evidence.",
    exit: 3,
  },
  "advance.other-changes": {
    says: "the stack's preview holds other changes: {changes}",
    fix: "run `up` first, or put them back",
    cause: "An advance runs the step of one rollout. What else a run would change, somebody has to look at.",
    exit: 3,
  },
  "advance.file-changed": {
    says: "{file} was edited while the preview ran",
    fix: "run the same command again",
    cause: "What is deployed is the file that was previewed, with the step's own edit.",
    exit: 3,
  },
  "advance.overruled": {
    says: "{sentence}",
    fix: "remove it before the rollout goes on",
    cause: "The step is an edit of the stack's file, and `up` would not see it.",
  },
  "advance.not-clean": {
    says: "--push: {what}",
    fix: "commit or put away what is changed, and pull",
    cause: "The step is deployed and then committed alone, on top of what everybody has.",
  },
  "advance.not-pushed": {
    says: "{edits} of {model} is deployed, and its commit could not be pushed ({reason})",
    fix: "push {file} yourself",
    cause: "The stack's file on the branch says what was deployed before.",
    exit: 1,
  },
  "advance.not-proposed": {
    says: "--commit: {what}",
    fix: "open the pull request yourself: {edits} in {file}",
    cause:
      "A pull request needs a repository on GitHub, a branch with an upstream, and a token in GH_TOKEN or of `gh auth login`.",
    exit: 1,
  },
  "advance.under-way": {
    says: "another advance of {stack} is under way{who}",
    fix: "wait until it ends",
    cause: "One advance runs in an environment at a time, so that each step is judged by itself.",
    exit: 3,
  },
  "advance.other-model": {
    says: "the advance of {other} to {edits} was interrupted before it was deployed",
    fix: "run `menagerie rollout advance {other}` first",
    cause: "The stack's file may hold its step, which this run would deploy as well.",
    exit: 3,
  },
  "advance.up-failed": {
    says: "`up` failed at {edits} of {model}",
    fix: "run the same command again to go on",
    cause: "The step is in the stack's file and in the record, and the next run takes it up.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const advanceRefusal = refusalsOfTable(advanceRefusals);

export const refuseAdvance = errorsOfTable(advanceRefusals);
