import { Command } from "commander";
import { resumeRollout } from "../../../adapters/postgres/takeBack/resume.ts";
import { setPaused } from "../../../adapters/postgres/zoo/migration/journal.ts";
import { movingTarget } from "../../../adapters/postgres/zoo/migration/target.ts";
import { isRowId } from "../../../domain/rowId.ts";
import { asOperator, operatorName } from "../../operatorDatabase.ts";
import { environmentOption, givenOptions, jsonOption } from "../../options.ts";
import { migrationConnection, targetOption } from "./connection.ts";
import { refuse } from "./refusals.ts";

interface HoldOptions {
  readonly id: string;
  readonly target?: string;
  readonly environment: string;
  readonly json: boolean;
}

interface ResumeOptions extends Omit<HoldOptions, "id"> {
  readonly id?: string;
  readonly because?: string;
}

const idHelp = "the migration's id in the journal";

export function pauseCommand(): Command {
  return new Command("pause")
    .description("Stop a migration after the batch under way, until `rollout resume`.")
    .requiredOption("--id <id>", idHelp)
    .addOption(targetOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action((options: HoldOptions) => hold(options, true));
}

export function resumeCommand(): Command {
  return new Command("resume")
    .description(
      "Resume a rollout that the guard took back, with the same content, after a false alarm. With --id, resume a paused migration with its next run.",
    )
    .argument("[zoo model]", "model whose rollout goes on")
    .option("--because <text>", "why it was a false alarm; stored in the audit")
    .option("--id <id>", idHelp)
    .addOption(targetOption())
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async (model: string | undefined, _: unknown, command: Command) => {
      const options = givenOptions<ResumeOptions>(command);
      const { id, because = "", environment, json } = options;
      if ((model === undefined) === (id === undefined)) throw refuse("resume.what");
      if (id !== undefined) return hold({ ...options, id }, false);
      if (model === undefined) return;
      if (because.trim() === "") throw refuse("resume.because-missing", { model });
      const who = operatorName();
      const takeBack = await asOperator(environment, (client) => resumeRollout(client, { model, who, because }));
      const next = `${model} goes on with the same content: \`up\` sets its traffic and moves its apps again, and it is judged anew`;
      console.log(json ? JSON.stringify({ model, takeBack, because }) : next);
    });
}

async function hold(options: HoldOptions, paused: boolean): Promise<void> {
  const { id, json } = options;
  const known =
    isRowId(id) &&
    (await movingTarget(await migrationConnection(options), (client, target) => setPaused(client, target, id, paused)));
  if (!known) throw refuse("migration.unknown", { id });
  console.log(json ? JSON.stringify({ id, paused }) : `migration ${id} is ${paused ? "paused" : "resumed"}`);
}
