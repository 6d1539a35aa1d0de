import { describeVerdict } from "../judgement/description.ts";
import type { RolloutVerdict } from "../judgement/rolloutVerdict.ts";
import type { JournaledPlan } from "./migration.ts";
import { duration } from "./phases.ts";
import type { Standing } from "./standing.ts";
import { afterTakeBack, describeTakeBack } from "./takeBack.ts";
import { describeSticky } from "./traffic.ts";

/** A migration as the journal has it, with its pair. */
export interface ShownMigration extends JournaledPlan {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** Where a model stands, as `menagerie rollout` and the console show it. */
export interface ShownStanding extends Standing {
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

/** Where commands of the sentences work. */
export interface ShownWhere {
  /** Such as ` -e second`; empty for the default environment. */
  readonly suffix: string;
  /** File that names the table of apps, where it is not the platform's. */
  readonly targetFile?: string | undefined;
}

/** The platform's own part of what is shown. */
export function shownStandings(
  standings: readonly Standing[],
  judged: ReadonlyMap<string, RolloutVerdict>,
  migrations: readonly ShownMigration[],
): ShownStanding[] {
  return standings.map((standing) => ({
    ...standing,
    judgement: judged.get(standing.name) ?? null,
    migration: migrations.find(({ from, to }) => from === standing.from?.id && to === standing.to?.id) ?? null,
    target: null,
  }));
}

/** What is notable of it in a word or two, such as `judged bad`; empty where nothing is. */
export function notableOf({ takenBack, judgement }: ShownStanding, now: Date): string {
  if (takenBack) return describeTakeBack(takenBack, now);
  if (judgement?.verdict.decision === "bad") return "judged bad";
  return judgement?.bothFail ? "both versions fail" : "";
}

/** Lines of `menagerie rollout <model>`. */
export function describeShownStanding(standing: ShownStanding, where: ShownWhere, now: Date): string[] {
  const { name, phase, since, versions, traffic, copyApps, bakeSecondsLeft, evidence, next, revert, target } = standing;
  const key = (set: string) => `menagerie:zoo.${name}.${set}`;
  const own = { suffix: where.suffix };
  return [
    `${name}: ${phase} since ${since.toISOString()}`,
    ...(standing.takenBack ? takenBackLines(name, standing.takenBack, now) : []),
    ...versions.map(({ id, number, hash, isCurrent, apps }) => {
      const marks = [isCurrent ? "new apps use it" : "", apps > 0 ? `${apps === 1 ? "1 app" : `${apps} apps`}` : ""];
      return `  version ${number}  id ${id}  ${hash.slice(0, 12)}  ${marks.filter(Boolean).join(", ")}`.trimEnd();
    }),
    ...(traffic ? [describeSplit(standing, traffic)] : []),
    ...(copyApps > 0 ? [`  ${name}_copy: ${copyApps === 1 ? "1 app tries" : `${copyApps} apps try`} it`] : []),
    ...evidence.map(
      ({ kind, passed, at, evidenceHash }) =>
        `evidence: ${kind} ${passed ? "passed" : "failed"} at ${at.toISOString()} (${evidenceHash.slice(0, 12)})`,
    ),
    ...(bakeSecondsLeft === null
      ? []
      : [`bake: ${bakeSecondsLeft > 0 ? `${duration(bakeSecondsLeft)} left` : "over"}`]),
    ...(standing.judgement ? describeVerdict(standing.judgement) : []),
    ...(standing.migration ? [describeMigration(standing.migration, own)] : []),
    ...(target?.migration ? [`${target.table}: ${describeMigration(target.migration, where)}`] : []),
    `next: set ${next.set.map(key).join(" and ")}, and run \`up\``,
    ...(next.refused === null ? [] : [`  refused as of now: ${next.refused}`]),
    ...(revert
      ? [`back: set ${key(revert.set)}${revert.command ? `; by hand: ${revert.command}${where.suffix}` : ""}`]
      : []),
    ...(target?.revert
      ? [`  apps in ${target.table} by hand: ${target.revert}, with MENAGERIE_MIGRATION_DATABASE_URL set`]
      : []),
  ];
}

/** Such as `migration 7: forward, 20 % of the organizations, held; let it go on by menagerie rollout resume --id 7`. */
export function describeMigration(
  { id, direction, share, held }: JournaledPlan,
  { suffix, targetFile }: ShownWhere,
): string {
  const cohort = direction === "forward" && share < 100 ? `, ${share} % of the organizations` : "";
  const option = `${suffix}${targetFile === undefined ? "" : ` --target ${targetFile}`}`;
  const hold = held
    ? `, held by hand: nothing moves until \`menagerie rollout resume --id ${id}${option}\``
    : `; hold it by \`menagerie rollout pause --id ${id}${option}\``;
  return `migration ${id}: ${direction}${cohort}${hold}`;
}

/** The requests to the model itself, beside what apps there are on each version. */
export function describeSplit(
  { from, to, migration }: Pick<ShownStanding, "from" | "to" | "migration">,
  { weight, control, sticky }: NonNullable<Standing["traffic"]>,
): string {
  const answered = `traffic: version ${to?.number ?? "?"} answers ${weight} % of the requests to the model itself`;
  const copied =
    control > 0 ? `, ${control} % are copied to ${weight >= 100 ? `version ${from?.number}` : "the other"}` : "";
  const share = migration ? `; share: ${migration.share} % of the organizations' apps` : "";
  return `${answered}${describeSticky({ weight, sticky })}${copied}${share}`;
}

function takenBackLines(name: string, taken: NonNullable<Standing["takenBack"]>, now: Date): string[] {
  return [
    `${describeTakeBack(taken, now)}; ${afterTakeBack(taken)}`,
    `  verdict ${taken.cause}: ${taken.reason}`,
    `  after a false alarm: menagerie rollout resume ${name} --because TEXT`,
  ];
}
