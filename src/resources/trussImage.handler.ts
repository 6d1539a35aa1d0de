import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { menagerieCache } from "../adapters/files/cacheFolder.mjs";
import type { PythonLayers } from "../adapters/truss/python.ts";
import type { StackPipeline } from "../domain/builds/stackPipeline.ts";
import { messageOf, OperatorError } from "../domain/errors.ts";
import type { Progress } from "../domain/progress.ts";
import type { TrussBuilder } from "../domain/truss/builder.ts";
import { configFilename, parseTrussConfig } from "../domain/truss/config.ts";
import type { CheckFailure, Due, Handler } from "../providers/handler.ts";
import { hostProgress, untilTerminated } from "../providers/host.ts";
import { refuse } from "../providers/refusals.ts";
import { imageIsStored } from "../providers/storedImage.ts";

export interface TrussImageInputs extends Due {
  readonly builder: "directory" | "tekton";
  /** With builder `tekton`: where it builds. */
  readonly pipeline?: StackPipeline;
  /** Truss folder relative to the project. Where the content lies; only its hash says what it is. */
  readonly folder: string;
  /** Content hash of the folder. */
  readonly hash: string;
  /** Name of the model: the last part of the image's url. */
  readonly name: string;
}

export interface TrussImageOutputs extends TrussImageInputs {
  readonly url: string;
  /** `sha256:<64 hex>` */
  readonly digest: string;
  /** `<url>@<digest>` */
  readonly image: string;
}

/** Builds the image of a truss. Images outlive the resource: an older release may still name them. */
export const trussImage: Handler<TrussImageInputs, TrussImageOutputs> = {
  inputs: { builder: "replace", pipeline: "update", folder: "update", hash: "replace", name: "replace" },
  check: async ({ folder }) => configFailures(folder),
  async create(inputs) {
    const image = await build(inputs);
    return { id: image.image, outs: image };
  },
  // Where only the folder's path changed, or how long a build may take, the image is the same. Where nothing did, it is due.
  update: async (_id, olds, news) => (isSame(olds, news) ? build(news) : { ...olds, ...news }),
  // Of a registry nothing is known here: pods that cannot pull say so.
  exists: async (_id, { image, pipeline }) => pipeline?.repository !== undefined || (await imageIsStored(image)),
};

function isSame(olds: TrussImageInputs, news: TrussImageInputs): boolean {
  const { folder, pipeline } = news;
  return olds.folder === folder && isDeepStrictEqual(olds.pipeline, pipeline);
}

async function configFailures(folder: string): Promise<CheckFailure<TrussImageInputs>[]> {
  const file = join(folder, configFilename);
  try {
    parseTrussConfig(await readFile(resolve(file), "utf8"), file);
    return [];
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (!absent && !(error instanceof OperatorError)) throw error;
    const reason = absent ? `${file} does not exist; give a truss folder, which has one` : messageOf(error);
    return [{ property: "folder", reason }];
  }
}

async function build(inputs: TrussImageInputs): Promise<TrussImageOutputs> {
  // Loaded when needed: a preview only checks and compares.
  const { ensurePythonLayers } = await import("../adapters/truss/python.ts");
  const progress = hostProgress();
  const { builder } = inputs;
  // A directory image's layers lie in the cache: it must be the one of the environment.
  const cache = builder === "directory" ? required("MENAGERIE_CACHE") : menagerieCache();
  const build = async (signal: AbortSignal): Promise<TrussImageOutputs> => {
    const python = await ensurePythonLayers({ cache, progress, signal });
    const options = { cache, python, progress, signal };
    const request = { folder: resolve(inputs.folder), hash: inputs.hash, name: inputs.name };
    const { url, digest } = await (await builderOf(inputs, options)).build(request);
    return { ...inputs, url, digest, image: `${url}@${digest}` };
  };
  // A run in the cluster is cancelled on the way out.
  return untilTerminated(build, builder === "tekton" ? 5_000 : undefined);
}

async function builderOf(
  { builder, pipeline }: TrussImageInputs,
  options: { cache: string; python: PythonLayers; progress: Progress; signal: AbortSignal },
): Promise<TrussBuilder> {
  if (builder === "directory") {
    const { createDirectoryBuilder } = await import("../adapters/truss/builder.ts");
    return createDirectoryBuilder({ ...options, store: required("MENAGERIE_IMAGE_STORE") });
  }
  if (!pipeline) throw new Error("builder tekton needs a pipeline");
  const { stackPipelineBuilder } = await import("../adapters/builds/stackPipelineBuilder.ts");
  return stackPipelineBuilder(pipeline, options);
}

/** Read at call time: what is read when a module loads may end up in the state. */
function required(variable: string): string {
  const value = process.env[variable];
  if (!value) {
    throw refuse("builds.directory-elsewhere", { variable });
  }
  return value;
}
