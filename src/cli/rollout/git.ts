import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { lastLine } from "../../domain/lastLine.ts";

const run = promisify(execFile);
/** A remote far away; in milliseconds. */
const patience = 60_000;

/** Git in a folder; answers what it prints, without the white space around it. */
export function gitIn(folder: string): (...args: string[]) => Promise<string> {
  return async (...args) => {
    const { stdout } = await run("git", args, { cwd: folder, timeout: patience, maxBuffer: 64 * 1024 * 1024 });
    return stdout.trim();
  };
}

/** The last line of what a command said before it failed. */
export function reasonOf(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message?: string };
  return lastLine(stderr ?? "") ?? lastLine(message ?? "") ?? String(error);
}
