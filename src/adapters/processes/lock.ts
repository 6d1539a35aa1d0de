import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, readlink, rm, rmdir, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { processIdentity } from "./identity.ts";

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  /** Tells the process from a later one with the same id, see {@link processIdentity}. */
  readonly identity: string;
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
  await writeFile(mine, JSON.stringify(await ownIdentity()));
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
    return { pid: 0, identity: "", pidNamespace: await ownPidNamespace(), since: "" };
  }
}

async function isDead(holder: Holder, path: string): Promise<boolean> {
  if (holder.pidNamespace !== (await ownPidNamespace())) {
    const touched = await stat(path).then(
      (found) => found.mtimeMs,
      () => Date.now(),
    );
    return Date.now() - touched > silenceMilliseconds;
  }
  return processIdentity(holder.pid) !== holder.identity;
}

async function ownIdentity(): Promise<Holder> {
  return {
    pid: process.pid,
    identity: processIdentity(process.pid) ?? "",
    pidNamespace: await ownPidNamespace(),
    since: new Date().toISOString(),
  };
}

function ownPidNamespace(): Promise<string> {
  return readlink("/proc/self/ns/pid");
}
