// Plain JavaScript, as is all that bin/ imports: it runs on whatever Node.js started it, before anything is installed.
import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, readlink, rm, rmdir, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { processIdentity } from "./identity.mjs";

/**
 * Who holds a lock.
 *
 * @typedef {object} Holder
 * @property {number} pid
 * @property {string} identity tells the process from a later one with the same id, see {@link processIdentity}
 * @property {string} pidNamespace processes of another PID namespace cannot be looked up
 * @property {string} since ISO 8601, for people
 *
 * @typedef {object} LockOptions
 * @property {AbortSignal} [signal]
 * @property {(holder: { pid: number, since: string }) => void} [onWait] called once when somebody else holds the lock
 */

const heartbeatMilliseconds = 5_000;
/** A holder that cannot be looked up counts as dead when it has not touched its lock for so long. */
const silenceMilliseconds = 60_000;

/**
 * Runs `work` while holding the lock file `path`, which processes of one machine respect; waits while another live
 * process (or another call in this one) holds it. Locks of dead processes are broken. Throws the signal's reason
 * when aborted while waiting.
 *
 * @template T
 * @param {string} path
 * @param {LockOptions} options
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, options, work) {
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

/**
 * @param {string} path
 * @param {string} mine
 * @param {LockOptions} options
 */
async function acquire(path, mine, options) {
  let told = false;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      // Unlike open(O_EXCL), a link appears with its content already there.
      await link(mine, path);
      return;
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    }
    const holder = await readHolder(path);
    if (holder === undefined) continue;
    if (await isDead(holder, path)) {
      await breakLock(path, holder);
      continue;
    }
    if (!told) options.onWait?.(holder);
    told = true;
    await delay(200, undefined, options.signal ? { signal: options.signal } : {}).catch((error) => {
      throw options.signal?.reason ?? error;
    });
  }
}

/**
 * Removes the lock of a dead holder. One breaker at a time, so that none removes the lock of whoever came next.
 *
 * @param {string} path
 * @param {Holder} dead
 */
async function breakLock(path, dead) {
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

/**
 * @param {string} path
 * @returns {Promise<Holder | undefined>}
 */
async function readHolder(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    // Not written by us, or cut off by a full disk: nobody holds it.
    return { pid: 0, identity: "", pidNamespace: await ownPidNamespace(), since: "" };
  }
}

/**
 * @param {Holder} holder
 * @param {string} path
 */
async function isDead(holder, path) {
  if (holder.pidNamespace !== (await ownPidNamespace())) {
    const touched = await stat(path).then(
      (found) => found.mtimeMs,
      () => Date.now(),
    );
    return Date.now() - touched > silenceMilliseconds;
  }
  return processIdentity(holder.pid) !== holder.identity;
}

/** @returns {Promise<Holder>} */
async function ownIdentity() {
  return {
    pid: process.pid,
    identity: processIdentity(process.pid) ?? "",
    pidNamespace: await ownPidNamespace(),
    since: new Date().toISOString(),
  };
}

/** Empty on a system that has no such namespaces. */
function ownPidNamespace() {
  return readlink("/proc/self/ns/pid").catch(() => "");
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
