import { refused } from "../../domain/refusals/refusal.ts";
import { missingSecrets, type RunnableModel } from "../../domain/trial/combination.ts";
import { trialRefusal } from "./refusals.ts";

/**
 * @param fix - what to do, for the sentences
 * @throws OperatorError with a line for each secret without a value
 */
export function requireSecrets(
  models: readonly RunnableModel[],
  given: Readonly<Record<string, string>>,
  fix: string,
): void {
  const missing = missingSecrets(models, new Set(Object.keys(given)));
  if (missing.length === 0) return;
  throw refused(
    missing.map(({ name, models: readers }) =>
      trialRefusal("trial.secret-missing", null, { name, models: readers.join(", "), fix }),
    ),
  );
}
