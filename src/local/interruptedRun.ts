import { readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";

/**
 * What an engine that was killed leaves in its file backend (Pulumi 3.259): a lock that nobody holds any more, and creates
 * that were begun and not recorded. Both would need the operator's hand: `pulumi cancel`, and a refresh that clears them.
 */

/** A lock of the file backend, `.pulumi/locks/organization/<project>/<stack>/<uuid>.json`. */
interface Lock {
  readonly pid?: number;
}

/** A stack in an environment's own file backend. */
export interface BackendStack {
  /** Folder of the file backend. */
  readonly backend: string;
  readonly project: string;
  readonly stack: string;
}

/**
 * Removes the stack's locks whose engine has ended, and answers the pid of an engine that is at work on it. An
 * environment's backend is used on its own machine only, so the process list says whether a lock is held.
 */
export async function releaseDeadLocks({ backend, project, stack }: BackendStack): Promise<number | undefined> {
  const folder = join(backend, ".pulumi", "locks", "organization", project, stack);
  let holder: number | undefined;
  const dead: string[] = [];
  for (const name of await readdir(folder).catch(absent)) {
    if (!name.endsWith(".json")) continue;
    const path = join(folder, name);
    const { pid } = await readLock(path);
    if (pid !== undefined && (await isEngine(pid))) holder = pid;
    else dead.push(path);
  }
  // Before the locks, which are what says that a run was killed.
  if (dead.length > 0) await removeTornAttributes({ backend, project, stack });
  for (const path of dead) await Promise.all([rm(path, { force: true }), rm(`${path}${attributes}`, { force: true })]);
  return holder;
}

/** The blob library (gocloud.dev fileblob) keeps a file's attributes beside it, in a file of this ending. */
const attributes = ".attrs";

/**
 * The library writes a file by rename but its attributes in place, so an engine that is killed in between leaves them empty;
 * the file itself, which is whole, can then not be read ("failed to load checkpoint: EOF"). Without attributes it can.
 */
async function removeTornAttributes({ backend, project, stack }: BackendStack): Promise<void> {
  const own = join(backend, ".pulumi");
  for (const folder of [join(own, "stacks", project), join(own, "history", project, stack)]) {
    for (const name of await readdir(folder).catch(absent)) {
      if (!name.endsWith(attributes)) continue;
      const path = join(folder, name);
      if (!isJson((await readIfThere(path)) ?? "")) await rm(path, { force: true });
    }
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
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

/** A lock that was being written when its engine was killed holds nothing, and nobody holds it. */
async function readLock(path: string): Promise<Lock> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Lock;
  } catch {
    return {};
  }
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
