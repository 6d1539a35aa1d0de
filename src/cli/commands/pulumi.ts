import { Command } from "commander";
import { removeStored, storedKey } from "../../config/storedValues.ts";
import { environmentCondition } from "../../local/environment.ts";
import type { EnvironmentLayout } from "../../local/layout.ts";
import { type Program, programIn } from "../../local/program.ts";
import { committedFile, keepChanges, programConfig, undecryptableValues } from "../../local/stackConfig.ts";
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
  readonly program?: string;
  readonly yesDelete: readonly string[];
  readonly agreed?: string;
}

export function pulumiCommand(): Command {
  return new Command("pulumi")
    .addOption(environmentOption())
    .option(
      "--program <folder>",
      "run the Pulumi program in this folder, which uses the package (default: this checkout's)",
    )
    .addOption(yesDeleteOption())
    .addOption(agreedOption())
    .argument("[args...]", "the engine's arguments, after `--`")
    .addHelpText(
      "after",
      `
Examples: menagerie pulumi -- preview --diff
          menagerie pulumi -e second --program ../my-models -- up
\`up\` and \`destroy\` list what serves or stores and would go, and ask first, as \`menagerie up\` does.
\`config set\` stores a value for this environment only; it wins over ${committedFile} until \`config rm\`.`,
    )
    .action(async (args: string[], options: PulumiOptions) => {
      const { environment } = options;
      const given = engineArguments(args, environment);
      const program = options.program === undefined ? undefined : await programIn(options.program);
      const known = await existingEnvironment(environment, program);
      const { layout, target } = known;
      const condition = target.kind === "embedded" ? await environmentCondition(layout) : "up";
      if (condition !== "up") {
        console.error(`menagerie: environment "${layout.name}" is ${condition}; what needs its cluster will fail`);
      }
      let code = 1;
      let isKept = true;
      try {
        code = await runAgreed(known, given, options, program);
      } finally {
        if (code !== 0) {
          // The engine says of a value that it cannot decrypt neither key nor value.
          const config = program ? await programConfig(layout, program) : await environmentConfig(layout);
          for (const { message } of await undecryptableValues(layout, config, program)) {
            console.error(`menagerie: ${message}`);
          }
        }
        isKept = await keepWhatChanged(layout, program);
      }
      process.exitCode = code === 0 && !isKept ? 2 : code;
    });
}

/** Keeps what a command changed in the environment's config, and prints it; answers false where a change cannot be kept. */
async function keepWhatChanged(layout: EnvironmentLayout, program: Program | undefined): Promise<boolean> {
  const { set, forgotten, committed } = await keepChanges(layout, program);
  const command = `menagerie pulumi -e ${layout.name}${program ? ` --program ${program.folder}` : ""} --`;
  for (const { path } of set) {
    console.error(
      `menagerie: ${storedKey(path)} is stored for environment "${layout.name}" and wins over ${committedFile}; \`${command} ${removeStored(path)}\` removes it`,
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
  program: Program | undefined,
): Promise<number> {
  const operation = operationOf(args);
  if (!operation) return engine.run(args);
  return interruptible("run the same command again", async (signal) => {
    const config = program ? {} : await environmentConfig(layout);
    const objects = objectsOfEnvironment(target, engine, async () => config);
    const declared = program ? undefined : declaredIn(config);
    const agreement = { ...objects, declared, yesDelete, agreed, signal };
    return agreedUp(engine, agreement, operation);
  });
}
