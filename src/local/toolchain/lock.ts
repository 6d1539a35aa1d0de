import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, readlink, rm, rmdir, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Who holds a lock: a process id alone would be another process after a reboot or a wrap-around. */
interface Holder {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, clock ticks since boot (proc(5)). */
  readonly startTime: string;
  readonly bootId: string;
  /** PID namespace: processes of another one cannot be looked up. */
  readonly pidNamespace: string;
  /** ISO 8601, for people. */
  readonly since: string;
}

const heartbeatMilliseconds = 5_000;
/** A holder that cannot be looked up counts as dead when it has not touched its lock for so long. */
const silenceMilliseconds = 60_000;

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Called once when somebody else holds the lock. */
  readonly onWait?: (holder: { pid: number; since: string }) => void;
}

/**
 * Runs `work` while holding the lock file `path`, which processes of one machine respect; waits while another live
 * process (or another call in this one) holds it. Locks of dead processes are broken. Throws the signal's reason
 * when aborted while waiting.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const mine = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  await writeFile(mine, JSON.stringify(await identity()));
  try {
    await acquire(path, mine, options);
  } finally {
    await rm(mine, { force: true });
  }
  const heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), heartbeatMilliseconds);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    await unlink(path).catch(() => {});
  }
}

async function acquire(path: string, mine: string, options: LockOptions): Promise<void> {
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      // Unlike open(O_EXCL), a link appears with its content already there.
      await link(mine, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = await readHolder(path);
    if (holder === undefined) continue;
    if (await isDead(holder, path)) {
      await breakLock(path, holder);
      continue;
    }
    if (!told) options.onWait?.(holder);
    told = true;
    await delay(200, undefined, options.signal ? { signal: options.signal } : {}).catch((error: unknown) => {
      throw options.signal?.reason ?? error;
    });
  }
}

/** Removes the lock of a dead holder. One breaker at a time, so that none removes the lock of whoever came next. */
async function breakLock(path: string, dead: Holder): Promise<void> {
  const guard = `${path}.breaking`;
  try {
    await mkdir(guard);
  } catch {
    const age = await stat(guard).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    );
    if (age > 10_000) await rmdir(guard).catch(() => {});
    await delay(20);
    return;
  }
  try {
    const now = await readHolder(path);
    if (now && JSON.stringify(now) === JSON.stringify(dead)) await unlink(path).catch(() => {});
  } finally {
    await rmdir(guard).catch(() => {});
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    // Not written by us, or cut off by a full disk: nobody holds it.
    return { pid: 0, startTime: "", bootId: "", pidNamespace: "", since: "" };
  }
}

async function isDead(holder: Holder, path: string): Promise<boolean> {
  const me = await identity();
  if (holder.bootId !== me.bootId) return true;
  if (holder.pidNamespace !== me.pidNamespace) {
    const touched = await stat(path).then(
      (found) => found.mtimeMs,
      () => Date.now(),
    );
    return Date.now() - touched > silenceMilliseconds;
  }
  return (await startTimeOf(holder.pid)) !== holder.startTime;
}

async function identity(): Promise<Holder> {
  const [startTime, bootId, pidNamespace] = await Promise.all([
    startTimeOf(process.pid),
    readFile("/proc/sys/kernel/random/boot_id", "utf8").then((text) => text.trim()),
    readlink("/proc/self/ns/pid"),
  ]);
  return { pid: process.pid, startTime: startTime ?? "", bootId, pidNamespace, since: new Date().toISOString() };
}

/** Start time of a live process; undefined for one that is gone or a zombie. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    // The command's name, in parentheses, may itself hold spaces and parentheses.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
