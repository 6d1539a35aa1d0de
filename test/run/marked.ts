import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Environment variable that every process of a run inherits, whatever starts it: how those that outlive the run are found.
 * Its value is the run's folder.
 */
export const runVariable = "MENAGERIE_TEST_RUN";

/** Pids of the processes of the run, and of what these started with an environment of its own. */
export function processesOf(run: string): number[] {
  const all = readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  const marked = new Set(all.filter((pid) => read(pid, "environ").split("\0").includes(`${runVariable}=${run}`)));
  const parents = new Map(all.map((pid) => [pid, parentOf(pid)]));
  for (let size = -1; size < marked.size; ) {
    size = marked.size;
    for (const [pid, parent] of parents) if (marked.has(parent)) marked.add(pid);
  }
  return [...marked].map(Number).filter((pid) => pid !== process.pid);
}

/** Ends them with SIGKILL, until none is left or the time is up; answers those that were there. */
export async function endProcessesOf(run: string, withinMs = 20_000): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>();
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(50)) {
    const left = processesOf(run);
    if (left.length === 0) break;
    for (const pid of left) {
      found.set(pid, read(String(pid), "cmdline").replaceAll("\0", " ").trim());
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended meanwhile.
      }
    }
  }
  return found;
}

/** Linux's file about a process; empty when it has ended, or is another user's. */
function read(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}

/** A zombie has no environment and no command line any more, and nothing has to be done about it. */
function parentOf(pid: string): string {
  const stat = read(pid, "stat");
  // The command, in parentheses, may hold spaces.
  const [state, parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" ? "" : parent;
}
