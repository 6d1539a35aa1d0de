import { Command } from "commander";
import { setPaused } from "../../../adapters/postgres/zoo/migration/journal.ts";
import { movingTarget } from "../../../adapters/postgres/zoo/migration/target.ts";
import { isRowId } from "../../../domain/rowId.ts";
import { environmentOption, jsonOption } from "../../options.ts";
import { migrationConnection, targetOption } from "./connection.ts";
import { refuse } from "./refusals.ts";

interface HoldOptions {
  readonly id: string;
  readonly target?: string;
  readonly environment: string;
  readonly json: boolean;
}

export function pauseCommand(): Command {
  return holdCommand("pause", "Stop a migration after the batch under way, until `rollout resume`.", true);
}

export function resumeCommand(): Command {
  return holdCommand("resume", "Let a paused migration go on with the next run of the same.", false);
}

function holdCommand(name: string, description: string, paused: boolean): Command {
  return new Command(name)
    .description(description)
    .requiredOption("--id <id>", "the migration's id in the journal")
    .addOption(targetOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (options: HoldOptions) => {
      const { id, json } = options;
      const known =
        isRowId(id) &&
        (await movingTarget(await migrationConnection(options), (client, target) =>
          setPaused(client, target, id, paused),
        ));
      if (!known) throw refuse("migration.unknown", { id });
      console.log(json ? JSON.stringify({ id, paused }) : `migration ${id} is ${paused ? "paused" : "resumed"}`);
    });
}
