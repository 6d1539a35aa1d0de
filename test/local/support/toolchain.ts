import { terminalProgress } from "../../../src/cli/terminalProgress.ts";
import { silent } from "../../../src/domain/progress.ts";
import { menagerieCache } from "../../../src/local/layout.ts";
import { preflight } from "../../../src/local/preflight/index.ts";
import { ensureToolchain } from "../../../src/local/toolchain/index.ts";

/** Builds what the local tests run, once; on a machine that has built it before this takes a moment. */
export default async function setup(): Promise<void> {
  const progress = process.env.CI ? terminalProgress() : silent;
  await preflight({ progress });
  await ensureToolchain({ cache: menagerieCache(), progress, signal: new AbortController().signal });
}
