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
  "trial.no-pool": {
    says: "--pool {pool}: the cluster has no node that is labelled {label}: {pool}, and no NodePool of that name",
    fix: "name a pool of the cluster",
    cause: "A trial in a cluster runs on the nodes of one pool.",
  },
  "trial.cluster-state": {
    says: "{model} works in the release's state, which a trial in a cluster does not have",
    fix: "leave the model out by --model, or try the release on this machine",
    cause: "A copy of a state stays on the machine of whoever asks for it.",
  },
  "trial.cluster-folder": {
    says: "{model} is the folder {folder}, and a cluster runs images of a registry",
    fix: "build it there first, or bring it up on this machine",
    cause: "What is built on this machine is in a store that the cluster's nodes do not read.",
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
