import { Command } from "commander";
import { environmentStatus } from "../../local/environment.ts";
import { environmentOption, existingEnvironment } from "../options.ts";

export function pulumiCommand(): Command {
  return new Command("pulumi")
    .addOption(environmentOption())
    .argument("[args...]", "the engine's arguments, after `--`")
    .addHelpText("after", "\nExample: menagerie pulumi -- preview --diff")
    .action(async (args: string[], options: { environment: string }) => {
      const { layout, target, engine } = await existingEnvironment(options.environment);
      if (target.kind === "embedded" && !(await environmentStatus(layout))) {
        console.error(`menagerie: environment "${layout.name}" is down; what needs its cluster will fail`);
      }
      process.exitCode = await engine.run(args);
    });
}
