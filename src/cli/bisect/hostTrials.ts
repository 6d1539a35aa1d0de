import { readRunnable } from "../../adapters/postgres/trial/readRunnable.ts";
import type { MixedCombination } from "../../domain/bisect/parts.ts";
import { silent } from "../../domain/progress.ts";
import type { StackConfig } from "../../domain/release/restore.ts";
import type { BringUpOptions } from "../../domain/trial/trial.ts";
import { projectFolder } from "../../local/localStack.ts";
import { bringUpBeside } from "../trial/bringUp.ts";
import { secretFix, secretValues } from "../trial/secretValues.ts";
import type { TrialStateOptions } from "../trial/stateRows.ts";
import type { BisectSurroundings } from "./run.ts";
import { SearchedStates } from "./stateRows.ts";

/** What of a command line concerns trials. */
export interface TrialOptions extends TrialStateOptions {
  /** Until an answer is complete, in seconds. */
  readonly timeout: number;
  /** Until a model must be ready, in seconds. */
  readonly startWithin: number;
  readonly egress: boolean;
}

/** A trial is removed when its release has answered; one that is forgotten, after this. In milliseconds. */
const longestTrial = 86_400_000;

/** Trials on this machine. @param config - that secrets are found by */
export function hostTrials(
  options: TrialOptions,
  config: StackConfig,
  signal: AbortSignal,
): Pick<BisectSurroundings, "trials" | "readRunnable"> {
  const { environment, timeout, startWithin, egress } = options;
  const states = new SearchedStates(options);
  const optionsFor = async (combination: MixedCombination): Promise<BringUpOptions> => ({
    state: await states.of(combination),
    egress,
    secrets: await secretValues(combination, config, options),
    deadline: new Date(Date.now() + longestTrial),
    startWithinSeconds: startWithin,
    // The search itself says what is brought up.
    progress: silent,
    signal,
  });
  return {
    readRunnable: async (client, deployment) => {
      const dumped = (schema: string) => states.dumped(schema, deployment.config);
      return states.add(await readRunnable(client, deployment, projectFolder, dumped));
    },
    trials: {
      bringUp: bringUpBeside(environment, { secretFix: secretFix(options) }),
      optionsFor,
      timeoutMs: timeout * 1_000,
      signal,
    },
  };
}
