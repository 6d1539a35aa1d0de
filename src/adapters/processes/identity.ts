import { readFileSync } from "node:fs";

/**
 * What tells a process from a later one with the same pid: its start time in clock ticks since boot (field 22 of
 * /proc/<pid>/stat, see proc(5)) and the boot it belongs to. Undefined when there is no such process, or only a zombie.
 */
export function processIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command, in parentheses, may hold spaces; the fields after it do not.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z") return undefined;
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}:${fields[19]}`;
  } catch {
    return undefined;
  }
}
