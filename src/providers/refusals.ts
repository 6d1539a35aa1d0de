import type { RefusalTable } from "../domain/refusals/entry.ts";
import { errorsOfTable } from "../domain/refusals/refusal.ts";

/** What resources of a stack refuse while `up` deploys them. */
export const providerRefusals = {
  "services.no-image": {
    says: "menagerie:services.image is missing",
    fix: "give the image of the services as <url>@sha256:<digest>, or run through `menagerie`",
    cause: "Only the local environment makes the services' image of the checkout.",
  },
  "database.not-set": {
    says: "the platform's database is not known",
    fix: "set {variable}, or menagerie:database and its secret menagerie:databasePassword",
    cause: "Resources that are rows of the platform's database need its address and a login.",
  },
  "target.not-set": {
    says: "the migrations' database is not known",
    fix: "set {variable}, or menagerie:migrationTarget.databaseUrl",
    cause: "The table of apps is in another database, whose address is a secret.",
  },
  "api.not-set": {
    says: "the API service's address is not known",
    fix: "set {variable}, or menagerie:services.apiUrl",
    cause: "Development versions are patched through the API service.",
  },
  "deployment.stayed-incomplete": {
    says: "release {tag} is recorded as incomplete: {reason}",
    fix: "run `up --refresh`, which completes it",
    cause: "What the record says was deployed and what the stack has are not the same.",
    exit: 1,
  },
  "deployment.taken-back": {
    says: "release {tag} is not deployed as it is declared: {state}",
    fix: "{change}; after a false alarm, `menagerie rollout resume {model} --because TEXT`",
    cause: "The guard took a rollout back, or holds it, while this `up` ran.",
    exit: 1,
  },
  "deploy.interrupted": {
    says: "interrupted",
    fix: "run `up` again, which goes on from here",
    cause: "Ctrl-C, or a signal to the engine, ended the run; what it made is in the state.",
    exit: 1,
  },
  "version.still-used": {
    says: "{problem}",
    fix: "{fix}, or set {deleteReferenced}=true to leave them without it",
    cause: "Apps answer with the version that they point at, and would answer no more.",
    exit: 1,
  },
  "development.refused": {
    says: "{model}: {problem}",
    fix: "{fix}",
    cause: "The folder and what runs have gone different ways since the preview.",
  },
  "development.folder-changed": {
    says: "{model}: {folder} changed while this ran",
    fix: "run `up` again",
    cause: "A patch has to lead to the content that the plan was made for.",
    exit: 1,
  },
  "development.patched-meanwhile": {
    says: "{model}: another client patched it while this ran",
    fix: "run `up` again",
    cause: "A client's patch came between this run's plan and its own.",
    exit: 1,
  },
  "pipeline.no-image": {
    says: "menagerie:state.pipelines.{name}.image is missing",
    fix: "give the pipeline's image as <url>@sha256:<digest>, or run through `menagerie`",
    cause: "Only the local environment makes pipelines' images of their folders.",
  },
  "state.files-changed-meanwhile": {
    says: "menagerie:state.schemas: the files of {folder} changed while they were deployed",
    fix: "run it again",
    cause: "The tables have to be made from the files that the preview read.",
    exit: 1,
  },
  "smoke.failed": {
    says: "{model}: {failed} of {all} smoke cases fail",
    fix: "the first, {name}: {differences}",
    cause: "Apps stay where they are, and the route as it was, until the new version answers its smoke set.",
    exit: 3,
  },
  "builds.directory-elsewhere": {
    says: 'menagerie:builds.kind: "directory" is for the local environment and needs {variable}',
    fix: "run through `menagerie`, which sets it",
    cause: "Directory images are laid out in the local environment's image store.",
  },
  "target.refused": {
    says: "menagerie:migrationTarget: {problem}",
    fix: "{fix}",
    cause: "The table of apps is not as menagerie:migrationTarget says, or the login may not use it.",
  },
} as const satisfies RefusalTable;

export const refuse = errorsOfTable(providerRefusals);
