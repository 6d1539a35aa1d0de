import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { processIdentity } from "../../adapters/processes/identity.mjs";
import { withLock } from "../../adapters/processes/lock.mjs";
import type { EnvironmentLayout } from "../layout.ts";

export interface KeeperLock {
  release(): Promise<void>;
}

const lockFile = (layout: EnvironmentLayout): string => join(layout.root, "keeper.lock");

/** Takes the environment for this process; undefined when a living keeper has it. A dead keeper's lock is broken. */
export async function acquireKeeperLock(layout: EnvironmentLayout): Promise<KeeperLock | undefined> {
  await mkdir(layout.root, { recursive: true, mode: 0o700 });
  const path = lockFile(layout);
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) }));
  try {
    // Of two keepers that start at once, one looks and takes the lock before the other looks.
    return await withLock(`${path}.guard`, {}, async () => {
      if ((await keeperProcess(layout)) !== undefined) return undefined;
      await rename(draft, path);
      return { release: () => rm(path, { force: true }) };
    });
  } finally {
    await rm(draft, { force: true });
  }
}

/** PID of the living keeper, or undefined. A recycled pid does not count: its start time differs. */
export async function keeperProcess(layout: EnvironmentLayout): Promise<number | undefined> {
  try {
    const { pid, identity } = JSON.parse(await readFile(lockFile(layout), "utf8")) as { pid: number; identity: string };
    return processIdentity(pid) === identity ? pid : undefined;
  } catch {
    // Missing, or cut off while it was written by a process that then died.
    return undefined;
  }
}
