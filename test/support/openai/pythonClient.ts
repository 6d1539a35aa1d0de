import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { pythonEnvironment } from "../pythonEnvironment.ts";

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
  const python = await pythonEnvironment("openai", join(import.meta.dirname, "requirements.txt"));
  const { stdout } = await promisify(execFile)(
    python,
    [join(import.meta.dirname, "client.py"), baseUrl, key, ...model.filter((each) => each !== undefined)],
    {
      env: { PATH: process.env.PATH ?? "", PYTHONDONTWRITEBYTECODE: "1" },
    },
  );
  return JSON.parse(stdout) as PythonAnswers;
}
