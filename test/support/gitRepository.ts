import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Runs git in a folder, as somebody who has no configuration of their own; answers what it prints. */
export async function gitIn(folder: string, ...args: string[]): Promise<string> {
  const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"];
  return (await run("git", [...identity, ...args], { cwd: folder, maxBuffer: 2 ** 26 })).stdout.trim();
}

/** Writes files by their paths in a folder. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** Commits everything in a repository; answers the commit. */
export async function commitAll(folder: string): Promise<string> {
  await gitIn(folder, "add", "-A");
  await gitIn(folder, "commit", "-qm", "change");
  return gitIn(folder, "rev-parse", "HEAD");
}
