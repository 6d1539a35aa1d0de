import * as z from "zod";
import { isMapping } from "../mapping.ts";
import type { DeployedModel } from "../release/observed.ts";
import type { StackConfig } from "../release/restore.ts";
import type { RecordedServing } from "../zoo/serving.ts";
import type { RunnableCombination, RunnableModel, RunnableState } from "./combination.ts";

/** A deployment of the record, so far as it is needed to bring it up again. */
export interface RecordedCombination {
  readonly tag: string;
  readonly models: readonly DeployedModel[];
  /** The config that it was made from, without its secrets. */
  readonly config: StackConfig;
  /** Folder of the project, whose trusses images are built from again that are gone. @default nothing is built */
  readonly project?: string | undefined;
}

/** What the registry says of a version of a zoo model. */
export interface RecordedVersion {
  readonly model: string;
  readonly number: number;
  /** Repository part of its image. */
  readonly imageUrl: string | null;
  readonly serving: Pick<RecordedServing, "truss" | "env" | "resources" | "secrets" | "state"> | undefined;
}

/** Phases in which requests are answered by the version that the rollout leaves, of which config says nothing. */
const phasesOfOld = new Set(["off", "copy", "reverted"]);

/** What is read of a model's entry. Strict it was when it was deployed; since then the schema may have changed. */
const entrySchema = z.looseObject({
  phase: z.string().optional(),
  from: z.unknown().optional(),
  env: z.record(z.string(), z.coerce.string()).default({}),
  pool: z.string().default("cpu"),
  resources: z
    .looseObject({
      cpu: z.coerce.string().default("1"),
      memory: z.coerce.string().default("2Gi"),
      gpus: z.number().optional(),
    })
    .prefault({}),
  state: z.boolean().default(false),
});

/**
 * A release as it can be brought up somewhere else: the models of the zoo that it served, each with the image that it ran, and the
 * environment and resources of the config that it was made from. Models that are only named, such as MLflow's, are left out.
 */
export function combinationOfRelease(
  { tag, models, config, project }: RecordedCombination,
  versions: readonly RecordedVersion[],
  state: RunnableState | null,
): RunnableCombination {
  const served = models.flatMap((model) => {
    const { service, digest } = model;
    if (service === null || digest === null) return [];
    const version = versions.find((each) => each.model === model.name && each.number === model.version);
    const truss = version?.serving?.truss;
    const { hash } = model;
    const builtFrom = project && truss && hash ? { folder: `${project}/${truss}`, hash } : undefined;
    const image = `${version?.imageUrl ?? `menagerie.local/truss/${model.name}`}@${digest}`;
    return [runnable({ name: model.name, identifier: service, content: { image, builtFrom } }, version, config)];
  });
  return { name: tag, models: served, state };
}

function runnable(
  model: Pick<RunnableModel, "name" | "identifier" | "content">,
  version: RecordedVersion | undefined,
  config: StackConfig,
): RunnableModel {
  return { ...model, ...settings(model.name, version, config), secrets: version?.serving?.secrets ?? [] };
}

type Settings = Pick<RunnableModel, "env" | "resources" | "state">;

function settings(name: string, version: RecordedVersion | undefined, config: StackConfig): Settings {
  const zoo = isMapping(config.zoo) ? config.zoo : {};
  const entry = entrySchema.safeParse(zoo[name]);
  const { serving } = version ?? {};
  const isOld = entry.success && entry.data.from !== undefined && phasesOfOld.has(entry.data.phase ?? "");
  if (!entry.success || (isOld && serving)) {
    const { env = {}, resources = { cpu: "1", memory: "2Gi", gpus: 0 }, state } = serving ?? {};
    return { env, resources, state };
  }
  const { env, pool, state } = entry.data;
  const { cpu, memory, gpus = isMapping(config.pools) && pool in config.pools ? 1 : 0 } = entry.data.resources;
  return { env, resources: { cpu, memory, gpus }, state: state || undefined };
}
