import { readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { withLock } from "../adapters/processes/lock.mjs";

/**
 * What an engine that was killed leaves in its file backend (Pulumi 3.259): a lock that nobody holds any more, and creates
 * that were begun and not recorded. The files are the engine's: they are read here, and its own commands change them.
 */

/** A stack in an environment's own file backend. */
export interface BackendStack {
  /** Folder of the file backend. */
  readonly backend: string;
  readonly project: string;
  readonly stack: string;
}

/**
 * Clears what runs of a stack that were killed have left, unless an engine is at work on it: answers that engine's pid.
 *
 * @param pulumi - runs a command of the engine in the stack's folder, and throws where it fails.
 */
export async function clearInterrupted(
  stack: BackendStack,
  pulumi: (args: readonly string[]) => Promise<unknown>,
): Promise<number | undefined> {
  const named = ["--stack", stack.stack];
  const holder = await releaseDeadLocks(stack, () => pulumi(["cancel", "--yes", ...named]));
  if (holder !== undefined || (await pendingCreates(stack)).length === 0) return holder;
  // What the engine itself offers for this: an import drops the operations that were never finished. The next run begins
  // them again, and each of them converges from what it finds.
  const state = `${stack.backend}.export`;
  try {
    await pulumi(["stack", "export", ...named, "--file", state]);
    await pulumi(["stack", "import", ...named, "--file", state]);
  } finally {
    await rm(state, { force: true });
  }
  return undefined;
}

/**
 * Has the locks of engines that have ended released, and answers the pid of an engine that is at work on the stack. An
 * environment's backend is used on its own machine only, so the process list says whether a lock is held.
 *
 * @param cancel - `pulumi cancel`, which removes every lock of the stack. Of several commands that find a dead lock, one runs it
 * before the others look again, so that it takes no lock of an engine that one of them has started meanwhile.
 */
export async function releaseDeadLocks(
  stack: BackendStack,
  cancel: () => Promise<unknown>,
): Promise<number | undefined> {
  const found = await locksOf(stack);
  if (!found.isLeft) return found.holder;
  return withLock(join(stack.backend, "cancel.lock"), {}, async () => {
    const { holder, isLeft } = await locksOf(stack);
    if (holder === undefined && isLeft) await cancel();
    return holder;
  });
}

interface Locks {
  /** Pid of the engine that holds the stack. */
  readonly holder: number | undefined;
  /** Whether a run that has ended has left a lock. */
  readonly isLeft: boolean;
}

/** How long an engine may take to give a lock its name, in milliseconds. */
const namedWithinMs = 1_000;

/** The locks of the stack: `.pulumi/locks/organization/<project>/<stack>/<uuid>.json`, and such a name with a suffix until it is whole. */
async function locksOf({ backend, project, stack }: BackendStack): Promise<Locks> {
  const folder = join(backend, ".pulumi", "locks", "organization", project, stack);
  // What engines kept beside each file, before environments told them not to, is no lock.
  const list = async () => (await readdir(folder).catch(absent)).filter((name) => !name.endsWith(".attrs"));
  let names = await list();
  if (names.some((name) => !name.endsWith(".json"))) {
    await delay(namedWithinMs);
    names = await list();
  }
  let holder: number | undefined;
  let isLeft = false;
  for (const name of names) {
    const text = await readIfThere(join(folder, name));
    if (text === undefined) continue;
    const pid = pidOf(text);
    if (pid !== undefined && (await isEngine(pid))) holder = pid;
    else isLeft = true;
  }
  return { holder, isLeft };
}

/** A lock that was being written when its engine was killed names nobody. */
function pidOf(lock: string): number | undefined {
  try {
    return (JSON.parse(lock) as { readonly pid?: number }).pid;
  } catch {
    return undefined;
  }
}

/**
 * URNs of the creates that an interrupted run began: what they make may exist or not. Creates converge from what they find,
 * so they can be begun again; yet the engine carries them along, with a warning in each run, until they are cleared.
 */
export async function pendingCreates({ backend, project, stack }: BackendStack): Promise<string[]> {
  const path = join(backend, ".pulumi", "stacks", project, `${stack}.json`);
  const text = await readIfThere(path);
  // Of a state of megabytes, which nearly always has none.
  if (!text?.includes('"pending_operations"')) return [];
  const { checkpoint } = JSON.parse(text) as {
    checkpoint?: { latest?: { pending_operations?: { type: string; resource: { urn: string } }[] } | null };
  };
  const operations = checkpoint?.latest?.pending_operations ?? [];
  return operations.filter(({ type }) => type === "creating").map(({ resource }) => resource.urn);
}

/** Pids are used again: only a process whose program is `pulumi` can be the lock's holder. */
async function isEngine(pid: number): Promise<boolean> {
  const commandLine = await readIfThere(`/proc/${pid}/cmdline`);
  return basename(commandLine?.split("\0")[0] ?? "") === "pulumi";
}

function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    absent(error);
    return undefined;
  });
}

function absent(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT" || error.code === "ESRCH") return [];
  throw error;
}
