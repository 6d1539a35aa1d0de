import { planZooMigration } from "../adapters/postgres/zoo/migration/plan.ts";
import type { MigrationConnection } from "../adapters/postgres/zoo/migration/target.ts";
import { keyPath } from "../config/sentences.ts";
import { ofTarget } from "../domain/printedCommands.ts";
import type { Clause } from "../domain/refusals/clause.ts";
import { type Refusal, refusal, refused } from "../domain/refusals/refusal.ts";
import {
  describeMigrationPlan,
  type MigrationObstacle,
  type MigrationRequest,
  migrationStanding,
  obstacleClause,
} from "../domain/zoo/migration.ts";
import { mapIssues, type VersionPair } from "../domain/zoo/migrationMap.ts";
import { given } from "../environment/given.ts";
import type { PlatformPlan } from "./platform.ts";
import type { ZooModelPlan } from "./zooModel.ts";

/**
 * Adds to each model's plan what its migrations would do: rows, users, time. Read, and not done. Throws one `OperatorError` with a
 * sentence for each migration that would be refused, and for each mistake of the map as a whole.
 */
export async function withMigrations(
  zoo: ReadonlyMap<string, ZooModelPlan>,
  platform: PlatformPlan | undefined,
): Promise<Map<string, ZooModelPlan>> {
  const planned = new Map<string, ZooModelPlan>();
  const issues: Refusal[] = declaredMaps(zoo).flatMap((map) =>
    mapIssues(map).map((each) => refusal("migration.map", keyPath(["zoo"]), each)),
  );
  for (const [name, plan] of zoo) {
    const [own, target] = [await describeOwn(plan, platform), await describeTarget(plan, platform)];
    // With a table beside, the platform's own rows are told where there are any.
    const ownLines = target && own.rows === 0 ? [] : own.lines;
    planned.set(name, {
      ...plan,
      migration: plan.migration && { ...plan.migration, due: own.due, ...given({ takenBack: own.takenBack }) },
      targetApps: plan.targetApps && {
        ...plan.targetApps,
        migration: plan.targetApps.migration && {
          ...plan.targetApps.migration,
          due: target?.due,
          ...given({ resumes: target?.resumes, takenBack: target?.takenBack }),
        },
      },
      lines: [...plan.lines, ...ownLines, ...(target?.lines ?? [])],
    });
    issues.push(...own.obstacles.map((each) => aboutPair(["zoo", name], "phase", each)));
    issues.push(...(target?.obstacles ?? []).map((each) => aboutPair(["zoo", name, "apps"], undefined, each)));
  }
  if (issues.length > 0) throw refused(issues);
  return planned;
}

/** The platform's map, and that of the existing database: ids of one mean nothing in the other. */
function declaredMaps(zoo: ReadonlyMap<string, ZooModelPlan>): readonly VersionPair[][] {
  const plans = [...zoo.values()];
  return [
    plans.flatMap(({ migration }) => (migration ? [migration] : [])),
    plans.flatMap(({ name, targetApps }) => (targetApps?.migration ? [{ name, ...targetApps.pair }] : [])),
  ];
}

interface Described {
  /** Rows move with this `up`. */
  readonly due?: true | undefined;
  /** Take-back that was a false alarm, which the run says. */
  readonly resumes?: string | undefined;
  /** Nothing moves, because the guard took the content back. */
  readonly takenBack?: true | undefined;
  readonly rows: number | undefined;
  readonly lines: readonly string[];
  readonly obstacles: readonly MigrationObstacle[];
}

async function describeOwn(plan: ZooModelPlan, platform: PlatformPlan | undefined): Promise<Described> {
  const { migration } = plan;
  if (!migration || !platform) return { rows: 0, lines: [], obstacles: [] };
  if (platform.basis !== "read") return notChecked("apps that move");
  return describe({ server: platform.server }, migration, plan);
}

async function describeTarget(plan: ZooModelPlan, platform: PlatformPlan | undefined): Promise<Described | undefined> {
  const { targetApps } = plan;
  const { target } = platform ?? {};
  if (!targetApps?.migration || !target) return undefined;
  const { table } = target.connection.existing;
  if (!target.isRead) return notChecked(`apps in ${table} that move`);
  const described = await describe(target.connection, targetApps.migration, plan);
  const [first = "", ...notes] = described.lines;
  const told = (sentence: string) => ofTarget(sentence, target.stackFile);
  const guarded =
    plan.judge && target.guardRole === undefined ? [`apps in ${table} are not taken back automatically`] : [];
  return {
    ...described,
    lines: [...[`${table}: ${first}`, ...notes].map(told), ...guarded],
    obstacles: described.obstacles.map((each) => ({ ...each, problem: told(each.problem), fix: told(each.fix) })),
  };
}

function notChecked(what: string): Described {
  return { rows: undefined, lines: [`${what}: not checked`], obstacles: [] };
}

/** Whether the phase was entered before, so that this `up` moves what has come since and nothing that moved back. */
function isEntered({ rollout, state }: ZooModelPlan): boolean {
  const { phase, from } = rollout.request;
  const moves = (each: string | undefined) => (each === "bake" ? "forward" : each);
  return state.recorded?.from === from && moves(state.recorded?.phase) === moves(phase);
}

async function describe(
  connection: MigrationConnection,
  migration: MigrationRequest,
  model: ZooModelPlan,
): Promise<Described> {
  const plan = await planZooMigration(connection, migration);
  const { takenBack, resumed } = model;
  const guarded = {
    isTakenBack: takenBack !== undefined,
    // Of another database's clock nothing follows.
    resumed: resumed && { id: resumed.id, at: connection.existing ? undefined : resumed.at },
  };
  const standing = migrationStanding(plan, migration, isEntered(model), guarded);
  return {
    due: standing.runs && plan.rows > 0 ? true : undefined,
    resumes: standing.resumes,
    takenBack: guarded.isTakenBack && migration.direction === "forward" ? true : undefined,
    rows: plan.rows,
    lines: [describeMigrationPlan(plan, migration) + standing.note, ...plan.notes],
    obstacles: standing.obstacle === undefined ? plan.obstacles : [...plan.obstacles, standing.obstacle],
  };
}

/** Of the platform's pair only the old version is a key. */
function aboutPair(path: readonly string[], key: string | undefined, obstacle: MigrationObstacle): Refusal {
  const { about, problem, fix } = obstacle;
  const refuse = (at: readonly string[], clause: Clause = { problem, fix }) =>
    refusal("migration.refused", keyPath(at), clause);
  if (about === "share") return refuse([...path.slice(0, 2), about]);
  if (about === "from" || (about !== undefined && key === undefined)) return refuse([...path, about]);
  return refuse(key === undefined ? path : [...path, key], obstacleClause(obstacle));
}
