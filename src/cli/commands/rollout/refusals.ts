import type { RefusalTable } from "../../../domain/refusals/entry.ts";
import { errorsOfTable, refusalsOfTable } from "../../../domain/refusals/refusal.ts";

/** What `menagerie rollout` and its subcommands refuse. */
export const rolloutRefusals = {
  "target.url-not-set": {
    says: "--target needs {variable}",
    fix: "set it to the URL of the database that has the table",
    cause: "The address of the database with the table of apps is a secret, so it is not an argument.",
  },
  "target.file-unreadable": {
    says: '--target "{file}" cannot be read ({reason})',
    fix: "give a YAML file that describes the table",
    cause: "The file of --target describes the table of apps.",
  },
  "target.file-wrong": {
    says: '--target "{file}": {problem}',
    fix: "write it as docs/migrations.md shows",
    cause: "The file has the keys of menagerie:migrationTarget.",
  },
  "target.declared-wrong": {
    says: "{file}: menagerie:migrationTarget is wrong",
    fix: "run `menagerie validate -s {chosen}`",
    cause: "The table of apps is described in the stack's file, and that part of it is refused.",
  },
  "migration.unknown": {
    says: '--id "{id}": there is no such migration',
    fix: "`menagerie rollout` shows the ids",
    cause: "Held migrations are named by the id that the run printed when it was held.",
  },
  "resume.what": {
    says: "resume needs a model or --id, and not both",
    fix: "`menagerie rollout resume <model> --because TEXT` after a take-back, `menagerie rollout resume --id <id>` for a migration that is held",
    cause: "A rollout that the guard took back and a migration that somebody held are resumed apart.",
  },
  "resume.because-missing": {
    says: "--because is missing",
    fix: "`menagerie rollout resume {model} --because TEXT`, with what showed that it was a false alarm",
    cause: "Who goes on with a version that was judged bad says why; the audit keeps it.",
  },
  "move.refused": {
    says: "{problem}",
    fix: "{fix}",
    cause: "A move by hand is refused for the same reasons as one by a rollout.",
  },
  "move.unknown-id": {
    says: "That ID does not exist",
    fix: "",
    cause: "No version of a zoo model, or row of the migration's table, has the id.",
  },
  "move.ambiguous": {
    says: '--id "{id}" is part of several migrations',
    fix: "say which with {each}",
    cause: "Several pairs of versions were migrated with this version among them.",
  },
  "rollout.model-unknown": {
    says: 'there is no zoo model "{name}"',
    fix: "the record has {known}",
    cause: "Rollouts are shown from the record in the platform's database.",
  },
  "rollout.not-proposed": {
    says: "a pull request for {stack} could not be opened ({reason})",
    fix: "run the same again, or set phase: reverted of the models that `menagerie rollout` shows as taken back",
    cause:
      "A pull request needs a repository on GitHub, a branch with an upstream, and a token in GH_TOKEN or of `gh auth login`.",
    exit: 1,
  },
  "trial.other-model": {
    says: '--app "{app}" is an app of {zooModel}, not of {model}',
    fix: "give one that `menagerie app list` shows",
    cause: "An app can try the copy of the model that it points at.",
  },
  "trial.not-trying": {
    says: '--app "{app}" does not try {copy}, it points at {zooModel}',
    fix: "give an app that does",
    cause: "Only an app that points at the copy can stop trying it.",
  },
  "trial.no-copy": {
    says: "{model} has no copy",
    fix: "set menagerie:zoo.{model}.phase to copy and run `up`",
    cause: "The copy is served from phase copy until the rollout's version is.",
    exit: 1,
  },
  "trial.no-app": {
    says: '--app "{app}": there is no such app',
    fix: "`menagerie app list` shows them",
    cause: "Apps are named by their id.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(rolloutRefusals);

export const refusal = refusalsOfTable(rolloutRefusals);
