import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { run } from "./process.ts";

/** A virtual environment to make. */
export interface EnvironmentPlan {
  /** Where it appears, by one rename. */
  readonly folder: string;
  readonly uv: string;
  /** Interpreter to make it with. */
  readonly python: string;
  /** Text of a fully pinned requirements file; nothing else is installed. */
  readonly requirements: string;
  /** uv's cache: packages are hard-linked from it, so many environments cost little. */
  readonly packageCache: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onLine?: (line: string) => void;
}

/** Half-made environments older than this are left by a killed process, in milliseconds. */
const abandonedAfter = 60 * 60 * 1000;

/**
 * Makes a virtual environment that may be mounted at any path, unless its folder is there already. Its byte code is
 * compiled now, because containers see it copy-on-write and would each compile it again.
 */
export async function makeEnvironment(plan: EnvironmentPlan): Promise<void> {
  if (await stat(plan.folder).catch(() => undefined)) return;
  const parent = dirname(plan.folder);
  await mkdir(parent, { recursive: true });
  await sweepAbandoned(parent);
  const temporary = join(parent, `.tmp-${basename(plan.folder)}-${randomBytes(6).toString("hex")}`);
  const file = `${temporary}.txt`;
  const env = { ...plan.env, UV_CACHE_DIR: plan.packageCache, UV_NO_PROGRESS: "1" };
  const options = { env, signal: plan.signal, ...(plan.onLine ? { onLine: plan.onLine } : {}) };
  try {
    await writeFile(file, plan.requirements);
    await run(
      plan.uv,
      ["venv", "--no-config", "--relocatable", "--no-project", "--python", plan.python, temporary],
      options,
    );
    await run(
      plan.uv,
      ["pip", "install", "--python", join(temporary, "bin", "python"), "--no-deps", "--compile-bytecode", "-r", file],
      options,
    );
    await rename(temporary, plan.folder).catch(async (error: unknown) => {
      if (!(await stat(plan.folder).catch(() => undefined))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await rm(file, { force: true });
  }
}

async function sweepAbandoned(parent: string): Promise<void> {
  const limit = Date.now() - abandonedAfter;
  for (const name of await readdir(parent)) {
    if (!name.startsWith(".tmp-")) continue;
    const info = await stat(join(parent, name)).catch(() => undefined);
    if (info && info.mtimeMs < limit) await rm(join(parent, name), { recursive: true, force: true });
  }
}
