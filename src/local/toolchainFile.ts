import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EnvironmentLayout } from "./layout.ts";
import type { Toolchain } from "./toolchain/index.ts";

/** Hands the toolchain that `up` prepared on to the processes of the environment, as `<root>/toolchain.json`. */
export function toolchainFile(layout: EnvironmentLayout): {
  read(): Promise<Toolchain>;
  write(toolchain: Toolchain): Promise<void>;
} {
  const path = join(layout.root, "toolchain.json");
  return {
    read: async () => JSON.parse(await readFile(path, "utf8")) as Toolchain,
    write: async (toolchain) => {
      await mkdir(layout.root, { recursive: true, mode: 0o700 });
      await writeFile(`${path}.new`, `${JSON.stringify(toolchain, null, 2)}\n`);
      await rename(`${path}.new`, path);
    },
  };
}
