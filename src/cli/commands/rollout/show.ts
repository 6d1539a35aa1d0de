import { Option } from "commander";
import { readVerdicts } from "../../../adapters/postgres/judgement/readVerdicts.ts";
import { inTransaction } from "../../../adapters/postgres/transaction.ts";
import { readNamedApps, readNamedRows } from "../../../adapters/postgres/zoo/namedApps.ts";
import { readZooRegistry } from "../../../adapters/postgres/zoo/registry.ts";
import { zooKey } from "../../../config/leave.ts";
import { leaveIssues, leaveWarnings } from "../../../domain/zoo/leave.ts";
import {
  describeShownStanding,
  notableOf,
  type ShownStanding,
  shownStandings,
} from "../../../domain/zoo/shownStanding.ts";
import { type Standing, standings } from "../../../domain/zoo/standing.ts";
import { withTargetApps } from "../../../domain/zoo/targetApps.ts";
import { asOperator, operatorServer } from "../../operatorDatabase.ts";
import { environmentSuffix } from "../../options.ts";
import { columns } from "../../table.ts";
import {
  type DeclaredTarget,
  declaredLeave,
  declaredTarget,
  type TargetOptions,
  targetCounts,
} from "./declaredTarget.ts";
import { migrationsOf, readMigrations } from "./journaled.ts";
import { refuse } from "./refusals.ts";

export interface ShowOptions extends TargetOptions {
  readonly json: boolean;
}

/** `--stack`, on commands that tell apps of an existing database. */
export function targetStackOption(): Option {
  return new Option(
    "-s, --stack <name>",
    "stack whose file names the table of apps (menagerie:migrationTarget); needed with MENAGERIE_DATABASE_URL",
  );
}

/** Where models stand, with the apps of an existing database counted to the platform's own. */
export interface ReadStandings {
  readonly standings: readonly Standing[];
  /** Ids that the stack's file leaves where they are, of the platform's own apps, by name of the model. */
  readonly leave: ReadonlyMap<string, readonly string[]>;
  readonly target: DeclaredTarget | undefined;
  /** Why apps of the existing database are not counted; null where they are, or where there is none. */
  readonly notCounted: string | null;
}

/** Where models stand: all of them, or the one called `name`. Throws an `OperatorError` for one that is not known. */
export async function readStandings(options: TargetOptions, name: string | undefined): Promise<ReadStandings> {
  const { environment } = options;
  const leave = await declaredLeave(options);
  const left = [...leave.values()].flat();
  const own = await asOperator(environment, (client) =>
    inTransaction(client, () => readZooRegistry(client, name === undefined ? [] : [name], left), { readOnly: true }),
  );
  const target = await declaredTarget(options);
  const { counts, notCounted } = target ? await targetCounts(target) : { counts: [], notCounted: null };
  const registry = withTargetApps(own, counts);
  const all = standings(registry);
  const chosen = name === undefined ? all : all.filter((each) => each.name === name);
  if (name !== undefined && chosen.length === 0) {
    const known = all.map((each) => each.name).join(", ") || "none yet";
    throw refuse("rollout.model-unknown", { name, known });
  }
  return { standings: chosen, leave, target, notCounted };
}

/** What the stack's `leave` names in vain, a sentence each; nothing where the databases cannot be asked. */
async function leaveNotes({ standings: read, leave, target }: ReadStandings, environment: string): Promise<string[]> {
  const notes: string[] = [];
  for (const { name: model, phase, from } of read) {
    const pair = target?.pairs.get(model);
    const ids = pair?.leave ?? leave.get(model) ?? [];
    if (ids.length === 0 || !from) continue;
    const table = pair && target?.table;
    const request = { model, phase, from: pair?.from ?? from.id, leave: ids, table };
    const apps = await (pair
      ? target?.connection && readNamedRows(target.connection, pair, ids).catch(() => undefined)
      : readNamedApps(await operatorServer(environment), ids).catch(() => undefined));
    const warnings = [...leaveIssues(request, zooKey), ...(apps ? leaveWarnings(request, apps, zooKey) : [])];
    notes.push(...warnings.map(({ message }) => message));
  }
  return notes;
}

/** `menagerie rollout [name]` */
export async function showRollouts(name: string | undefined, options: ShowOptions): Promise<void> {
  const { environment, json } = options;
  const migrations = await readMigrations(environment);
  const shown = await readStandings(options, name);
  const { standings: read, target, notCounted } = shown;
  const judged = await asOperator(environment, (client) => readVerdicts(client, name === undefined ? "every" : [name]));
  const notes = [...(notCounted === null ? [] : [notCounted]), ...(await leaveNotes(shown, environment))];
  for (const note of notes) console.error(`note: ${note}`);
  const targetMigrations = target?.connection ? await migrationsOf(target.connection).catch(() => []) : [];
  const found = shownStandings(read, judged, migrations).map((standing): ShownStanding => {
    const pair = target?.pairs.get(standing.name);
    if (!pair || !target) return standing;
    const migration = targetMigrations.find(({ from, to }) => from === pair.from && to === pair.to) ?? null;
    const revert = standing.revert && `menagerie rollout revert --target ${target.file} --id ${pair.to}`;
    return { ...standing, target: { table: target.table, from: pair.from, to: pair.to, migration, revert } };
  });
  if (json) return console.log(JSON.stringify(found, null, 2));
  const now = new Date();
  const where = { suffix: environmentSuffix(environment), targetFile: target?.file };
  if (name !== undefined)
    return console.log(found.flatMap((each) => describeShownStanding(each, where, now)).join("\n"));
  const rows = found.map((each) => [
    each.name,
    each.phase,
    each.since.toISOString(),
    each.from ? `${version(each.from)} → ${each.to ? version(each.to) : "copy"}` : "",
    `${notableOf(each, now) && `${notableOf(each, now)}; `}${each.migration?.held ? `held, migration ${each.migration.id}; ` : ""}set ${each.next.set.join(", ")}`,
  ]);
  console.log(columns([["MODEL", "PHASE", "SINCE", "ROLLOUT", "NEXT"], ...rows]));
}

const version = ({ number, id }: { readonly number: number; readonly id: string }): string => `v${number} (${id})`;
