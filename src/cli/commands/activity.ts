import { Command, InvalidArgumentError, Option } from "commander";
import { readActivity } from "../../adapters/postgres/activity.ts";
import { activityOf } from "../../domain/console/activity.ts";
import { asReader } from "../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { columns } from "../table.ts";
import { timeArgument, timeHelp } from "../timeArgument.ts";

interface ActivityOptions {
  readonly environment: string;
  readonly limit: number;
  readonly before?: string;
  readonly model?: string;
  readonly json: boolean;
}

export function activityCommand(): Command {
  return new Command("activity")
    .addOption(new Option("--limit <number>", "how many").default(50).argParser(countArgument))
    .option("--before <time>", `only changes before this time: ${timeHelp}`)
    .option("--model <name>", "what concerns one model of the zoo alone (all)")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(async ({ environment, json, ...question }: ActivityOptions) => {
      const before = question.before && timeArgument("--before", question.before, new Date()).toISOString();
      const rows = await asReader(environment, (client) => readActivity(client, { ...question, before }));
      if (json) return console.log(JSON.stringify(rows, null, 2));
      if (rows.length === 0) return console.log("nothing has changed");
      const lines = rows
        .map(activityOf)
        .map(({ at, model, what, who, because }) => [at.toISOString(), model ?? "", what, who ?? "", because]);
      console.log(columns([["AT", "MODEL", "WHAT", "BY", "BECAUSE"], ...lines]));
    });
}

function countArgument(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 10_000) return count;
  throw new InvalidArgumentError("use a whole number from 1 to 10000.");
}
