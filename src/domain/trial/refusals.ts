import type { RefusalTable } from "../refusals/entry.ts";
import { errorsOfTable } from "../refusals/refusal.ts";

/** What is refused of combinations that are brought up somewhere else. */
export const trialRefusals = {
  "trial.not-started": {
    says: "{model} did not become ready: {reason}{log}",
    fix: "",
    cause: "Every model of a combination must answer before anything is sent to it.",
    exit: 1,
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(trialRefusals);
