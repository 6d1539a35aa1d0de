import { readdir, readFile } from "node:fs/promises";
import { basename } from "node:path";

/**
 * Ends the language host, programs and plugins that an engine of this PULUMI_HOME left when it was killed with -9: the
 * engine's plugins watch for its end only while it talks to them, and stay idle for ever. Does nothing while an engine of
 * this home runs, which they may belong to. Answers how many it ended.
 */
export async function endOrphanedPlugins(pulumiHome: string): Promise<number> {
  const family: { readonly pid: number; readonly program: string }[] = [];
  for (const entry of await readdir("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const program = await programOf(pid, pulumiHome);
    if (program !== undefined) family.push({ pid, program });
  }
  if (family.some(({ program }) => program === "pulumi")) return 0;
  for (const { pid } of family) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended meanwhile.
    }
  }
  return family.length;
}

/** Name of the process's program; undefined unless it is one of ours with this PULUMI_HOME. */
async function programOf(pid: number, pulumiHome: string): Promise<string | undefined> {
  try {
    const variables = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0");
    if (!variables.includes(`PULUMI_HOME=${pulumiHome}`)) return undefined;
    return basename((await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0")[0] ?? "");
  } catch {
    // Ended meanwhile, or another user's.
    return undefined;
  }
}
