import * as pulumi from "@pulumi/pulumi";
import log from "@pulumi/pulumi/log/index.js";
import { OperatorError } from "../domain/errors.ts";
import { inEnvironment } from "../domain/printedCommands.ts";
import { engineAbove, showsDebugging } from "../plan/engineAbove.ts";

// The engine's language host maps stack traces through source maps, for every promise that it keeps. Types are stripped in
// place here, so positions are true without, and registering resources takes half the time.
Object.assign(Error, { prepareStackTrace: undefined });
// The SDK tells the engine of every resource several times, a round trip each and one after the other.
export const engine = engineAbove();
if (engine && !showsDebugging(engine.args)) Object.assign(log, { debug: () => Promise.resolve() });

/** The engine prints the message of a RunError alone; for everything else it adds the stack trace. */
export async function told<T>(environment: string | undefined, program: () => Promise<T>): Promise<T> {
  try {
    return await program();
  } catch (error) {
    if (error instanceof OperatorError) throw new pulumi.RunError(inEnvironment(error.message, environment));
    throw error;
  }
}
