import { resolve } from "node:path";
import { createDirectoryBuilder } from "../../adapters/truss/builder.ts";
import type { PythonLayers } from "../../adapters/truss/python.ts";
import type { EnvironmentSpec } from "../../config/environment.ts";
import type { Progress } from "../../domain/progress.ts";
import { menagerieCache } from "../../local/layout.ts";
import { projectFolder } from "../../local/localStack.ts";
import { trussesOf } from "../../plan/trusses.ts";

/**
 * Makes the images of the trusses that a stack declares, as its program will ask for them: it finds them by their content then.
 * What cannot be built here is left to the program, which tells it with the resource that it belongs to.
 */
export async function prepareImages(
  spec: EnvironmentSpec,
  options: {
    /** Image store of the environment. */
    readonly store: string;
    /** Asked when they are needed. */
    readonly python: () => Promise<PythonLayers>;
    readonly progress: Progress;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  if (spec.builds.kind !== "directory") return;
  const { store, progress, signal } = options;
  // A pinned content may be another than the folder's, and its image is in the store already.
  const zoo = Object.fromEntries(Object.entries(spec.zoo).filter(([, { hash }]) => hash === undefined));
  const trusses = await trussesOf({ ...spec, zoo }, projectFolder);
  const builder = createDirectoryBuilder({
    store,
    cache: menagerieCache(),
    python: await options.python(),
    progress,
    signal,
  });
  const builds = [...trusses].map(([folder, { hash }]) =>
    builder.build({ folder: resolve(projectFolder, folder), hash, name: folder.split("/").at(-1) ?? folder }),
  );
  await Promise.allSettled(builds);
  signal.throwIfAborted();
}
