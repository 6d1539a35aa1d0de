import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Runs `work` while holding the lock file `path`; waits while another live process holds it, and breaks the lock of a
 * dead one. The TypeScript side has `withLock`, which this old Node.js cannot import.
 */
export async function withProcessLock(path, onWait, work) {
  mkdirSync(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, holderText(process.pid));
  let told = false;
  try {
    // Unlike an exclusive open, a link appears with its content already there.
    while (!attempt(() => linkSync(mine, path), "EEXIST")) {
      const holder = readText(path);
      const pid = Number.parseInt(holder, 10);
      if (holder !== "" && holder !== holderText(pid)) breakLock(path, holder);
      else if (!told && pid > 0) {
        onWait(pid);
        told = true;
      }
      await delay(100);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** One breaker at a time, so that none removes the lock of whoever came next. */
function breakLock(path, dead) {
  const guard = `${path}.breaking`;
  if (!attempt(() => mkdirSync(guard), "EEXIST")) {
    attempt(() => {
      if (Date.now() - statSync(guard).mtimeMs > 10_000) rmdirSync(guard);
    }, "ENOENT");
    return;
  }
  if (readText(path) === dead) attempt(() => unlinkSync(path), "ENOENT");
  rmdirSync(guard);
}

/** Process id, start time (field 22 of /proc/PID/stat) and boot: an id alone may be another process by now. */
function holderText(pid) {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === "") return `${pid} gone`;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return `${pid} ${fields[19]} ${readText("/proc/sys/kernel/random/boot_id").trim()}`;
}

function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function attempt(action, expected) {
  try {
    action();
    return true;
  } catch (error) {
    if (error.code !== expected) throw error;
    return false;
  }
}
