import { Command } from "commander";
import { removeStored, storedKey } from "../../config/storedValues.ts";
import { environmentCondition } from "../../local/environment.ts";
import type { EnvironmentLayout } from "../../local/layout.ts";
import { committedFile, keepChanges, undecryptableValues } from "../../local/stackConfig.ts";
import { engineArguments } from "../engineCommand.ts";
import { interruptible } from "../interrupt.ts";
import {
  agreedOption,
  type ExistingEnvironment,
  environmentOption,
  existingEnvironment,
  yesDeleteOption,
} from "../options.ts";
import { agreedUp } from "../up/agreedUp.ts";
import { declaredIn, environmentConfig } from "../up/declaredModels.ts";
import { operationOf } from "../up/engineOperation.ts";
import { objectsOfEnvironment } from "../up/stackObjects.ts";

interface PulumiOptions {
  readonly environment: string;
  readonly yesDelete: readonly string[];
  readonly agreed?: string;
}

export function pulumiCommand(): Command {
  return new Command("pulumi")
    .addOption(environmentOption())
    .addOption(yesDeleteOption())
    .addOption(agreedOption())
    .argument("[args...]", "the engine's arguments, after `--`")
    .addHelpText(
      "after",
      `
Example: menagerie pulumi -- preview --diff
\`up\` and \`destroy\` list what serves or stores and would go, and ask first, as \`menagerie up\` does.
\`config set\` stores a value for this environment only; it wins over ${committedFile} until \`config rm\`.`,
    )
    .action(async (args: string[], options: PulumiOptions) => {
      const { environment } = options;
      const given = engineArguments(args, environment);
      const known = await existingEnvironment(environment);
      const { layout, target } = known;
      const condition = target.kind === "embedded" ? await environmentCondition(layout) : "up";
      if (condition !== "up") {
        console.error(`menagerie: environment "${layout.name}" is ${condition}; what needs its cluster will fail`);
      }
      let code = 1;
      let isKept = true;
      try {
        code = await runAgreed(known, given, options);
      } finally {
        if (code !== 0) {
          // The engine says of a value that it cannot decrypt neither key nor value.
          for (const { message } of await undecryptableValues(layout, await environmentConfig(layout))) {
            console.error(`menagerie: ${message}`);
          }
        }
        isKept = await keepWhatChanged(layout);
      }
      process.exitCode = code === 0 && !isKept ? 2 : code;
    });
}

/** Keeps what a command changed in the environment's config, and prints it; answers false where a change cannot be kept. */
async function keepWhatChanged(layout: EnvironmentLayout): Promise<boolean> {
  const { set, forgotten, committed } = await keepChanges(layout);
  for (const { path } of set) {
    console.error(
      `menagerie: ${storedKey(path)} is stored for environment "${layout.name}" and wins over ${committedFile}; \`menagerie pulumi -e ${layout.name} -- ${removeStored(path)}\` removes it`,
    );
  }
  for (const path of forgotten) {
    console.error(`menagerie: ${storedKey(path)} is no longer stored; what ${committedFile} says of it applies`);
  }
  for (const path of committed) {
    console.error(
      `menagerie: ${storedKey(path)} is in ${committedFile}, which the engine's commands do not change; edit the file to remove it`,
    );
  }
  return committed.length === 0;
}

/** What may delete or replace is agreed to first; everything else is the engine's own business. */
function runAgreed(
  { layout, target, engine }: ExistingEnvironment,
  args: readonly string[],
  { yesDelete, agreed }: PulumiOptions,
): Promise<number> {
  const operation = operationOf(args);
  if (!operation) return engine.run(args);
  return interruptible("run the same command again", async (signal) => {
    const config = await environmentConfig(layout);
    const objects = objectsOfEnvironment(target, engine, async () => config);
    const agreement = { ...objects, declared: declaredIn(config), yesDelete, agreed, signal };
    return agreedUp(engine, agreement, operation);
  });
}
