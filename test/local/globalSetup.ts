import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { terminalProgress } from "../../src/cli/terminalProgress.ts";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { preflight } from "../../src/local/preflight/index.ts";
import { ensureToolchain } from "../../src/local/toolchain/index.ts";
import { sharedHome } from "./support/sharedEnvironment.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of the environment that test files share; empty until the first of them opens it. */
    readonly sharedFolder: string;
  }
}

/** Builds what the local tests run, once; on a machine that has built it before this takes a moment. */
export default async function setup(tests: TestProject): Promise<() => Promise<void>> {
  const progress = process.env.CI ? terminalProgress() : silent;
  await preflight({ progress });
  await ensureToolchain({ cache: menagerieCache(), progress, signal: new AbortController().signal });
  const folder = await mkdtemp(join(tmpdir(), "menagerie-shared-"));
  tests.provide("sharedFolder", folder);
  return async () => {
    await sharedHome(folder).dispose();
    await rm(folder, { recursive: true, force: true });
  };
}
