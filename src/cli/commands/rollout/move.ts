import { Command, Option } from "commander";
import { affectedFile, writeAffected } from "../../../adapters/postgres/zoo/migration/affectedFile.ts";
import { type JournaledRow, journaledRows, listMigrations } from "../../../adapters/postgres/zoo/migration/journal.ts";
import { planZooMigration } from "../../../adapters/postgres/zoo/migration/plan.ts";
import { runMigration } from "../../../adapters/postgres/zoo/migration/run.ts";
import { type MigrationConnection, movingTarget } from "../../../adapters/postgres/zoo/migration/target.ts";
import { nextZooVersion, previousZooVersion } from "../../../adapters/postgres/zoo/versionPairs.ts";
import { refused } from "../../../domain/refusals/refusal.ts";
import {
  describeMigrationPlan,
  type MigrationDirection,
  type MigrationRequest,
  obstacleClause,
  printedPlan,
  type RevertScope,
  type RowCounts,
} from "../../../domain/zoo/migration.ts";
import { interruptible } from "../../interrupt.ts";
import { asOperator } from "../../operatorDatabase.ts";
import { environmentOption, jsonOption } from "../../options.ts";
import { terminalProgress } from "../../terminalProgress.ts";
import { migrationConnection, targetOption } from "./connection.ts";
import { refusal, refuse } from "./refusals.ts";

interface MoveOptions {
  readonly id: string;
  readonly to?: string;
  readonly revert?: RevertScope;
  readonly dryRun: boolean;
  readonly skipFailing: boolean;
  readonly target?: string;
  readonly environment: string;
  readonly json: boolean;
}

export function forwardCommand(): Command {
  return options(
    new Command("forward")
      .description("Move all apps of an old zoo version to the new one, and print the ids of their versions.")
      .requiredOption("--id <id>", "the old version's id")
      .option("--to <id>", "the new version's id; default: the model's current version, or that of the journal"),
  ).action((given: MoveOptions) => move("forward", given));
}

export function revertCommand(): Command {
  return options(
    new Command("revert")
      .description("Move the apps of a new zoo version back to the old one, and print the ids of their versions.")
      .requiredOption("--id <id>", "the new version's id")
      .option("--to <id>", "the old version's id; default: that of the journal, or the version before")
      .addOption(
        new Option("--revert <which>", "journaled: those that were moved and not changed since; all: also new ones")
          .choices(["journaled", "all"])
          .default("journaled"),
      ),
  ).action((given: MoveOptions) => move("reverted", given));
}

function options(command: Command): Command {
  return command
    .option("--dry-run", "print what would be moved, and move nothing", false)
    .option(
      "--skip-failing",
      "leave rows that cannot be changed where they are and journal them as skipped; without it the first of them ends the run, and skipped ones are tried again",
      false,
    )
    .addOption(targetOption())
    .addOption(environmentOption())
    .addOption(jsonOption());
}

async function move(direction: MigrationDirection, given: MoveOptions): Promise<void> {
  const connection = await migrationConnection(given);
  const pair = await findPair(connection, direction, given);
  const request: MigrationRequest = { ...pair, direction, revert: given.revert };
  const plan = await planZooMigration(connection, request);
  if (plan.obstacles.some(({ about }) => about === "from" || about === "to")) throw unknownId();
  if (plan.obstacles.length > 0) {
    throw refused(plan.obstacles.map((each) => refusal("move.refused", null, obstacleClause(each))));
  }
  for (const note of plan.notes) console.error(note);
  if (given.dryRun) {
    return console.log(
      given.json ? JSON.stringify({ ...pair, direction, ...printedPlan(plan) }) : describeMigrationPlan(plan, request),
    );
  }
  const affected: string[] = [];
  const kept: JournaledRow[] = [];
  const file = affectedFile(request, process.env, connection);
  const work = (signal: AbortSignal) =>
    movingTarget(connection, async (client, target) => {
      const result = await runMigration(client, target, request, {
        progress: terminalProgress(),
        signal,
        skipFailing: given.skipFailing,
        retrySkipped: !given.skipFailing,
        onMoved: (ids) => affected.push(...ids),
      });
      await writeAffected(client, target, result.migrationId, file);
      const states = direction === "reverted" ? (["changed", "deleted", "skipped"] as const) : (["skipped"] as const);
      for await (const page of journaledRows(client, target, result.migrationId, states)) kept.push(...page);
      return result;
    });
  const { counts } = await interruptible("run the same command again and it goes on from here", work).catch(
    (error: unknown) => {
      // The next run prints those that it moves itself.
      if (affected.length > 0) printMoved({ ...pair, direction, affected, kept, counts: null, file: null }, given);
      throw error;
    },
  );
  printMoved({ ...pair, direction, affected, kept, counts, file }, given);
  if (given.json) return;
  const earlier = direction === "forward" ? counts.forward - affected.length : 0;
  if (earlier > 0)
    console.error(`moved by earlier runs of this migration: ${earlier === 1 ? "1 row" : `${earlier} rows`}`);
  console.error(`all rows of this migration: ${file}`);
  if (kept.length > 0) console.error(describeKept(kept));
}

