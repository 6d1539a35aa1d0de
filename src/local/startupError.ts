import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentLayout } from "./layout.ts";

/**
 * Why the environment's own processes could not start: written by the keeper or the supervisor, which have no terminal,
 * and told by the `up` that waits for them.
 */
export function startupError(layout: EnvironmentLayout): {
  read(): Promise<string | undefined>;
  write(message: string): Promise<void>;
  clear(): Promise<void>;
} {
  const path = join(layout.logs, "startup.error");
  return {
    read: () => readFile(path, "utf8").catch(() => undefined),
    write: async (message) => {
      await mkdir(layout.logs, { recursive: true, mode: 0o700 });
      // Whole at once: `up` looks for it all the time, and would tell an empty reason.
      const draft = `${path}.${process.pid}`;
      await writeFile(draft, message);
      await rename(draft, path);
    },
    clear: () => rm(path, { force: true }),
  };
}
