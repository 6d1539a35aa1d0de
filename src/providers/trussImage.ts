import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { badInput, messageOf, OperatorError } from "../domain/errors.ts";
import { configFilename, parseTrussConfig } from "../domain/truss/config.ts";
import type { CheckFailure, Handler } from "./handler.ts";
import { hostProgress, untilTerminated } from "./host.ts";
import { imageIsStored } from "./storedImage.ts";

export interface TrussImageInputs {
  readonly builder: "directory";
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
  inputs: ["builder", "folder", "hash", "name"],
  replaceOn: ["builder", "hash", "name"],
  check: async ({ folder }) => configFailures(folder),
  async create(inputs) {
    const image = await build(inputs);
    return { id: image.image, outs: image };
  },
  // Only the folder's path changed, and the content did not: the image is the same.
  update: async (_id, olds, news) => ({ ...olds, ...news }),
  exists: (_id, { image }) => imageIsStored(image),
  delete: async () => {},
};

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
  const store = required("MENAGERIE_IMAGE_STORE");
  const cache = required("MENAGERIE_CACHE");
  // Loaded when needed: a preview only checks and compares.
  const { createDirectoryBuilder } = await import("../adapters/truss/builder.ts");
  const { ensurePythonLayers } = await import("../adapters/truss/python.ts");
  const progress = hostProgress();
  return untilTerminated(async (signal) => {
    const python = await ensurePythonLayers({ cache, progress, signal });
    const builder = createDirectoryBuilder({ store, cache, python, progress, signal });
    const { url, digest } = await builder.build({
      folder: resolve(inputs.folder),
      hash: inputs.hash,
      name: inputs.name,
    });
    return { ...inputs, url, digest, image: `${url}@${digest}` };
  });
}

/** Read at call time: what is read when a module loads may end up in the state. */
function required(variable: string): string {
  const value = process.env[variable];
  if (!value) {
    throw badInput(
      `menagerie:builder: "directory" builds for the local environment only and needs ${variable}; run through \`menagerie\`, which sets it`,
    );
  }
  return value;
}
