import type { RefusalTable } from "../../../domain/refusals/entry.ts";
import { errorsOfTable } from "../../../domain/refusals/refusal.ts";

/** What is refused of apps that are moved between versions. */
export const zooRefusals = {
  "migration.statement-failed": {
    says: "{what}: {answered}",
    fix: "{advice}",
    cause: "PostgreSQL refused a statement of the migration; batches before it are done, and the journal has them.",
    exit: 1,
  },
  "migration.table": {
    says: "{problem}",
    fix: "{fix}",
    cause: "The table is not as menagerie:migrationTarget says, or the login may not use it.",
  },
  "migration.request": {
    says: "migration {name}: {problem}",
    fix: "{fix}",
    cause: "A migration moves apps from one version to another, in one direction.",
  },
  "migration.id-type": {
    says: 'migration {name}: "{given}" is not an id of type {idType}',
    fix: "give one of the table's ids",
    cause: "The ids are those of the table's id column.",
  },
  "migration.row-refused": {
    says: "migration {name}: {which} cannot be moved: {why}, after {moved} rows",
    fix: "correct {them} and run the same again, or go on without {them}: `menagerie rollout {command} --skip-failing`",
    cause: "A constraint or trigger of the table refuses these rows; all others are moved or wait.",
    exit: 1,
  },
  "migration.held": {
    says: "migration {name} is held by hand after {moved} rows",
    fix: "`menagerie rollout resume --id {id}`, then run the same again",
    cause: "Somebody held the migration by `menagerie rollout pause`, and it waits where it is.",
    exit: 1,
  },
  "migration.turned-round": {
    says: "migration {name}: another run turned it round after {moved} rows",
    fix: "see `menagerie rollout` before you run it again",
    cause: "Somebody reverted what was moved forward, or the other way, while this ran.",
    exit: 1,
  },
  "migration.taken-back": {
    says: "migration {name}: {state}, so no app moves forward",
    fix: "set phase: reverted, or a new content; after a false alarm, `menagerie rollout resume <model> --because TEXT`",
    cause: "The guard took the rollout back, or holds it, since this `up` was planned.",
    exit: 1,
  },
  "migration.guard-unknown": {
    says: 'the database of apps has no login "{role}" for the guard',
    fix: "make it there by CREATE ROLE, or correct menagerie:migrationTarget.guardUrl",
    cause: "`up` lets the guard's login use one function there, and makes no logins in a database of others.",
  },
  "migration.guard-grants": {
    says: "the migrations' login may not let {role} use {signature}",
    fix: "run ALTER SCHEMA {schema} OWNER TO that login, or GRANT USAGE ON SCHEMA {schema} TO {role}",
    cause: "The schema of the journal belongs to another role, which alone may grant it.",
  },
  "resume.not-taken-back": {
    says: "{model}: no rollout of it is taken back or held",
    fix: "`menagerie rollout {model}` shows where it stands",
    cause: "A resume is about a rollout that the guard took back, or holds.",
  },
  "resume.under-way": {
    says: "{model}: the guard is still taking it back",
    fix: "run the same again once `menagerie rollout {model}` shows that it is done",
    cause: "A take-back that has begun is finished, so that no app is left in between.",
    exit: 1,
  },
  "traffic.taken-back": {
    says: "{model}: {state}, so its weight is not raised",
    fix: "set phase: reverted, or a new content; after a false alarm, `menagerie rollout resume {model} --because TEXT`",
    cause: "The guard took the rollout back, or holds it, since this was planned.",
    exit: 1,
  },
  "migration.goal-gone": {
    says: "migration {name}: version {version} {is} in {table}, so no row was pointed at it after {moved} rows",
    fix: "correct the id",
    cause: "The version was removed, or is not served any more, since the migration began.",
    exit: 1,
  },
  "migration.locked": {
    says: "migration {name}: rows of {table} stay locked by another session ({reason}) after {moved} rows",
    fix: "end that session's transaction, and {again}",
    cause: "Another session holds rows of the table in a transaction that does not end.",
    exit: 1,
  },
  "migration.connection-lost": {
    says: "migration {name}: the connection was lost after {moved} rows ({reason})",
    fix: "{again}",
    cause: "The server was restarted, or something between closed the connection; batches before it are done.",
    exit: 1,
  },
  "trial.points-elsewhere": {
    says: "version {rowId} does not point at {from} any more and stays where it points",
    fix: "see `menagerie app list`",
    cause: "Somebody moved the app since the trial began.",
    exit: 1,
  },
  "traffic.stale": {
    says: "{model}: its traffic changed since this run read it: {now}",
    fix: "see `menagerie rollout {model}`, and run `up` again",
    cause: "An earlier plan of a weight must not undo what another run or the guard has done since.",
    exit: 1,
  },
  "traffic.no-rollout": {
    says: "{model}: no rollout is under way whose new version could get a share of the requests",
    fix: "see `menagerie rollout {model}`",
    cause: "A weight divides requests between the two versions of one rollout, from `copy` to `bake`.",
    exit: 1,
  },
  "pointing.no-version": {
    says: "version {goal} is not a version of a zoo model",
    fix: "`menagerie rollout` shows them",
    cause: "Apps point at versions of zoo models.",
  },
  "pointing.not-served": {
    says: "{problem}",
    fix: "{fix}",
    cause: "Apps that point at a version that is not served get no answer.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(zooRefusals);
