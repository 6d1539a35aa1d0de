import type { RefusalTable } from "../refusals/entry.ts";
import { errorsOfTable } from "../refusals/refusal.ts";

/** What `predict --file` refuses: its files, and a target that does not answer. */
export const batchRefusals = {
  "batch.data-or-file": {
    says: "give either --data or --file",
    fix: "--data for one prediction, --file for one for each line of a file",
    cause: "The two say what is sent, and only one of them can.",
  },
  "batch.option-of-file": {
    says: "{option} is for --file",
    fix: "remove it, or give the requests as --file",
    cause: "The option says how the lines of a file are sent.",
  },
  "batch.input-unreadable": {
    says: "--file {file} cannot be read: {reason}",
    fix: "give a file of requests, one a line",
    cause: "A batch is resumed from its file, so that it reads no pipe and no folder.",
  },
  "batch.input-encoding": {
    says: "--file {file} is {what}",
    fix: "{fix}",
    cause: "The first bytes say that the file holds no lines of UTF-8 text.",
  },
  "batch.out-is-input": {
    says: "--out {out} is the file of the requests",
    fix: "name another file",
    cause: "Answers are appended to the file that --out names.",
  },
  "batch.out-unreadable": {
    says: "--out {out} cannot be used: {reason}",
    fix: "name a file in a folder that is yours",
    cause: "The file of the answers could not be made, or read.",
  },
  "batch.out-not-answers": {
    says: "--out {out}: line {line} is not an answer of a batch",
    fix: "name a file that is not there yet; this one was left as it is",
    cause: "Answers are appended to those that an interrupted batch has left, and to nothing else.",
  },
  "batch.out-of-other-model": {
    says: "--out {out} has answers of {found}, not of {model}",
    fix: "name another file",
    cause: "One file has answers of one model.",
  },
  "batch.out-twice": {
    says: "--out {out} has two answers to line {line}",
    fix: "name another file",
    cause: "Each line is answered once; somebody else has written to this file.",
  },
  "batch.out-taken": {
    says: "--out {out}: another batch writes to it (pid {pid}, since {since})",
    fix: "wait for its end, or name another file",
    cause: "Two batches that append to one file would answer the same lines.",
    exit: 1,
  },
  "batch.edited": {
    says: "{file}: line {line} is not the line that was answered in {out}",
    fix: "put the line back as it was, or give another --out and start over",
    cause:
      "A batch goes on behind the lines that are answered already, so these must still be what was asked. Lines that have no answer yet may be edited, added and removed.",
  },
  "batch.shortened": {
    says: "{file} ends at line {lines}, and {out} has an answer to line {line}",
    fix: "give the whole file, or another --out",
    cause: "Lines were removed, or this is another file.",
  },
  "batch.changed-meanwhile": {
    says: "{file} was changed while it was read",
    fix: "run the same command again: it compares every line that is answered",
    cause: "Its size or time of change is not that of the beginning.",
    exit: 1,
  },
  "batch.not-written": {
    says: "{out} cannot be written: {reason}",
    fix: "make room, and run the same command again: what is in the file stays",
    cause:
      "The disk is full, or the file cannot be written any more. Answers that came and are not in the file are asked for again.",
    exit: 1,
  },
  "batch.unanswered": {
    says: "{url} has answered nothing for {minutes} min: {reason}",
    fix: "run the same command again when it does: {answered} lines are answered, and stay so",
    cause:
      "Connections are refused, or every answer is 503 or 429, for longer than --patience. Lines that were not answered are asked for again.",
    exit: 1,
  },
  "batch.told-to-wait": {
    says: "{url} answers HTTP {status} and asks to wait for {minutes} min",
    fix: "run the same command again after that; {answered} lines are answered, and stay so",
    cause: "Retry-After is longer than --patience, as where a limit of a day is used up.",
    exit: 1,
  },
  "batch.key-refused": {
    says: "HTTP {status}: {message}",
    fix: "set MENAGERIE_API_KEY to a key for this model, and run the same command again",
    cause: "No line would be answered with this key: it is missing, wrong, revoked, or for another model.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(batchRefusals);
