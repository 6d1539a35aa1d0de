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
  const issues = errors.filter((error) => error instanceof OperatorError);
  const [first] = issues;
  if (issues.length < errors.length) throw errors.find((error) => !(error instanceof OperatorError));
  if (first && issues.length === 1) throw first;
  if (first) throw joined(issues);
  return settled.map((each) => (each as PromiseFulfilledResult<unknown>).value) as unknown as Results;
}

function joined(issues: readonly OperatorError[]): OperatorError {
  const refusals = new Map(issues.flatMap((each) => each.refusals).map((each) => [each.message, each]));
  const exitCode = issues.some((each) => each.exitCode === 1) ? 1 : 2;
  return new OperatorError([...refusals.values()], { exitCode, cause: issues[0] });
}
