import type { RefusalTable } from "../../domain/refusals/entry.ts";
import { errorsOfTable, refusalsOfTable } from "../../domain/refusals/refusal.ts";

/** What is refused of the platform's tables: apps, keys, models, versions, deployments. */
export const postgresRefusals = {
  "key.not-found": {
    says: 'there is no key "{idOrPrefix}"',
    fix: "give an id or a prefix that `menagerie key list` shows",
    cause: "Keys are found by their id or the beginning that is shown of them.",
  },
  "key.tables-older": {
    says: "the platform's tables are older than this program, and cannot tell what a key may do",
    fix: "run `menagerie up`, which brings them up to date",
    cause: "What a key may do is asked of a function that a later `up` makes.",
  },
  "limits.tables-older": {
    says: "the platform's tables are older than this program, and have no limits",
    fix: "run `menagerie up`, which brings them up to date",
    cause: "Limits and usage are columns and tables that a later `up` makes.",
  },
  "app.name-taken": {
    says: '--name "{name}": the owner\'s organization has an app of this name',
    fix: "choose another",
    cause: "Names of apps are unique in their owner's organization.",
  },
  "app.zoo-model-unknown": {
    says: 'there is no zoo model "{zooModel}"',
    fix: "the zoo has {known}",
    cause: "An app points at a version of a zoo model that the record has.",
  },
  "app.no-current-version": {
    says: 'zoo model "{zooModel}" has no current version',
    fix: "set its phase to version or done",
    cause: "New apps point at the current version, which phases before version do not have.",
    exit: 1,
  },
  "app.not-deleted": {
    says: "app {id} is not deleted",
    fix: "`menagerie app list --deleted` shows those that are",
    cause: "Only a deleted app can be brought back.",
  },
  "app.nothing-to-point-at": {
    says: "no version of the zoo model that the app pointed at (version {proxy}) is served",
    fix: "set the model's phase to version or done",
    cause:
      "An app that is brought back points where it pointed, or at the model's current version, and neither is served.",
    exit: 1,
  },
  "app.not-found": {
    says: "there is no app {id}",
    fix: "`menagerie app list` shows them",
    cause: "No model of the platform has this id.",
  },
  "app.deleted-already": {
    says: "app {id} was deleted at {deletedAt} already",
    fix: "`menagerie app undelete {id}` brings it back",
    cause: "It was deleted before, and can be brought back.",
  },
  "app.is-development": {
    says: 'model {id}, "{name}", is a development version, not an app',
    fix: "remove it from menagerie:development, or by `menagerie dev delete` if a client pushed it",
    cause: "Apps point at a version of the zoo; a development version is a model of its own.",
  },
  "app.is-zoo": {
    says: 'model {id}, "{name}", is a zoo model, not an app',
    fix: "remove it from menagerie:zoo",
    cause: "Apps point at it.",
  },
  "app.has-versions": {
    says: 'model {id}, "{name}", has versions of its own and is not an app',
    fix: "",
    cause: "It was made by another program than `menagerie app create`.",
  },
  "deployment.under-way": {
    says: 'another `up` of environment "{environment}" is running{who}',
    fix: "wait for its end, or stop it, and run `up` again",
    cause: "Two runs at once would undo each other's changes.",
    exit: 1,
  },
  "deployment.not-recorded": {
    says: 'environment "{environment}": the record has no deployment {id}',
    fix: "run `up` again",
    cause: "The record's entry, which the run began with, is gone: the database was restored or replaced meanwhile.",
    exit: 1,
  },
  "deployment.release-taken": {
    says: 'release {tag} of environment "{environment}" was recorded after this plan was made, with other content ({changes})',
    fix: "run `up` again",
    cause: "Another run recorded the tag first.",
    exit: 1,
  },
  "version.not-development": {
    says: "model {model}: version {number} is not a development version, it was registered after this plan was made",
    fix: "run `up` again",
    cause: "Another run registered the number first.",
    exit: 1,
  },
  "identifier.wrong": {
    says: "PostgreSQL name {name} {problem}",
    fix: "{fix}",
    cause: "PostgreSQL cuts longer names off, and takes no NUL characters.",
  },
  "rights.not-applied": {
    says: 'role {role} has {what} in schema "{schema}" by a grant of somebody else than the owner',
    fix: "revoke it as the role that gave it, and run `up` again",
    cause:
      "What a role may do is what its file in src/adapters/postgres/rights says, and a grant is revoked by whoever made it.",
    exit: 1,
  },
  "schema.newer": {
    says: "the platform's tables are at {before}, which this checkout does not have",
    fix: "use the version that made them",
    cause: "A newer Menagerie has changed the tables, and this one would not understand them.",
    exit: 1,
  },
  "push.declared-by-stack": {
    says: "{name} is declared by the stack",
    fix: "run `pulumi up`, or push under another name",
    cause: "What a stack declares is built and deployed by the stack alone.",
    exit: 1,
  },
  "version.pushed-in-use": {
    says: "apps or rollouts point at version {versionId}",
    fix: "point them elsewhere first",
    cause: "Apps answer with the version that they point at.",
    exit: 1,
  },
  "database.no-connection": {
    says: "PostgreSQL at {host}:{port}, database {database}, user {user}: {problem}",
    fix: "{fix}",
    cause: "Nothing listens there, or the address, the TLS setting, the login or the database is wrong.",
    exit: 1,
  },
  "version.in-use": {
    says: "{apps}",
    fix: "move them first",
    cause: "Apps answer with the version that they point at.",
    exit: 1,
  },
  "version.rollout-under-way": {
    says: "version {number} of {model} is not removed: its rollout is in phase {phase}",
    fix: "finish or revert it first",
    cause: "The rollout may still go back to it.",
    exit: 1,
  },
  "organization.missing": {
    says: 'model {model}: there is no organization "{organization}"',
    fix: 'run `up`, whose migrations make "admin"',
    cause: "The platform's migrations make it, so this is another database, or one that was edited.",
    exit: 1,
  },
  "version.number-taken": {
    says: "model {model}: version {number} has other content (hash {held}, not {hash}), it was registered after this plan was made",
    fix: "run `up` again",
    cause: "Another run registered the number first.",
    exit: 1,
  },
  "version.content-taken": {
    says: "model {model}: this content is version {otherNumber}, not {number}, it was registered after this plan was made",
    fix: "run `up` again",
    cause: "Another run registered the content first.",
    exit: 1,
  },
  "model.not-found": {
    says: 'there is no model "{idOrName}"',
    fix: "give a name or id that `menagerie app list` shows",
    cause: "Neither a name nor an id of the platform's models.",
  },
  "model.ambiguous": {
    says: 'several models are called "{idOrName}"',
    fix: "give one of the ids {ids}",
    cause: "Organizations may have models of the same name.",
  },
  "organization.not-found": {
    says: 'there is no organization "{name}"',
    fix: "use one of {known}",
    cause: "The platform has no organization of that name.",
  },
  "schema.broken": {
    says: "database {platformDatabase} at {host}:{port}: {reason}, which the platform's migrations made",
    fix: "restore the database from a backup",
    cause: "A table, column or right that the platform's migrations made is missing.",
    exit: 1,
  },
  "predictions.old-tables": {
    says: "the prediction tables in schema {schema} are those of an earlier release",
    fix: "run `up`, which adds the columns that came since",
    cause: "Recorders store more about an answer than they did, and comparison and replay read it.",
    exit: 1,
  },
  "predictions.no-tables": {
    says: "the database has no prediction tables in schema {schema} or {schemaB}",
    fix: "run `up`, which makes them",
    cause: "The tables are made by the `up` that declares the shadow deployment.",
    exit: 1,
  },
  "predictions.no-side": {
    says: "the database has no prediction tables in schema {schema}",
    fix: "run `up`, which makes them",
    cause: "The tables are made by the `up` that declares the shadow deployment.",
    exit: 1,
  },
  "release.never-complete": {
    says: 'release "{tag}": environment "{environment}" never reached it completely',
    fix: "choose another",
    cause: "Only what a deployment came to completely can be restored.",
  },
  "release.never-deployed": {
    says: 'release "{tag}": environment "{environment}" never had it',
    fix: "{choice}",
    cause: "The record has no deployment with this tag.",
  },
  "deployment.not-found": {
    says: 'deployment {id}: environment "{environment}" has none',
    fix: "`menagerie releases` lists them",
    cause: "Deployments are numbered by the record.",
  },
  "deployment.not-complete": {
    says: "deployment {id} never reached {tag} completely ({reason})",
    fix: "choose another",
    cause: "Only what a deployment came to completely can be restored.",
  },
  "database.url-wrong": {
    says: "{variable} {reason}",
    fix: "use postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full",
    cause: "The address is a URL as libpq has it, with the mode of TLS said.",
  },
  "patch.chain-broken": {
    says: "model version {versionId}: its head is not its last patch",
    fix: "deploy it in full",
    cause: "The stored patches do not lead to the stored head: rows were edited by hand.",
    exit: 1,
  },
  "patch.nothing-to-patch": {
    says: "model version {versionId} was never deployed in full, so there is nothing to patch",
    fix: "deploy it in full",
    cause: "A patch is relative to the content of a full deployment.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(postgresRefusals);

export const refusal = refusalsOfTable(postgresRefusals);
