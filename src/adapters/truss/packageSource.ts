import { randomBytes } from "node:crypto";
import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { BasePython } from "./interpreter.ts";
import { run } from "./process.ts";
import { refuse } from "./refusals.ts";

/** Settings of pip that say where packages come from, and uv's variable for each. */
const variables: Readonly<Record<string, string>> = {
  "index-url": "UV_DEFAULT_INDEX",
  "extra-index-url": "UV_INDEX",
  "find-links": "UV_FIND_LINKS",
  "no-index": "UV_NO_INDEX",
  "trusted-host": "UV_INSECURE_HOST",
  cert: "SSL_CERT_FILE",
  timeout: "UV_HTTP_TIMEOUT",
};

/**
 * Environment for uv on this machine. uv does not read pip's configuration, so what pip has (files and `PIP_*`
 * variables) is passed on, unless uv is set up itself. Variables that would point Python or uv elsewhere are dropped.
 */
export async function packageEnvironment(
  env: NodeJS.ProcessEnv,
  python: string,
  signal: AbortSignal,
): Promise<NodeJS.ProcessEnv> {
  const clean = withoutPythonSettings(env);
  const listed = await run(python, ["-m", "pip", "config", "list"], { env: clean, signal }).catch(() => "");
  signal.throwIfAborted();
  return { ...pipSettingsForUv(listed), ...clean };
}

/** uv's variables for what `pip config list` printed. Variables win over pip's `install` section, and that over `global`. */
export function pipSettingsForUv(listed: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const section of ["global", "install", ":env:"]) {
    for (const line of listed.split("\n")) {
      const match = /^([^.]+)\.([a-z-]+)=(['"])(.*)\3$/.exec(line.trim());
      const variable = match?.[1] === section ? variables[match[2] ?? ""] : undefined;
      const value = match?.[4]?.replaceAll("\\n", " ").trim();
      if (variable && value) found[variable] = value;
    }
  }
  const list = found.UV_FIND_LINKS;
  if (list) found.UV_FIND_LINKS = list.split(/\s+/).join(",");
  return found;
}

function withoutPythonSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const dropped =
    /^(PYTHON(?!IOENCODING)|VIRTUAL_ENV|CONDA_|UV_(PYTHON|PROJECT|SYSTEM|CACHE_DIR|LINK_MODE|CONSTRAINT|OVERRIDE))/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !dropped.test(name)));
}

/**
 * The pinned uv, as an executable: from PATH when that is the pinned version, else installed once by pip below
 * `folder`.
 *
 * @param requirement - the pin, such as `uv==1.2.3`.
 */
export async function bootstrapUv(
  folder: string,
  python: BasePython,
  env: NodeJS.ProcessEnv,
  requirement: string,
  signal: AbortSignal,
): Promise<string> {
  const version = requirement.slice("uv==".length);
  const onPath = await run("uv", ["--version"], { env, signal }).catch(() => "");
  if (onPath.split(" ")[1] === version) return "uv";
  signal.throwIfAborted();
  const target = join(folder, version);
  const executable = join(target, "bin", "uv");
  if (await stat(executable).catch(() => undefined)) return executable;
  const temporary = `${target}.${randomBytes(6).toString("hex")}`;
  try {
    await installUv(temporary, python, env, requirement, signal);
    await rename(temporary, target).catch(async (error: unknown) => {
      if (!(await stat(executable).catch(() => undefined))) throw error;
    });
    return executable;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** pip installs into a plain folder, which also works where the system's Python has no venv module or is protected. */
async function installUv(
  target: string,
  python: BasePython,
  env: NodeJS.ProcessEnv,
  requirement: string,
  signal: AbortSignal,
): Promise<void> {
  const install = ["install", "--quiet", "--no-input", "--disable-pip-version-check", requirement];
  const hasPip = await run(python.executable, ["-m", "pip", "--version"], { env, signal }).catch(() => undefined);
  signal.throwIfAborted();
  if (hasPip !== undefined) {
    await run(python.executable, ["-m", "pip", ...install, "--target", target], { env, signal });
    return;
  }
  await run(python.executable, ["-m", "venv", target], { env, signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw refuse("python.no-pip", { executable: python.executable }, error);
  });
  await run(join(target, "bin", "python"), ["-m", "pip", ...install], { env, signal });
}
