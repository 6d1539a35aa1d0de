import { Command } from "commander";
import { keptKeys, restoredConfig } from "../../domain/release/restore.ts";
import { localStack } from "../../local/localStack.ts";
import { asOperator } from "../operatorDatabase.ts";
import { environmentOption, existingEnvironment, jsonOption } from "../options.ts";
import { describeEdits } from "../releases/describeEdits.ts";
import { findDeployment } from "../releases/record.ts";
import { readStackFile } from "../releases/stackFile.ts";
import { withoutTakenBack } from "../releases/takenBack.ts";

interface RestoreOptions {
  readonly environment: string;
  readonly stack: string;
  readonly json: boolean;
  readonly preview: boolean;
}

export function restoreCommand(): Command {
  return new Command("restore")
    .argument("<release>", "a tag, or a deployment's number, as `menagerie releases` lists them")
    .option("-s, --stack <name>", "the stack whose file is written", localStack)
    .option("--no-preview", "do not preview the change")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nNothing is deployed: the next `up` switches, without building anything.")
    .action(async (release: string, options: RestoreOptions) => {
      const { stack } = options;
      const found = await asOperator(options.environment, async (client) =>
        withoutTakenBack(client, await findDeployment(client, stack, release)),
      );
      const file = await readStackFile(stack, options.environment);
      const restored = restoredConfig(file.config, found);
      const edits = await file.write(restored);
      if (options.json)
        console.log(JSON.stringify({ tag: found.tag, deployment: found.id, file: file.path, edits }, null, 2));
      else console.log(describeEdits(`${file.path} says ${found.tag}`, edits));
      for (const sentence of file.overruled(restored, (key) => !keptKeys.has(key))) console.error(`note: ${sentence}`);
      if (!options.preview || edits.length === 0) return;
      if (stack !== localStack) {
        console.error(`see what it does: pulumi preview -s ${stack} --diff`);
        return;
      }
      const { engine } = await existingEnvironment(options.environment);
      // Standard output is JSON only where that was asked for.
      if (options.json) console.error(await engine.output(["preview"]));
      else process.exitCode = await engine.run(["preview"]);
    });
}
