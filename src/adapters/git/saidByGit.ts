import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * What git prints in a folder, without the line feed at its end; undefined where it says nothing: no git, no repository, no such revision.
 *
 * @param patience - in milliseconds
 */
export async function saidByGit(
  folder: string,
  args: readonly string[],
  patience: number,
): Promise<string | undefined> {
  try {
    const { stdout } = await run("git", args, { cwd: folder, timeout: patience, maxBuffer: 2 ** 26 });
    return stdout.replace(/\n$/, "");
  } catch {
    return undefined;
  }
}
