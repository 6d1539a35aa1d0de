import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable, refusalsOfTable } from "../../domain/refusals/refusal.ts";

/** What is refused of trials on this machine. */
export const localTrialRefusals = {
  "trial.secret-missing": {
    says: 'secret "{name}" has no value, and {models} reads it',
    fix: "{fix}",
    cause: "A trial has no secrets but those that it is given, and a model that misses one fails in its own way.",
  },
  "trial.image-gone": {
    says: "{model}: image {image} is gone: no image store of this machine has it",
    fix: "check out the commit that it was built from and run `up`, or try another release",
    cause:
      "A release of the record is tried with the images that it ran, and those of this machine's builds are in no registry.",
    exit: 1,
  },
  "trial.image-not-pulled": {
    says: "{model}: image {image} cannot be pulled: {reason}",
    fix: "",
    cause: "Its registry no longer has the image, or wants another login (`docker login`).",
    exit: 1,
  },
  "trial.ended": {
    says: "the trial ended by itself: {reason}",
    fix: "",
    cause: "Its time was over, or one of its own processes was killed. Nothing of it is left.",
    exit: 1,
  },
  "trial.no-model": {
    says: "there is nothing to try: {name} has no model that is served",
    fix: "",
    cause: "A trial runs models of the zoo; those that are only named are served elsewhere.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(localTrialRefusals);
export const trialRefusal = refusalsOfTable(localTrialRefusals);
