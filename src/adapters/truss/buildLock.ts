import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, readlink, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** The holder touches its lock this often, in milliseconds. */
const heartbeat = 2_000;
/** A lock that was not touched for so long belongs to nobody, in milliseconds. */
const staleAfter = 20_000;

/**
 * Runs `work` while holding the lock file `path`, so that two processes do not prepare the same thing twice. A lock
 * whose process is gone, or which was not touched for 20 s (the holder may live in another PID namespace), is taken over.
 *
 * @param onWait - called once when somebody else holds the lock.
 */
export async function withBuildLock<T>(
  path: string,
  signal: AbortSignal,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const own = `${process.pid} ${await pidNamespace()} ${randomBytes(8).toString("hex")}`;
  for (let waits = 0; !(await take(path, own)); waits += 1) {
    if (waits === 0) onWait();
    await discardStale(path);
    await delay(200, undefined, { signal });
  }
  const beating = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, heartbeat);
  try {
    return await work();
  } finally {
    clearInterval(beating);
    if ((await readFile(path, "utf8").catch(() => "")) === own) await rm(path, { force: true });
  }
}

/** A hard link appears with its content or not at all: no reader ever sees an empty lock. */
async function take(path: string, own: string): Promise<boolean> {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, own);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function discardStale(path: string): Promise<void> {
  const [holder, info] = await Promise.all([readFile(path, "utf8").catch(() => ""), stat(path).catch(() => undefined)]);
  if (holder === "" || !info) return;
  const [pid, namespace] = holder.split(" ");
  const gone = namespace === (await pidNamespace()) && !isAlive(Number(pid));
  if (!gone && Date.now() - info.mtimeMs < staleAfter) return;
  // Renamed first: of several who find it stale one succeeds, and a lock taken meanwhile is put back.
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  await rename(path, aside).catch(() => {});
  const moved = await readFile(aside, "utf8").catch(() => holder);
  if (moved !== holder) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

async function pidNamespace(): Promise<string> {
  return readlink("/proc/self/ns/pid").catch(() => "unknown");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
