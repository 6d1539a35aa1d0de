import * as pulumi from "@pulumi/pulumi";
import { OperatorError } from "../domain/errors.ts";

/** The engine prints the message of a RunError alone; for everything else it adds the stack trace. */
function asRunError(error: unknown): unknown {
  return error instanceof OperatorError ? new pulumi.RunError(error.message) : error;
}

/** Does `work`; what it refuses is told as a sentence. */
export function told<Answer>(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    throw asRunError(error);
  }
}

/** The same of work that takes its time. */
export async function toldLater<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    throw asRunError(error);
  }
}
