import { authorizeStateCopy } from "../../adapters/postgres/trial/stateCopy.ts";
import type { Progress } from "../../domain/progress.ts";
import type { RunnableState } from "../../domain/trial/combination.ts";
import type { StateCopy } from "../../domain/trial/trial.ts";
import { operatorName, operatorServer } from "../operatorDatabase.ts";
import { isOwn, type TrialSecretOptions } from "./secretValues.ts";

/** What a command line says of the rows of a trial's state. */
export interface TrialStateOptions extends TrialSecretOptions {
  /** @default copy for a record of this machine, whose rows stay on it anyway; else empty */
  readonly state?: "empty" | "copy";
  readonly maxStateGb: number;
}

/** Whether models find rows in their state. */
export function wantsRows(options: TrialStateOptions): boolean {
  return (options.state ?? (isOwn(options) ? "copy" : "empty")) === "copy";
}

/**
 * The permission to copy the rows of a state.
 * @param dump - folder of a dump that has them. @default they are read from the database
 * @throws OperatorError for a key that may not
 */
export async function copyOfState(
  state: RunnableState,
  options: TrialStateOptions,
  progress: Progress,
  dump?: string,
): Promise<StateCopy> {
  return authorizeStateCopy(await operatorServer(options.environment), {
    state,
    dump,
    stack: options.stack,
    maxBytes: options.maxStateGb * 1e9,
    by: isOwn(options) ? { own: operatorName() } : { key: process.env.MENAGERIE_API_KEY },
    progress,
  });
}
