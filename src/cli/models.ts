import { z } from "zod";
import type { EnvironmentLayout } from "../local/layout.ts";
import { readStackOutputs } from "../local/stackOutputs.ts";
import { refuse } from "./refusals.ts";

/** One entry of the stack output `models`; see `ModelOutput` of the program. */
const modelOutput = z.looseObject({
  /** Name of the InferenceService. */
  name: z.string(),
  namespace: z.string(),
  kind: z.enum(["zoo", "development", "shadow"]),
  /** Content hash of the truss folder. */
  hash: z.string(),
  /** `<url>@sha256:<digest>`. */
  image: z.string(),
  /** Where it is predicted with, through the gateway. */
  url: z.string(),
  /** The truss folder, relative to the project. */
  truss: z.string(),
  /** Number of the model version. */
  version: z.number().nullable().default(null),
  /** Id of the registered version. */
  versionId: z.string().nullable().default(null),
});

const outputs = z.looseObject({
  models: z.record(z.string(), modelOutput).default({}),
  recordings: z
    .record(z.string(), z.looseObject({ versions: z.array(z.looseObject({ number: z.number() })) }))
    .default({}),
  rollouts: z.record(z.string(), z.looseObject({ phase: z.string(), versionId: z.string().nullable() })).default({}),
});

/** A model of the stack, as the commands show it. */
export interface DeployedModel {
  /** The model's name in the stack's config. */
  readonly name: string;
  readonly namespace: string;
  readonly kind: "zoo" | "development" | "shadow";
  /** Name of the InferenceService. */
  readonly service: string;
  readonly hash: string;
  readonly digest: string;
  readonly phase: string | null;
  readonly versionId: string | null;
  readonly version: number | null;
  readonly url: string;
  readonly truss: string;
  /** Whether its requests are recorded. */
  readonly recorded: boolean;
}

/** The models that the stack last deployed. */
export async function readModels(layout: EnvironmentLayout): Promise<DeployedModel[]> {
  const { models, rollouts, recordings } = outputs.parse(await readStackOutputs(layout));
  return Object.entries(models).map(([name, model]) => ({
    name,
    namespace: model.namespace,
    kind: model.kind,
    service: model.name,
    hash: model.hash,
    digest: model.image.slice(model.image.indexOf("@") + 1),
    phase: rollouts[name]?.phase ?? null,
    versionId: model.versionId ?? rollouts[name]?.versionId ?? null,
    version: model.version,
    url: model.url,
    truss: model.truss,
    recorded: model.kind === "shadow" || (recordings[name]?.versions.length ?? 0) > 0,
  }));
}

/** The development version called `name`, with the id that the API service knows it by. */
export function developmentModel(model: DeployedModel): DeployedModel & { readonly versionId: string } {
  const { versionId } = model;
  if (model.kind === "development" && versionId !== null) return { ...model, versionId };
  throw refuse("model.not-patchable", { name: model.name, kind: model.kind });
}

/** The model called `name`; else a sentence that says which there are. */
export function findModel(models: readonly DeployedModel[], name: string): DeployedModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model) return model;
  const names = models.map((candidate) => candidate.name).join(", ");
  throw refuse("model.unknown-to-stack", { name, names: names || "none: run `menagerie up`" });
}
