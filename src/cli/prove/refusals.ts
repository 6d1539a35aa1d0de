import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable } from "../../domain/refusals/refusal.ts";

/** What `menagerie prove` refuses. */
export const proveRefusals = {
  "prove.no-repository": {
    says: "{folder} is not in a git repository",
    fix: "run the command in a clone of the stack's repository",
    cause: "A proof compares two revisions of the stack and its models, which git has.",
  },
  "prove.no-base": {
    says: "--base is missing, and the repository has no branch main or master to compare with",
    fix: "name the revision to compare with: --base REV",
    cause: "Without --base, a proof compares with the commit at which the branch left the default one.",
  },
  "prove.unknown-revision": {
    says: '{option} "{revision}": the repository has no such commit',
    fix: "fetch it (in a workflow: fetch-depth: 0 of actions/checkout), or name another",
    cause: "A shallow clone has the newest commits only.",
  },
  "prove.link-outside": {
    says: "{revision}: symbolic links lead out of the project: {links}",
    fix: "replace them by files, or remove them",
    cause:
      "What such a link leads to would be read from the machine that proves, and shown by the models of whoever wrote it.",
  },
  "prove.not-written": {
    says: "{option} {file} cannot be written: {reason}",
    fix: "name a file in an existing folder that you may write to",
    cause: "The file of a proof's result could not be written.",
  },
  "prove.stack-wrong": {
    says: "the stack at {revision} has mistakes:\n{mistakes}",
    fix: "correct them, or compare with another revision",
    cause: "A revision whose stack cannot be read declares no models that could be brought up.",
  },
  "prove.other-sample": {
    says: "{place} is a sample of {name}, not of {model}",
    fix: "move it to samples/{name}/, or export one of {model}: `menagerie sample export {model}`",
    cause: "Requests to another model say nothing about this one.",
  },
  "prove.sample-unused": {
    says: "{place} is a sample of {name}, which does not differ between the two revisions",
    fix: "leave it out; models that differ: {models}",
    cause: "Only models that differ are asked.",
  },
  "prove.record-uncommitted": {
    says: "{file} is the proof of a work tree",
    fix: "commit, and prove the commit: --head REV",
    cause: "Evidence counts for a content that the repository has, so that it can be read again.",
  },
  "prove.result-unreadable": {
    says: "--record {file} cannot be read: {reason}",
    fix: "name the file that `menagerie prove --result FILE` wrote",
    cause: "The file of a proof's result could not be read.",
  },
  "prove.result-wrong": {
    says: "--record {file} is not the result of a proof: {place}: {reason}",
    fix: "name the file that `menagerie prove --result FILE` wrote, by this version",
    cause: "A result is read strictly: what this version does not know is not evidence.",
  },
  "prove.result-of-other": {
    says: "--record {file}: it is the proof of stack {found}, not of {stack}",
    fix: "add --stack {found}",
    cause: "Evidence is stored in the database of its own stack.",
  },
  "prove.result-untrue": {
    says: "--record {file}: {name} was not proven as it says: {other}",
    fix: "prove the commits again, with the tool of the base",
    cause: "Hashes are read again from the repository, and verdicts are judged again from their numbers.",
  },
  "prove.not-proven": {
    says: "not proven: {models}",
    fix: "",
    cause: "A model's answers differ, it fails, or nobody can tell: the report says which and why.",
    exit: 3,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(proveRefusals);
