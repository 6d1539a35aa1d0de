import { Command } from "commander";
import { describeEntryEdits } from "../../../domain/zoo/advance.ts";
import { interruptible } from "../../interrupt.ts";
import { asOperator, requireOperatorDatabase } from "../../operatorDatabase.ts";
import { givenOptions, jsonOption } from "../../options.ts";
import { readStackFile } from "../../releases/stackFile.ts";
import { advancedStack } from "../../rollout/advancedStack.ts";
import { deployMerged, readMerged } from "../../rollout/merged.ts";

interface MergedOptions {
  readonly stack: string;
  readonly since: string;
  readonly json: boolean;
}

export function mergedCommand(): Command {
  return new Command("merged")
    .description("Deploy the step of a rollout that was merged into the stack's file, as `rollout advance` would.")
    .requiredOption("-s, --stack <name>", "stack that is deployed; MENAGERIE_DATABASE_URL names its database")
    .requiredOption("--since <commit>", "commit whose file is deployed already")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
A step is one model's phase, traffic or share, or its phase: reverted. Where the file differs by anything else, nothing is deployed, with exit code 0.
Exit codes: 0 deployed or nothing to do, 1 \`up\` failed, 2 bad input, 3 not yet, bad, or the preview holds other changes.`,
    )
    .action(async (_own: object, command: Command) => {
      const { stack, since, json } = givenOptions<MergedOptions>(command);
      requireOperatorDatabase(stack);
      const readFile = () => readStackFile(stack, "local");
      const merged = await readMerged((await readFile()).path, since);
      const deployed =
        merged &&
        (await interruptible("nothing is lost; run the same again", (signal) =>
          asOperator("local", (client) => {
            const look = () => {};
            const note = (line: string) => void process.stderr.write(`${line}\n`);
            const run = advancedStack(stack, "local");
            return deployMerged({ stack, signal }, { client, run, readFile, look, note }, merged);
          }),
        ));
      if (json)
        return console.log(JSON.stringify({ step: merged?.step ?? null, deployed: deployed !== undefined }, null, 2));
      if (!merged) return console.log("no step of a rollout was merged, so nothing is deployed");
      const { model, edits } = merged.step;
      console.log(`${model}: ${describeEntryEdits(edits)} is deployed${deployed ? "" : " already"}`);
    });
}
