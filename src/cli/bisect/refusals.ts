import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable } from "../../domain/refusals/refusal.ts";

/** What `menagerie bisect` refuses of its arguments. */
export const bisectCommandRefusals = {
  "bisect.which-request": {
    says: "{given}",
    fix: "give --request ID of a recorded request, or --data JSON or @FILE",
    cause: "One request is asked of every release.",
  },
  "bisect.which-expectation": {
    says: "{given}",
    fix: "give one of --expect JSON, --answer-of RELEASE and --check COMMAND",
    cause: "Each release is judged by one thing.",
  },
  "bisect.which-model": {
    says: "--model: missing",
    fix: "name the model to ask, one of {models}",
    cause: "A body does not say which model it is for; a request in the recording of a zoo model does.",
  },
  "bisect.model-unknown": {
    says: "--model {model}: neither {from} nor {to} serves it",
    fix: "name one of {models}",
    cause: "The model is looked up among the zoo's models of the two ends.",
  },
  "bisect.request-unknown": {
    says: "--request {id}: no recording of the stack has it with its answer",
    fix: "{where}",
    cause: "Requests are kept for the recording's retention, and only those that got an answer are read.",
  },
  "bisect.request-not-kept": {
    says: "--request {id}: {reason}",
    fix: "choose another request, or give one with --data",
    cause: "What is asked must be what was asked then: a part of it, or pseudonyms in its place, is another question.",
  },
  "bisect.expect-unreadable": {
    says: "--expect {expect}: the file cannot be read",
    fix: "name an existing file, or give the JSON itself",
    cause: "The file that follows the @ could not be read.",
  },
  "bisect.expect-not-json": {
    says: "--expect {expect}: is not JSON",
    fix: "quote it for the shell, or use --check for answers that are not JSON",
    cause: "Answers are compared as JSON.",
  },
  "bisect.path": {
    says: "--path {path}: is not a path that predicts",
    fix: "give one such as /v1/chat/completions",
    cause: "A request is sent to a path of the model.",
  },
  "bisect.order": {
    says: "{from} is not before {to}",
    fix: "swap the two",
    cause: "A history is searched from the older release to the younger one, whichever of the two has the fault.",
  },
  "bisect.nothing-then": {
    says: "{moment}: nothing was deployed to {stack} yet",
    fix: "the record begins at {first}",
    cause: "A moment stands for the release that was current then.",
  },
  "bisect.check-failed": {
    says: "--check {command}: {how}: {said}",
    fix: "let it exit with 0 where the answer is as expected, 125 where that cannot be judged, and 1 to 124 otherwise",
    cause: "Other exit codes say that the check itself failed, so nothing is known of the answer.",
  },
  "bisect.reference": {
    says: "--answer-of {release}: {reason}",
    fix: "name a release that can be brought up, or give what is expected by --expect or --check",
    cause: "What this release answers is what is expected of the others.",
  },
  "bisect.memory-unreadable": {
    says: "{path} cannot be read ({reason})",
    fix: "delete it to start over",
    cause: "What was answered so far is kept there, so that a search that was ended goes on.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(bisectCommandRefusals);
