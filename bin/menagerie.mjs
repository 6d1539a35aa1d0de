#!/usr/bin/env node
// Starts the CLI on the pinned Node.js, after installing the project's packages where that is due. Plain JavaScript for
// any Node.js from 18 on, without dependencies: it runs straight after `git clone`.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// npx may start this through a link in its own cache; only the real path leads to the project.
const project = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  const main = join(project, "src", "cli", "main.ts");
  if (!existsSync(main)) {
    // npm packs this file with the package, whatever `files` says.
    throw new Error(
      "this is the package for programs, which has no commands; run them in a checkout of Menagerie, such as `npx menagerie pulumi --program FOLDER -- up`",
    );
  }
  const { nodeOf } = await import("../src/adapters/processes/pinnedNode.mjs");
  const { runForwarding } = await import("./foreground.mjs");
  const { ensureInstalled } = await import("./installation.mjs");
  await ensureInstalled(project);
  await runForwarding(nodeOf(project), [main, ...process.argv.slice(2)]);
} catch (error) {
  process.stderr.write(`menagerie: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
