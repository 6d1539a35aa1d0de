import * as pulumi from "@pulumi/pulumi";
import { parseEnvironment } from "./config/parse.ts";
import { stackConfig } from "./config/stackConfig.ts";
import { OperatorError } from "./domain/errors.ts";
import { deployEnvironment } from "./program.ts";
import { trussHashesOf } from "./trussHashes.ts";

/** Entry of a stack: config in, resources and outputs out. */
async function stack() {
  try {
    const spec = parseEnvironment(stackConfig(pulumi.runtime.allConfig()), {
      gatewayUrl: process.env.MENAGERIE_GATEWAY_URL,
    });
    return deployEnvironment(spec, { trussHashes: await trussHashesOf(spec, process.cwd()) });
  } catch (error) {
    // The engine prints the message of a RunError alone; for everything else it adds the stack trace.
    if (error instanceof OperatorError) throw new pulumi.RunError(error.message);
    throw error;
  }
}

export default stack;
