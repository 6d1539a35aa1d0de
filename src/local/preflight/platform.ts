import { realpath, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { refusal } from "../refusals.ts";
import type { Check } from "./check.ts";

export const linux: Check = {
  name: "Linux",
  check: async ({ platform }) =>
    platform === "linux" ? undefined : { lack: refusal("machine.not-linux", null, { platform }) },
};

export const node: Check = {
  name: "Node.js",
  check: async ({ nodeVersion }) =>
    Number(nodeVersion.split(".")[0]) >= 24 ? undefined : { lack: refusal("machine.old-node", null, { nodeVersion }) },
};

/** Programs of the machine are here, which every container may look at. */
const programFolders = ["/usr", "/opt"];

/** Environments hold keys and passwords, so they must not lie where containers can read. */
export const privateHome: Check = {
  name: "home",
  check: async ({ home }) => {
    const places = [home, await realFolder(home)];
    const inside = programFolders.find((folder) => places.some((place) => `${place}/`.startsWith(`${folder}/`)));
    if (inside === undefined) return undefined;
    return { lack: refusal("machine.home-in-sight", null, { home, inside }) };
  },
};

const gibibyte = 2 ** 30;
/** Go's module and build caches, and the tools themselves. */
const coldBuild = 8 * gibibyte;
/** Images, PostgreSQL, etcd and logs of a small environment. */
const environment = 2 * gibibyte;

export const disk: Check = {
  name: "free disk",
  check: async ({ cache, home, missingTools }) => {
    const missing = await missingTools();
    const needs = [
      {
        folder: cache,
        bytes: missing.length > 0 ? coldBuild : 0,
        variable: "MENAGERIE_CACHE",
        why: "for building the tools once",
      },
      { folder: home, bytes: environment, variable: "MENAGERIE_HOME", why: "for an environment" },
    ];
    for (const { folder, bytes, variable, why } of needs) {
      const free = await freeBytes(folder);
      if (free >= bytes) continue;
      const [has, needed] = [(free / gibibyte).toFixed(1), bytes / gibibyte];
      return { lack: refusal("machine.disk", null, { has, folder, needed, why, variable }) };
    }
    return undefined;
  },
};

/** Bytes that an ordinary user may still write where `folder` is, or will be. */
async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    if (dirname(folder) === folder) throw error;
    return freeBytes(dirname(folder));
  }
}

/** `folder` without symbolic links, also when its last parts are still to be made. */
async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch {
    return dirname(folder) === folder ? folder : join(await realFolder(dirname(folder)), basename(folder));
  }
}
