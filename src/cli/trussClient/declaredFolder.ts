import { realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { recordSentHead } from "../../local/sentHeads.ts";
import { readModels } from "../models.ts";
import type { KnownEnvironment } from "../options.ts";
import type { StagedPatch } from "./stagedPatch.ts";

/** A run of the client that works on a folder. */
export interface FolderRun {
  readonly environment: Pick<KnownEnvironment, "layout">;
  /** Folder of the project, which declared folders are relative to. */
  readonly project: string;
  /** Arguments of the client: the folder is one of them, or else the working folder. */
  readonly args: readonly string[];
  readonly cwd: string;
}

/**
 * Remembers patches that were sent from the folder that the stack declares, as `menagerie watch` does: an `up` then knows
 * that the head is nobody else's work. Patches from other folders are not remembered.
 */
export function rememberSent({ environment, project, args, cwd }: FolderRun): (staged: StagedPatch) => Promise<void> {
  let declared: Promise<ReadonlySet<string>> | undefined;
  const versionsOfFolder = async (): Promise<ReadonlySet<string>> => {
    const given = await Promise.all([".", ...args].map((arg) => existing(resolve(cwd, arg))));
    const named = given.slice(1).filter((folder) => folder !== undefined);
    const folders = new Set(named.length > 0 ? named : given);
    const versions = new Set<string>();
    for (const { kind, versionId, truss } of await readModels(environment.layout)) {
      if (kind !== "development" || versionId === null) continue;
      if (folders.has(await existing(join(project, truss)))) versions.add(versionId);
    }
    return versions;
  };
  return async ({ versionId, hash }) => {
    declared ??= versionsOfFolder();
    if ((await declared).has(versionId)) await recordSentHead(environment.layout, versionId, hash);
  };
}

function existing(folder: string): Promise<string | undefined> {
  return realpath(folder).catch(() => undefined);
}
