import { type FSWatcher, statSync, watch } from "node:fs";
import { join } from "node:path";
import type { TrussSnapshot } from "../../domain/truss/snapshot.ts";

/** Tells that something in a truss may have changed; what, a reading tells. */
export interface FolderEvents {
  /**
   * Watches the root and the folders that a snapshot has, and no others; a folder that another has taken the place of is watched
   * anew. Without a snapshot the root alone. Answers whether some are new, so that saves in them may have been missed.
   */
  follow(snapshot: TrussSnapshot | undefined): boolean;
  close(): void;
}

/** The kernel's limits of inotify, by the error that tells that one is reached; see inotify(7). */
const limits: Readonly<Record<string, { readonly name: string; readonly value: number }>> = {
  ENOSPC: { name: "fs.inotify.max_user_watches", value: 524_288 },
  EMFILE: { name: "fs.inotify.max_user_instances", value: 1_024 },
};

function blindSentence({ name, value }: { readonly name: string; readonly value: number }): string {
  return `the limit ${name} is reached, so some saves are found only by looking every few seconds; raise it with \`sysctl -w ${name}=${value}\``;
}

/**
 * One watcher for each folder: an editor that saves by renaming is seen by the folder, not by the file that it replaces.
 *
 * @param onBlind - told once, with a sentence, where the machine gives no more watches: changes in some folders are not told then, and
 * whoever wants them has to look.
 */
export function watchFolders(root: string, onEvent: () => void, onBlind: (sentence: string) => void): FolderEvents {
  let isBlind = false;
  const watchers = new Map<string, { readonly watcher: FSWatcher; readonly inode: number }>();
  const add = (folder: string): boolean => {
    const path = join(root, folder);
    const inode = statSync(path, { throwIfNoEntry: false })?.ino;
    const before = watchers.get(folder);
    if (before && before.inode === inode) return false;
    drop(folder);
    if (inode === undefined) return false;
    try {
      const watcher = watch(path, { persistent: true }, onEvent);
      // Its folder went away, which its parent's watcher tells too.
      watcher.on("error", () => drop(folder));
      watchers.set(folder, { watcher, inode });
      return true;
    } catch (error) {
      const limit = limits[(error as NodeJS.ErrnoException).code ?? ""];
      if (limit !== undefined && !isBlind) onBlind(blindSentence(limit));
      isBlind ||= limit !== undefined;
      return false;
    }
  };
  const drop = (folder: string): void => {
    watchers.get(folder)?.watcher.close();
    watchers.delete(folder);
  };
  add("");
  return {
    follow(snapshot) {
      const entries = snapshot?.entries;
      for (const folder of watchers.keys()) if (folder !== "" && entries?.get(folder)?.kind !== "dir") drop(folder);
      let isNew = add("");
      for (const [path, entry] of entries ?? []) if (entry.kind === "dir" && add(path)) isNew = true;
      return isNew;
    },
    close() {
      for (const folder of [...watchers.keys()]) drop(folder);
    },
  };
}
