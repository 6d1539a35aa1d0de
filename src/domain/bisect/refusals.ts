import type { RefusalTable } from "../refusals/entry.ts";
import { errorsOfTable } from "../refusals/refusal.ts";

/** What a search for the release that changed an answer refuses. */
export const bisectRefusals = {
  "bisect.same-content": {
    says: "{old} and {young} have the same content, so they answer alike",
    fix: "choose two releases between which the model, its config or its state changed",
    cause: "Both ends are compared first: two that answer alike hold no change to find.",
  },
  "bisect.ends-agree": {
    says: "both ends answer alike: {oldFaulty} of {oldAsked} answers of {old} and {youngFaulty} of {youngAsked} answers of {young} are not as expected",
    fix: "choose another end, correct what is expected, or for a fault that shows rarely raise --asks",
    cause: "Both ends are asked first: two that answer alike hold no change to find.",
  },
  "bisect.end-not-judged": {
    says: "{label} cannot be judged: {reason}",
    fix: "choose another release as this end",
    cause: "Halving needs two ends that are known; releases between them may be skipped.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(bisectRefusals);
