import { Command } from "commander";
import { readStackText } from "../../config/stackFile.ts";
import { removeStored, storedKey, withStoredValues } from "../../config/storedValues.ts";
import { environmentCondition } from "../../local/environment.ts";
import {
  committedBytes,
  committedFile,
  keepChanges,
  storedValues,
  undecryptableValues,
} from "../../local/stackConfig.ts";
import { engineArguments } from "../engineCommand.ts";
import { environmentOption, existingEnvironment } from "../options.ts";

export function pulumiCommand(): Command {
  return new Command("pulumi")
    .addOption(environmentOption())
    .argument("[args...]", "the engine's arguments, after `--`")
    .addHelpText(
      "after",
      `
Example: menagerie pulumi -- preview --diff
\`config set\` stores a value for this environment only; it wins over ${committedFile} until \`config rm\`.`,
    )
    .action(async (args: string[], { environment }: { environment: string }) => {
      const given = engineArguments(args, environment);
      const { layout, target, engine } = await existingEnvironment(environment);
      const condition = target.kind === "embedded" ? await environmentCondition(layout) : "up";
      if (condition !== "up") {
        console.error(`menagerie: environment "${layout.name}" is ${condition}; what needs its cluster will fail`);
      }
      const code = await engine.run(given);
      if (code !== 0) {
        // The engine says of a value that it cannot decrypt neither key nor value.
        const config = withStoredValues(
          readStackText(await committedBytes(), committedFile).config,
          await storedValues(layout),
        );
        for (const sentence of await undecryptableValues(layout, config)) console.error(`menagerie: ${sentence}`);
      }
      const { set, forgotten, committed } = await keepChanges(layout);
      for (const { path } of set) {
        console.error(
          `menagerie: ${storedKey(path)} is stored for environment "${environment}" and wins over ${committedFile}; \`menagerie pulumi -e ${environment} -- ${removeStored(path)}\` removes it`,
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
      process.exitCode = code === 0 && committed.length > 0 ? 2 : code;
    });
}
