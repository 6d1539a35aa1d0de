import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CommandFailed, run } from "./process.ts";

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
  /** Whether no code of the packages may run: neither is one built, nor an interpreter started that sees them. @default false */
  readonly wheelsOnly?: boolean;
}

/** uv installs what has a wheel and builds nothing. */
export const noBuilds = ["--only-binary", ":all:"] as const;

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
    const interpreter = join(temporary, "bin", "python");
    const { wheelsOnly = false } = plan;
    await run(
      plan.uv,
      [
        ...["pip", "install", "--python", interpreter, "--no-deps", "-r", file],
        ...(wheelsOnly ? noBuilds : ["--compile-bytecode"]),
      ],
      options,
    );
    if (wheelsOnly) await compileByteCode(plan.python, temporary, options);
    await rename(temporary, plan.folder).catch(async (error: unknown) => {
      if (!(await stat(plan.folder).catch(() => undefined))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await rm(file, { force: true });
  }
}

/** By the machine's own Python: the environment's runs what packages say in `.pth` files and in `sitecustomize` when it starts. */
async function compileByteCode(
  python: string,
  environment: string,
  options: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<void> {
  const compile = ["-I", "-S", "-m", "compileall", "-q", "-j", "0", join(environment, "lib")];
  // Its exit code says that some file is not Python of this version, as packages have for others.
  await run(python, compile, options).catch((error: unknown) => {
    if (!(error instanceof CommandFailed)) throw error;
  });
}

async function sweepAbandoned(parent: string): Promise<void> {
  const limit = Date.now() - abandonedAfter;
  for (const name of await readdir(parent)) {
    if (!name.startsWith(".tmp-")) continue;
    const info = await stat(join(parent, name)).catch(() => undefined);
    if (info && info.mtimeMs < limit) await rm(join(parent, name), { recursive: true, force: true });
  }
}
