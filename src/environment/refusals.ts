import * as pulumi from "@pulumi/pulumi";
import type { RefusalTable, ValuesOf } from "../domain/refusals/entry.ts";
import { refusalsOfTable } from "../domain/refusals/refusal.ts";

/** What components refuse of their arguments. */
export const environmentRefusals = {
  "component.name-taken": {
    says: 'the program has two components of {kind} with the name "{name}"',
    fix: "give one of them another name",
    cause: "A name stands for one thing of the environment, in the cluster and in the database.",
  },
  "component.other-stack": {
    says: "{kind} {name}: its environment was read for another stack",
    fix: "call Environment.read in each run of the program",
    cause: "Plans are made from what one stack's database and cluster had.",
  },
  "component.pool-undeclared": {
    says: 'pool: no GpuNodePool is named "{pool}"',
    fix: "declare it before what runs on it, with the same environment, or use cpu",
    cause: "Pods run on the nodes of a pool that the program declares.",
  },
  "component.services-image": {
    says: "services.image is missing, and only the checkout of Menagerie has the code that an image could be made of",
    fix: 'give Environment.read `services: { image: "<url>@sha256:<digest>" }`',
    cause:
      "The services run from an image. A program outside the checkout names one that was built from it, by operations/services.Dockerfile.",
  },
  "component.services-missing": {
    says: "{kind} {name} needs the API service, which patches it",
    fix: "declare PlatformServices before it, with the same environment",
    cause: "A development version is patched through the API service.",
  },
  "component.builds-directory": {
    says: "TrussBuildPipeline {name} builds by Tekton, and the environment has builds.kind: directory",
    fix: 'give Environment.read `builds: { kind: "tekton", ... }`, or leave the component out',
    cause: "Directory images are laid out on the machine that runs `up`.",
  },
  "component.tables-missing": {
    says: "{kind} {name} works in the platform's tables",
    fix: "declare PlatformDatabase before it, with the same environment",
    cause: "The API service logs in by a role that the tables' component makes.",
  },
  "component.release-missing": {
    says: "{kind} {name} works in the state of a release",
    fix: "declare ReleaseSchema and ReleaseEnvironment before it, with the same environment",
    cause: "Its login and its schema are the release's.",
  },
  "component.database-missing": {
    says: "{kind} {name} needs the platform's database",
    fix: "give Environment.read its url by `database`",
    cause: "Versions, patches, predictions and releases are rows of it.",
  },
} as const satisfies RefusalTable;

const refusal = refusalsOfTable<RefusalTable>(environmentRefusals);
type Refused = typeof environmentRefusals;

/** An error that the engine prints as a sentence. */
export function refuse<Id extends keyof Refused>(id: Id, values: ValuesOf<Refused[Id]>): pulumi.RunError {
  return new pulumi.RunError(refusal(id, null, values as never).message);
}
