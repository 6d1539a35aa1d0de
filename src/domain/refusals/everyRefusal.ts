import { OperatorError } from "../errors.ts";

/**
 * Waits for checks that need nothing of each other, so that what they refuse is told all at once, a line each and each line once. A
 * defect goes first.
 */
export async function everyRefusal<Results extends readonly unknown[]>(
  checks: {
    readonly [Place in keyof Results]: Promise<Results[Place]>;
  },
): Promise<Results> {
  const settled = await Promise.allSettled(checks);
  const errors = settled.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
  const mistakes = errors.filter((error) => error instanceof OperatorError);
  const [first] = mistakes;
  if (mistakes.length < errors.length) throw errors.find((error) => !(error instanceof OperatorError));
  if (first && mistakes.length === 1) throw first;
  if (first) throw joined(mistakes);
  return settled.map((each) => (each as PromiseFulfilledResult<unknown>).value) as unknown as Results;
}

function joined(mistakes: readonly OperatorError[]): OperatorError {
  const refusals = new Map(mistakes.flatMap((each) => each.refusals).map((each) => [each.message, each]));
  const exitCode = mistakes.some((each) => each.exitCode === 1) ? 1 : 2;
  return new OperatorError([...refusals.values()], { exitCode, cause: mistakes[0] });
}
