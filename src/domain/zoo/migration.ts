import { type Clause, sentenceOf } from "../refusals/clause.ts";

/** Which way apps are moved: to the new version, or back to the old one. */
export type MigrationDirection = "forward" | "reverted";

/**
 * What a revert moves: `journaled`, the rows that forward moved and that still hold its value; `all`, every row that points
 * at the new version, also those that were made on it.
 */
export type RevertScope = "journaled" | "all";

/** One pair of the map of old to new versions, and what is wanted of it. */
export interface MigrationRequest {
  /** Name of the rollout, such as the zoo model's; it also chooses the cohorts of {@link share}. */
  readonly name: string;
  /** Id of the old version. */
  readonly from: string;
  /** Id of the new version. */
  readonly to: string;
  readonly direction: MigrationDirection;
  /** @default "journaled" */
  readonly revert?: RevertScope | undefined;
  /**
   * Organizations whose apps are moved forward, in percent; above 0, at most 100. A larger share holds all organizations
   * of a smaller one. A share that becomes smaller moves nobody back.
   * @default 100
   */
  readonly share?: number | undefined;
  /**
   * Records what is wanted and moves nothing.
   * @default false
   */
  readonly paused?: boolean | undefined;
  /**
   * Rows per second at most.
   * @default as fast as short transactions go
   */
  readonly rowsPerSecond?: number | undefined;
  /**
   * Take-back that was a false alarm, and keeps apps of an existing database from going forward: from this run on it does not.
   * @default none
   */
  readonly resumes?: string | undefined;
  /**
   * Generation of the rollout's traffic that it was planned from: none of the platform's apps moves forward once a guard has changed it.
   * @default whatever it is
   */
  readonly expected?: number | undefined;
}

/** A request with what its plan found. */
export interface PlannedRequest extends MigrationRequest {
  /** Rows move, so a run is wanted whether the request changed or not. */
  readonly due?: true | undefined;
  /** The guard took the content back: nothing moves. @default false */
  readonly takenBack?: true | undefined;
}

/**
 * Where the journal says a row is: `forward`, moved to the new version; `reverted`, moved back; `swept`, moved by a revert of
 * all though forward never touched it. A revert left the others as their users had them: `changed` rows point elsewhere by
 * now, `deleted` ones are gone. Rows that could not be changed are `skipped` where the operator says so.
 */
export const rowStates = ["forward", "reverted", "swept", "changed", "deleted", "skipped"] as const;
export type RowState = (typeof rowStates)[number];

/** Rows of one migration by what the journal says of them. */
export type RowCounts = Readonly<Record<RowState, number>>;

/** Of a migration that has not moved anything. */
export const noRows: RowCounts = { forward: 0, reverted: 0, swept: 0, changed: 0, deleted: 0, skipped: 0 };

/** What the journal says of a migration that is planned. */
export interface JournaledPlan {
  /** For `menagerie rollout pause --id`. */
  readonly id: string;
  /** Which way its rows were last moved, by `up` or by hand. */
  readonly direction: MigrationDirection;
  /** Percent of the organizations whose apps were moved forward. */
  readonly share: number;
  /** Whether `menagerie rollout pause` holds it. */
  readonly held: boolean;
}

/** The same, as plans need it. */
export interface PlannedJournal extends JournaledPlan {
  /** When somebody last changed what is wanted of it, or a run of it ended. */
  readonly changedAt: Date;
  /** Take-back of the platform's database that keeps it from going forward; undefined where none does, and for the platform's own apps. */
  readonly takeBack?: string | undefined;
}

/** A take-back that an operator called a false alarm. */
export interface ResumedTakeBack {
  readonly id: string;
  /** By the clock of the platform's database; undefined where the migration is of another one, which knows the id. */
  readonly at: Date | undefined;
}

/** What a guard did about the content of a rollout. */
export interface GuardedContent {
  /** Nothing of it goes forward. */
  readonly isTakenBack: boolean;
  /** Its last take-back, where an operator called that a false alarm. */
  readonly resumed?: ResumedTakeBack | undefined;
}

/** Why a migration cannot be. */
export interface MigrationObstacle extends Clause {
  /** The part of the request that is at fault. @default none alone */
  readonly about?: "from" | "to" | "share";
}

/** An obstacle with its part of the request in its words, such as `to: there is no version 7 in …`. */
export function obstacleClause({ about, problem, fix }: MigrationObstacle): Clause {
  return { problem: about === undefined ? problem : `${about}: ${problem}`, fix };
}

/** What a preview says of a migration. */
export interface ZooMigrationPlan {
  /** The migration as the journal has it; undefined where none began. */
  readonly journaled: PlannedJournal | undefined;
  /** Rows that would be moved. */
  readonly rows: number;
  /** Their users; null where the tables don't tell. */
  readonly users: number | null;
  readonly estimatedSeconds: number;
  /** Why it would be refused. */
  readonly obstacles: readonly MigrationObstacle[];
  /** What to know before it runs, a sentence each, such as a missing index with the command that makes it. */
  readonly notes: readonly string[];
}

