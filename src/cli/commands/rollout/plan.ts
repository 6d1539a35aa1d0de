import { Command } from "commander";
import { planZooMigration } from "../../../adapters/postgres/zoo/migration/plan.ts";
import { describeMigrationPlan, type MigrationRequest, printedPlan } from "../../../domain/zoo/migration.ts";
import type { Standing } from "../../../domain/zoo/standing.ts";
import { operatorServer } from "../../operatorDatabase.ts";
import { environmentOption, givenOptions, jsonOption } from "../../options.ts";
import { readStandings, type ShowOptions, targetStackOption } from "./show.ts";

interface PlannedMove extends ReturnType<typeof printedPlan> {
  readonly name: string;
  readonly direction: MigrationRequest["direction"];
  readonly from: string;
  readonly to: string;
  /** Of an existing database; null for the platform's own. */
  readonly table: string | null;
}

/** `menagerie rollout plan [name]` */
export function planCommand(): Command {
  return new Command("plan")
    .description("Print the rows that forward and revert would move, and the time, without touching anything.")
    .argument("[zoo model]", "name of a model of the zoo; default: every model with a rollout under way")
    .addOption(environmentOption())
    .addOption(targetStackOption())
    .addOption(jsonOption())
    .action(plan);
}

async function plan(name: string | undefined, _: unknown, command: Command): Promise<void> {
  const options = givenOptions<ShowOptions>(command);
  const server = await operatorServer(options.environment);
  const moves: PlannedMove[] = [];
  const { standings, target, notCounted } = await readStandings(options, name);
  if (notCounted !== null) console.error(`note: ${notCounted}`);
  for (const standing of standings) {
    for (const request of movesOf(standing)) {
      moves.push({ ...request, table: null, ...printedPlan(await planZooMigration({ server }, request)) });
      const pair = target?.pairs.get(standing.name);
      if (!target?.connection || !pair || notCounted !== null) continue;
      const there = { ...request, from: pair.from, to: pair.to };
      const planned = printedPlan(await planZooMigration(target.connection, there));
      moves.push({ ...there, table: target.table, ...planned });
    }
  }
  if (options.json) return console.log(JSON.stringify(moves, null, 2));
  if (moves.length === 0) console.log("no rollout is under way");
  for (const move of moves) {
    const where = move.table === null ? "" : ` in ${move.table}`;
    console.log(`${move.name} ${move.direction}${where}: ${describeMigrationPlan(move, move)}`);
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
