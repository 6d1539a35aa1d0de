import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** Watches a folder with three folders below it, and prints what it is told. */
const script = `
  import { watchFolders } from ${JSON.stringify(join(import.meta.dirname, "../../../../src/adapters/truss/folderEvents.ts"))};
  const [, folder] = process.argv;
  const events = watchFolders(folder, () => {}, (sentence) => console.log("blind: " + sentence));
  const entries = new Map(["a", "b", "c"].map((name) => [name, { kind: "dir" }]));
  for (const round of [1, 2]) console.log("follows", round, events.follow({ entries }));
  events.close();
`;

/** Runs it in a user namespace of its own, which has limits of its own. */
async function watched(folder: string, limit: string): Promise<string> {
  const limited = `${limit} exec "$@"`;
  const program = [process.execPath, "--input-type=module", "-e", script, folder];
  const args = ["--user", "--map-root-user", "sh", "-c", limited, "sh", ...program];
  return (await promisify(execFile)("unshare", args)).stdout;
}

test.each([
  ["none is reached", "", ""],
  ["watches have run out", "echo 2 > /proc/sys/user/max_inotify_watches;", "fs.inotify.max_user_watches"],
  ["instances have run out", "echo 0 > /proc/sys/user/max_inotify_instances;", "fs.inotify.max_user_instances"],
])("of inotify's limits %s", async (_, limit, name) => {
  const folder = mkdtempSync(join(tmpdir(), "menagerie-events-"));
  for (const below of ["a", "b", "c"]) mkdirSync(join(folder, below));
  try {
    const lines = (await watched(folder, limit)).trim().split("\n");
    const told = lines.filter((line) => line.startsWith("blind: "));
    // Once, however many folders there are and however often they are looked at.
    expect(told).toHaveLength(name === "" ? 0 : 1);
    if (name !== "") expect(told[0]).toContain(`the limit ${name} is reached`);
    expect(lines.at(-1)).toMatch(/^follows 2/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
