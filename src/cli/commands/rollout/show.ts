import { Option } from "commander";
import { type RolloutVerdict, readVerdicts } from "../../../adapters/postgres/judgement/readVerdicts.ts";
import { inTransaction } from "../../../adapters/postgres/transaction.ts";
import { readNamedApps, readNamedRows } from "../../../adapters/postgres/zoo/namedApps.ts";
import { readZooRegistry } from "../../../adapters/postgres/zoo/registry.ts";
import { zooKey } from "../../../config/leave.ts";
import { describeVerdict } from "../../../domain/judgement/description.ts";
import { leaveIssues, leaveWarnings } from "../../../domain/zoo/leave.ts";
import { duration } from "../../../domain/zoo/phases.ts";
import { type Standing, standings } from "../../../domain/zoo/standing.ts";
import { afterTakeBack, describeTakeBack } from "../../../domain/zoo/takeBack.ts";
import { withTargetApps } from "../../../domain/zoo/targetApps.ts";
import { describeSticky } from "../../../domain/zoo/traffic.ts";
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
import { describeMigration, migrationsOf, readMigrations, type ShownMigration } from "./journaled.ts";
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
  const found = read.map((standing): ShownStanding => {
    const pair = target?.pairs.get(standing.name);
    return {
      ...standing,
      judgement: judged.get(standing.name) ?? null,
      migration: migrations.find(({ from, to }) => from === standing.from?.id && to === standing.to?.id) ?? null,
      target:
        pair && target
          ? {
              table: target.table,
              from: pair.from,
              to: pair.to,
              migration: targetMigrations.find(({ from, to }) => from === pair.from && to === pair.to) ?? null,
              revert: standing.revert && `menagerie rollout revert --target ${target.file} --id ${pair.to}`,
            }
          : null,
    };
  });
  if (json) return console.log(JSON.stringify(found, null, 2));
  if (name !== undefined) return console.log(found.map((each) => describe(each, environment, target?.file)).join("\n"));
  const rows = found.map((each) => [
    each.name,
    each.phase,
    each.since.toISOString(),
    each.from ? `${version(each.from)} → ${each.to ? version(each.to) : "copy"}` : "",
    `${standingOf(each)}${each.migration?.held ? `held, migration ${each.migration.id}; ` : ""}set ${each.next.set.join(", ")}`,
  ]);
  console.log(columns([["MODEL", "PHASE", "SINCE", "ROLLOUT", "NEXT"], ...rows]));
}

/** What a list of rollouts says first. */
function standingOf({ takenBack, judgement }: ShownStanding): string {
  if (takenBack) return `${describeTakeBack(takenBack, new Date())}; `;
  return judgement?.verdict.decision === "bad" ? "judged bad; " : "";
}

interface ShownStanding extends Standing {
  /** What its judge says; null where nobody judges, or has yet. */
  readonly judgement: RolloutVerdict | null;
  readonly migration: ShownMigration | null;
  /** The rollout in the table of `menagerie:migrationTarget`; null where it has no part in it. */
  readonly target: {
    readonly table: string;
    readonly from: string;
    readonly to: string;
    readonly migration: ShownMigration | null;
    /** Moves its apps back, with MENAGERIE_MIGRATION_DATABASE_URL; null in phases that moved nobody. */
    readonly revert: string | null;
  } | null;
}

function describe(standing: ShownStanding, environment: string, targetFile: string | undefined): string {
  const option = environmentSuffix(environment);
  const { name, phase, since, versions, traffic, copyApps, bakeSecondsLeft, evidence, next, revert, target } = standing;
  const key = (set: string) => `menagerie:zoo.${name}.${set}`;
  return [
    `${name}: ${phase} since ${since.toISOString()}`,
    ...(standing.takenBack ? takenBackLines(name, standing.takenBack) : []),
    ...versions.map(({ id, number, hash, isCurrent, apps }) => {
      const marks = [isCurrent ? "new apps use it" : "", apps > 0 ? `${apps === 1 ? "1 app" : `${apps} apps`}` : ""];
      return `  version ${number}  id ${id}  ${hash.slice(0, 12)}  ${marks.filter(Boolean).join(", ")}`.trimEnd();
    }),
    ...(traffic ? [describeTraffic(standing, traffic)] : []),
    ...(copyApps > 0 ? [`  ${name}_copy: ${copyApps === 1 ? "1 app tries" : `${copyApps} apps try`} it`] : []),
    ...evidence.map(
      ({ kind, passed, at, evidenceHash }) =>
        `evidence: ${kind} ${passed ? "passed" : "failed"} at ${at.toISOString()} (${evidenceHash.slice(0, 12)})`,
    ),
    ...(bakeSecondsLeft === null
      ? []
      : [`bake: ${bakeSecondsLeft > 0 ? `${duration(bakeSecondsLeft)} left` : "over"}`]),
    ...(standing.judgement ? describeVerdict(standing.judgement) : []),
    ...(standing.migration ? [describeMigration(standing.migration, environment)] : []),
    ...(target?.migration ? [`${target.table}: ${describeMigration(target.migration, environment, targetFile)}`] : []),
    `next: set ${next.set.map(key).join(" and ")}, and run \`up\``,
    ...(next.refused === null ? [] : [`  refused as of now: ${next.refused}`]),
    ...(revert ? [`back: set ${key(revert.set)}${revert.command ? `; by hand: ${revert.command}${option}` : ""}`] : []),
    ...(target?.revert
      ? [`  apps in ${target.table} by hand: ${target.revert}, with MENAGERIE_MIGRATION_DATABASE_URL set`]
      : []),
  ].join("\n");
}

/** The requests to the model itself, beside what apps there are on each version. */
function describeTraffic(
  { from, to, migration }: Pick<ShownStanding, "from" | "to" | "migration">,
  { weight, control, sticky }: NonNullable<Standing["traffic"]>,
): string {
  const answered = `traffic: version ${to?.number ?? "?"} answers ${weight} % of the requests to the model itself`;
  const copied =
    control > 0 ? `, ${control} % are copied to ${weight >= 100 ? `version ${from?.number}` : "the other"}` : "";
  const share = migration ? `; share: ${migration.share} % of the organizations' apps` : "";
  return `${answered}${describeSticky({ weight, sticky })}${copied}${share}`;
}

function takenBackLines(name: string, taken: NonNullable<Standing["takenBack"]>): string[] {
  return [
    `${describeTakeBack(taken, new Date())}; ${afterTakeBack(taken)}`,
    `  verdict ${taken.cause}: ${taken.reason}`,
    `  after a false alarm: menagerie rollout resume ${name} --because TEXT`,
  ];
}

const version = ({ number, id }: { readonly number: number; readonly id: string }): string => `v${number} (${id})`;
