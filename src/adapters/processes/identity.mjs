// Plain JavaScript, as is all that bin/ imports: it runs on whatever Node.js started it, before anything is installed.
import { readFileSync } from "node:fs";

/**
 * What tells a process from a later one with the same pid: its start time in clock ticks since boot (field 22 of
 * /proc/<pid>/stat, see proc(5)) and the boot it belongs to. Undefined when there is no such process, or only a zombie.
 * A system without /proc tells only whether the pid is in use.
 *
 * @param {number} pid
 * @returns {string | undefined}
 */
export function processIdentity(pid) {
  if (process.platform !== "linux") return isInUse(pid) ? "running" : undefined;
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

/** @param {number} pid */
function isInUse(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
