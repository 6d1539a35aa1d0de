import { Command } from "commander";
import { deploymentAsOf } from "../../adapters/postgres/releases.ts";
import { promotedConfig, promotedKeys } from "../../domain/release/restore.ts";
import { asOperator } from "../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { describeEdits } from "../releases/describeEdits.ts";
import { findDeployment } from "../releases/record.ts";
import { readStackFile } from "../releases/stackFile.ts";
import { withoutTakenBack } from "../releases/takenBack.ts";
import { refuse } from "./refusals.ts";

interface PromoteOptions {
  readonly environment: string;
  readonly release?: string;
  readonly json: boolean;
}

export function promoteCommand(): Command {
  return new Command("promote")
    .argument("<from>", "the stack that was verified, such as staging")
    .argument("<to>", "the stack whose file is written, such as prod")
    .option("--release <tag>", "a tag or number of a deployment of <from>; default: the current one")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nThe record that is read is that of <from>: set MENAGERIE_DATABASE_URL to its database.")
    .action(async (from: string, to: string, options: PromoteOptions) => {
      if (from === to) throw refuse("promote.same-stack", { to });
      const found = await asOperator(options.environment, async (client) => {
        const release = options.release ?? (await deploymentAsOf(client, from))?.id;
        if (release === undefined) throw refuse("promote.never-deployed", { from });
        return withoutTakenBack(client, await findDeployment(client, from, release));
      });
      const file = await readStackFile(to, options.environment);
      const promoted = promotedConfig(file.config, found);
      const edits = await file.write(promoted.config);
      const notes = [...promoted.notes, ...file.overruled(promoted.config, (key) => promotedKeys.has(key))];
      if (options.json) {
        console.log(JSON.stringify({ tag: found.tag, deployment: found.id, file: file.path, edits, notes }, null, 2));
        return;
      }
      console.log(describeEdits(`${file.path} says what ${from} serves as ${found.tag}`, edits));
      for (const note of notes) console.error(`note: ${note}`);
    });
}
