import { Command } from "commander";
import { planZooMigration } from "../../../adapters/postgres/zoo/migration/plan.ts";
import { describeMigrationPlan, type MigrationRequest, type ZooMigrationPlan } from "../../../domain/zoo/migration.ts";
import type { Standing } from "../../../domain/zoo/standing.ts";
import { operatorServer } from "../../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../../options.ts";
import { readStandings, type ShowOptions } from "./show.ts";

interface PlannedMove extends ZooMigrationPlan {
  readonly name: string;
  readonly direction: MigrationRequest["direction"];
  readonly from: string;
  readonly to: string;
}

/** `menagerie rollout plan [name]` */
export function planCommand(): Command {
  return new Command("plan")
    .description("Print the rows that forward and revert would move, and the time, without touching anything.")
    .argument("[zoo model]", "name of a model of the zoo; default: every model with a rollout under way")
    .addOption(environmentOption())
    .addOption(jsonOption())
    .action(plan);
}

async function plan(name: string | undefined, { environment, json }: ShowOptions): Promise<void> {
  const server = await operatorServer(environment);
  const moves: PlannedMove[] = [];
  for (const request of (await readStandings(environment, name)).flatMap(movesOf)) {
    moves.push({ ...request, ...(await planZooMigration({ server }, request)) });
  }
  if (json) return console.log(JSON.stringify(moves, null, 2));
  if (moves.length === 0) console.log("no rollout is under way");
  for (const move of moves) {
    console.log(`${move.name} ${move.direction}: ${describeMigrationPlan(move, move)}`);
    for (const line of [...move.refusals, ...move.notes]) console.log(`  ${line}`);
  }
}

/** Phases before `forward` has moved anybody have one way, those after it both. */
function movesOf({ name, phase, from, to }: Standing): MigrationRequest[] {
  if (!from || !to || !["version", "forward", "bake"].includes(phase)) return [];
  const pair = { name, from: from.id, to: to.id };
  return [
    { ...pair, direction: "forward" },
    { ...pair, direction: "reverted" },
  ];
}
