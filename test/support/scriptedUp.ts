/**
 * `agreedUp` over an engine that answers the previews which its argument holds, one after another, each a list of steps. Prints a line
 * for each start of the engine; ends as `menagerie` does.
 */

import { interruptible } from "../../src/cli/interrupt.ts";
import { agreedUp } from "../../src/cli/up/agreedUp.ts";
import { OperatorError } from "../../src/domain/errors.ts";

const previews = JSON.parse(process.argv[2] ?? "[]") as unknown[];

try {
  process.exitCode = await interruptible("run it again", (signal) =>
    agreedUp(
      {
        run: async (args) => {
          console.log(`engine: ${args.join(" ")}`);
          return 0;
        },
        capture: async ([command]) => {
          console.log(`engine: ${command}`);
          return { code: 0, stdout: JSON.stringify({ steps: previews.shift() }), stderr: "" };
        },
        resources: async () => [{ urn: "urn:pulumi:staging::menagerie::any::any", type: "any" }],
      },
      {
        declared: { zoo: [], development: [], shadows: [] },
        yesDelete: [],
        cluster: () => Promise.reject(new Error("there is none")),
        signal,
      },
    ),
  );
} catch (error) {
  console.error(String(error));
  process.exitCode = error instanceof OperatorError ? error.exitCode : 130;
}
