import { run } from "./process.ts";
import { refuse } from "./refusals.ts";

/** A Python interpreter of this machine. */
export interface BasePython {
  /** `major.minor.micro`, such as `3.11.7`. */
  readonly version: string;
  /** Absolute path of the interpreter itself, not of a shim or a virtual environment. */
  readonly executable: string;
  /** `sys.base_prefix`. A container needs it as a layer unless it is below /usr. */
  readonly prefix: string;
}

/** Versions that every pinned package has wheels for. */
const supported = { lowest: 10, highest: 13 };

const candidates = ["python3", ...range(supported.highest, supported.lowest).map((minor) => `python3.${minor}`)];

const probe = `import json, os, sys
executable = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
print(json.dumps({"version": "%d.%d.%d" % sys.version_info[:3], "executable": executable, "prefix": sys.base_prefix}))`;

/**
 * The interpreter that environments are made with: `MENAGERIE_PYTHON`, else the first of `python3`, `python3.13` …
 * `python3.10` on PATH that is one of these versions.
 * @throws OperatorError when there is none.
 */
export async function findBasePython(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<BasePython> {
  const asked = env.MENAGERIE_PYTHON;
  for (const command of asked ? [asked] : candidates) {
    const found = await probePython(command, env, signal);
    if (found && isSupported(found.version)) return found;
    if (asked) {
      throw refuse("python.named-wrong", { asked, is: found ? `is Python ${found.version}` : "does not run" });
    }
  }
  throw refuse("python.none");
}

/** The interpreter behind a command, or undefined when it does not run. */
export async function probePython(
  command: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<BasePython | undefined> {
  try {
    return JSON.parse(await run(command, ["-I", "-c", probe], { env, signal })) as BasePython;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** `3.11` of `3.11.7`. */
export function minorVersion(python: BasePython): string {
  return python.version.split(".").slice(0, 2).join(".");
}

function isSupported(version: string): boolean {
  const [major, minor] = version.split(".").map(Number);
  return major === 3 && minor !== undefined && minor >= supported.lowest && minor <= supported.highest;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: from - to + 1 }, (_, index) => from - index);
}
