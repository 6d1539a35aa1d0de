import { readdir, readFile } from "node:fs/promises";

/**
 * Watches the processes of one group and calls `onStall` once none of them has read, written or computed anything for
 * `after` milliseconds: what waits for a network that went silent looks like that, and go itself waits for ever.
 * Answers a function that ends the watching.
 */
export function watchForStall(group: number, after: number, onStall: () => void): () => void {
  let seen = "";
  let since = Date.now();
  const timer = setInterval(
    async () => {
      const now = await activity(group);
      if (now !== seen) {
        seen = now;
        since = Date.now();
      } else if (Date.now() - since >= after) {
        clearInterval(timer);
        onStall();
      }
    },
    Math.min(5_000, after / 4),
  );
  return () => clearInterval(timer);
}

/** Something that changes whenever a process of the group does anything: proc(5), io and stat of each. */
async function activity(group: number): Promise<string> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    // Behind the name in parentheses, which may hold anything: state, parent, group, …, utime, stime.
    const fields = stat.replace(/^.*\) /s, "").split(" ");
    if (Number(fields[2]) !== group) continue;
    const io = await readFile(`/proc/${pid}/io`, "utf8").catch(() => "");
    // Go's runtime ticks a little even while it waits: whole tenths of a second count as computing.
    const computed = Math.floor((Number(fields[11]) + Number(fields[12])) / 10);
    found.push(`${pid} ${computed} ${/rchar: (\d+)\nwchar: (\d+)/.exec(io)?.slice(1).join(" ")}`);
  }
  return found.join("\n");
}
