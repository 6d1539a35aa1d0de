import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { sharedHome } from "./sharedEnvironment.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of the environment that test files share; empty until the first of them opens it. */
    readonly sharedFolder: string;
  }
}

/** A folder for the shared environment, which goes when the last file has ended. */
export default async function setup(tests: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "menagerie-shared-"));
  tests.provide("sharedFolder", folder);
  return async () => {
    await sharedHome(folder).dispose();
    await rm(folder, { recursive: true, force: true });
  };
}