interface Moved extends Pick<MigrationRequest, "name" | "from" | "to" | "direction"> {
  /** Ids of the rows that this run moved. */
  readonly affected: readonly string[];
  readonly kept: readonly JournaledRow[];
  /** All rows of the migration; null where the run did not come to its end, as for `file`. */
  readonly counts: RowCounts | null;
  readonly file: string | null;
}

function printMoved(moved: Moved, { json }: Pick<MoveOptions, "json">): void {
  console.log(json ? JSON.stringify(moved) : pythonList(moved.affected));
}

/** The seed's scripts print a Python list: numbers bare, text in quotes. */
export function pythonList(ids: readonly string[]): string {
  const quoted = (id: string) => `'${id.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  return `[${ids.map((id) => (/^-?\d+$/.test(id) ? id : quoted(id))).join(", ")}]`;
}

function describeKept(kept: readonly JournaledRow[]): string {
  const shown = kept.slice(0, 20).map(({ id, state }) => `${id} (${state})`);
  const more = kept.length > shown.length ? ` and ${kept.length - shown.length} more` : "";
  return `left as they are: ${shown.join(", ")}${more}`;
}

const unknownId = () => refuse("move.unknown-id");

/** The pair that `--id` is one half of: as given, as the journal has it, or as the zoo's versions follow each other. */
async function findPair(
  connection: MigrationConnection,
  direction: MigrationDirection,
  { id, to: other, environment }: MoveOptions,
): Promise<Pick<MigrationRequest, "name" | "from" | "to">> {
  const pairWith = (name: string, version: string) =>
    direction === "forward" ? { name, from: id, to: version } : { name, from: version, to: id };
  const journaled = await movingTarget(connection, listMigrations);
  const half = direction === "forward" ? "from" : "to";
  const otherHalf = direction === "forward" ? "to" : "from";
  const pairs = journaled.filter((each) => each[half] === id && (other === undefined || each[otherHalf] === other));
  if (other !== undefined) return pairWith(pairs[0]?.name ?? "by hand", other);
  const follows = direction === "forward" ? nextZooVersion : previousZooVersion;
  const zoo = connection.existing ? undefined : await asOperator(environment, (client) => follows(client, id));
  // Forward goes to what is current now; back goes where the apps came from.
  if (direction === "forward" && zoo) return pairWith(zoo.model, zoo.version);
  // What was moved this way already is not meant, unless nothing else is. Where that run was cut off, it was not.
  const moved = pairs.filter((each) => each.direction !== direction || each.state === "open");
  const [known, ...more] = moved.length > 0 ? moved : pairs;
  if (known && more.length > 0) {
    const each = [known, ...more].map(
      (one) => `--to ${one[otherHalf]} (migration ${one.id} of ${one.name}, from ${one.from} to ${one.to})`,
    );
    throw refuse("move.ambiguous", { id, each: each.join(", or ") });
  }
  if (known) return { name: known.name, from: known.from, to: known.to };
  if (zoo) return pairWith(zoo.model, zoo.version);
  throw unknownId();
}
