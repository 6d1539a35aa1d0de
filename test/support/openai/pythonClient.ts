import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { menagerieCache } from "../../../src/adapters/files/cacheFolder.mjs";
import { findBasePython } from "../../../src/adapters/truss/interpreter.ts";
import { bootstrapUv, packageEnvironment } from "../../../src/adapters/truss/packageSource.ts";
import { pinnedUv, shortHash } from "../../../src/adapters/truss/python.ts";
import { makeEnvironment } from "../../../src/adapters/truss/virtualEnvironment.ts";

/** What `client.py` got. */
export interface PythonAnswers {
  /** Absent where the model was named. */
  readonly model?: readonly [string, string];
  readonly retrieved?: string;
  readonly chat: readonly [string, number];
  readonly streamed: readonly [string, number];
  /** From the first chunk of the stream to the last. */
  readonly seconds: number;
  readonly completion: string;
  readonly embedding: readonly number[];
  readonly response: string;
  readonly aborted: number;
  readonly refused: Refused;
  readonly unknown: Refused;
  readonly "wrong key": Refused;
}

/** Class of the error, status, `code` and `message`. */
type Refused = readonly [string, number, string | null, string | null] | null;

/**
 * Runs the official Python client against a base url, in an environment that all runs share.
 *
 * @param model - what it is to ask for @default what the base url lists
 */
export async function askByPython(baseUrl: string, key: string, ...model: readonly [string?]): Promise<PythonAnswers> {
  const python = await environmentOf(new AbortController().signal);
  const { stdout } = await promisify(execFile)(
    python,
    [join(import.meta.dirname, "client.py"), baseUrl, key, ...model.filter((each) => each !== undefined)],
    {
      env: { PATH: process.env.PATH ?? "", PYTHONDONTWRITEBYTECODE: "1" },
    },
  );
  return JSON.parse(stdout) as PythonAnswers;
}

/** Python of an environment with what `requirements.txt` pins. */
async function environmentOf(signal: AbortSignal): Promise<string> {
  const requirements = await readFile(join(import.meta.dirname, "requirements.txt"), "utf8");
  const root = join(menagerieCache(), "python");
  const base = await findBasePython(process.env, signal);
  const folder = join(root, `openai-${shortHash(base.executable, base.version, requirements)}`);
  const env = await packageEnvironment(process.env, base.executable, signal);
  const uv = await bootstrapUv(join(root, "uv"), base, env, await pinnedUv(), signal);
  const packageCache = join(root, "packages");
  await makeEnvironment({ folder, uv, python: base.executable, requirements, signal, packageCache, env });
  return join(folder, "bin", "python");
}
