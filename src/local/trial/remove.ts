import { rm } from "node:fs/promises";
import { runCommand } from "../node/processes.ts";
import type { TrialPlace } from "./place.ts";

const withinMs = 60_000;

/** Deletes everything that a trial has made. None of its processes may run, except the caller. Idempotent. */
export async function removeTrial({ sockets, folder }: Pick<TrialPlace, "sockets" | "folder">): Promise<void> {
  for (const path of [sockets, folder]) {
    await rm(path, { recursive: true, force: true }).catch(async (error: NodeJS.ErrnoException) => {
      // A model may have taken its own rights away from a folder, and overlayfs does from its own: root in a namespace goes past that.
      const root = ["--user", "--map-root-user", "--", "rm", "-rf", "--", path];
      const { code } = await runCommand("unshare", root, { timeout: withinMs });
      if (code !== 0) throw error;
    });
  }
}