/** A plan as JSON tells it: its obstacles are sentences there. */
export function printedPlan({ obstacles, journaled, ...plan }: ZooMigrationPlan) {
  const refusals = obstacles.map((each) => sentenceOf(obstacleClause(each)));
  return { ...plan, journaled: journaled && inJournal(journaled), refusals };
}

function inJournal({ id, direction, share, held }: PlannedJournal): JournaledPlan {
  return { id, direction, share, held };
}

/** The plan in a few words, such as `12 rows of 9 users move from 4 to 7, about 1 s`. */
export function describeMigrationPlan(
  plan: Pick<ZooMigrationPlan, "rows" | "users" | "estimatedSeconds">,
  { from, to, direction }: MigrationRequest,
): string {
  const way = direction === "forward" ? `from ${from} to ${to}` : `back from ${to} to ${from}`;
  if (plan.rows === 0) return `no row moves ${way}`;
  const rows = plan.rows === 1 ? "1 row" : `${plan.rows} rows`;
  const users = plan.users === null ? "" : ` of ${plan.users === 1 ? "1 user" : `${plan.users} users`}`;
  return `${rows}${users} ${plan.rows === 1 ? "moves" : "move"} ${way}, about ${seconds(plan.estimatedSeconds)}`;
}

/** What an `up` does with a planned migration. */
export interface MigrationStanding {
  /** Whether rows move. */
  readonly runs: boolean;
  /** The rest of the plan's sentence: what holds it, and how much of it moves. */
  readonly note: string;
  /** Why the `up` would fail. */
  readonly obstacle: MigrationObstacle | undefined;
  /** Take-back that was a false alarm, and keeps the migration from going forward until a run says so. @default none */
  readonly resumes?: string | undefined;
}

/**
 * What an `up` does with a planned migration. In a phase that was entered before, rows that have come since move; rows that
 * were moved the other way meanwhile, by hand or by a guard, stay where that put them.
 *
 * @param entered - whether an earlier `up` recorded the same phase
 * @param guarded - what a guard did about the content: after a false alarm, what it moved back goes forward again
 */
export function migrationStanding(
  { rows, journaled }: Pick<ZooMigrationPlan, "rows" | "journaled">,
  { direction, share = 100, paused, from, to }: MigrationRequest,
  entered: boolean,
  { isTakenBack, resumed }: GuardedContent = { isTakenBack: false },
): MigrationStanding {
  const cohort =
    direction === "forward" && share < 100
      ? `, ${share} % of the organizations${journaled && journaled.share > share ? ` (${journaled.share} % had moved)` : ""}`
      : "";
  const stays = (why: string) => ({ runs: false, note: `${cohort}, ${why}`, obstacle: undefined });
  const nothing = rows === 0;
  if (isTakenBack && direction === "forward") {
    const isMore = journaled !== undefined && share > journaled.share;
    const obstacle = {
      about: "share" as const,
      problem: "is raised, and the content is taken back",
      fix: `use ${journaled?.share}`,
    };
    return { ...stays("taken back: nothing moves"), obstacle: isMore ? obstacle : undefined };
  }
  if (paused) return stays("paused: nothing moves now");
  if (resumed && journaled && direction === "forward") {
    const on = { runs: true, note: cohort, obstacle: undefined };
    if (journaled.takeBack === resumed.id) return { ...on, resumes: resumed.id };
    // Nobody has moved anything since the guard did.
    if (resumed.at !== undefined && journaled.changedAt <= resumed.at) return on;
  }
  if (entered && journaled && journaled.direction !== direction && !nothing) {
    const command = direction === "forward" ? `forward --id ${from} --to ${to}` : `revert --id ${to} --to ${from}`;
    const moved = direction === "forward" ? "back" : "forward";
    return stays(`but moved ${moved} by hand since, so they stay; move them by \`menagerie rollout ${command}\``);
  }
  if (!journaled?.held) return { runs: true, note: cohort, obstacle: undefined };
  const held = `held by hand as migration ${journaled.id}: nothing moves until \`menagerie rollout resume --id ${journaled.id}\``;
  // A phase that is entered now would be recorded, and its apps not moved.
  return nothing || entered ? stays(held) : { ...stays(held), obstacle: { problem: held, fix: "" } };
}

/** A time as people say it: `40 s`, `3 min`, `2.5 h`. */
export function seconds(time: number): string {
  if (time < 120) return `${Math.ceil(time)} s`;
  return time < 7_200 ? `${Math.ceil(time / 60)} min` : `${(time / 3_600).toFixed(1)} h`;
}

/** What is wrong with a request by itself. */
export function requestIssues({ from, to, share, rowsPerSecond }: MigrationRequest): Clause[] {
  const issues: Clause[] = [];
  if (from === to) issues.push({ problem: `old and new version are both ${from}`, fix: "name two different ones" });
  if (share !== undefined && !(share > 0 && share <= 100)) {
    issues.push({ problem: `share ${share} is not a percentage`, fix: "use more than 0 and at most 100" });
  }
  if (rowsPerSecond !== undefined && !(Number.isInteger(rowsPerSecond) && rowsPerSecond >= 1)) {
    issues.push({ problem: `rowsPerSecond ${rowsPerSecond} is no rate`, fix: "use a whole number from 1" });
  }
  return issues;
}
