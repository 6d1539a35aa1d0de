#!/usr/bin/env node
// Starts the CLI on the pinned Node.js, after installing the project's packages where that is due. Plain JavaScript for
// any Node.js from 18 on, without dependencies: it runs straight after `git clone`.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeOf } from "../src/adapters/processes/pinnedNode.mjs";
import { runForwarding } from "./foreground.mjs";
import { ensureInstalled } from "./installation.mjs";

// npx may start this through a link in its own cache; only the real path leads to the project.
const project = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  await ensureInstalled(project);
  await runForwarding(nodeOf(project), [join(project, "src", "cli", "main.ts"), ...process.argv.slice(2)]);
} catch (error) {
  process.stderr.write(`menagerie: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
