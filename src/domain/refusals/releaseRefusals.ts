import type { RefusalEntry } from "./entry.ts";

/** Releases, their states and their pipelines. */
export const releaseRefusals = {
  "release.model-without-version": {
    says: "has no version",
    fix: "write {version: 42} or {mlflow: {alias: champion}}",
    cause: "A release names each model with its version.",
  },
  "release.two-versions": {
    says: "MLflow says the version of this model",
    fix: "remove one of the two",
    cause: "A model has one version in a release.",
  },
  "release.mlflow-which": {
    says: "give either version or alias, such as {alias: champion}",
    fix: "",
    cause: "MLflow is asked for one version of the model.",
  },
  "release.mlflow-server": {
    says: "no MLflow server is known",
    fix: "set {url}, or MLFLOW_TRACKING_URI",
    cause: "The version is a registered model's in MLflow.",
  },
  "release.name": {
    says: "{problem}",
    fix: "{fix}",
    cause: "Tags of releases are read back by their parts, so names may not hold what separates them.",
  },
  "release.tag": {
    says: "{tag} {problem}",
    fix: "{fix}",
    cause: "A release's tag names the schema of its state.",
  },
  "pipeline.two-sources": {
    says: "its image is given, so none is made",
    fix: "remove one of the two",
    cause: "A pipeline runs one code.",
  },
  "pipeline.image-missing": {
    says: "missing",
    fix: "give it with its digest, as <url>@sha256:<64 hex digits>",
    cause: "Only the local environment makes images of folders of the checkout.",
  },
  "pipeline.no-code": {
    says: "has no code",
    fix: "give folder, such as pipelines, or image",
    cause: "A pipeline is code that runs over a release's state.",
  },
  "pipeline.two-triggers": {
    says: "it runs by its schedule, whatever the models do",
    fix: "remove the key",
    cause: "A pipeline runs once with its release, or by a schedule.",
  },
  "pipeline.folder-unreadable": {
    says: '"{folder}" cannot be read ({reason})',
    fix: "give a folder of the project",
    cause: "The pipeline's image is made of this folder.",
  },
  "state.files-changed": {
    says: 'the files of "{folder}" changed, and the state of release {tag} keeps its shape',
    fix: "give what is new a tag of its own ({code}), put the files back, or set {release}: {tag} to go on with its state as it is",
    cause: "A release's tables are made once; another shape belongs to another release.",
  },
  "state.dropped": {
    says: "the state of release {tag} was dropped",
    fix: "load its dump by `menagerie data restore <folder>`, or set {release} to one that `menagerie data list` shows",
    cause: "Going on would begin it again, empty.",
  },
  "state.qualified-name": {
    says: 'the files of "{folder}" make {name} in a schema of its own',
    fix: "write the name without the schema, for every release has another",
    cause: "Each release's tables lie in a schema of its own.",
  },
  "state.name-too-long": {
    says: '"{name}" in the files of "{folder}" {problem}',
    fix: "{fix}",
    cause: "PostgreSQL cuts longer names off silently.",
  },
  "state.table-unknown": {
    says: 'the files of "{folder}" make no such table',
    fix: "they make {tables}",
    cause: "Only tables that the files make can be seeded.",
  },
} as const satisfies Record<string, RefusalEntry>;
