#!/usr/bin/env node
// Runs a script of this project on the pinned Node.js, on whatever Node.js it is started: `node bin/run-script.mjs tools/pack.ts …`.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeOf } from "../src/adapters/processes/pinnedNode.mjs";
import { runForwarding } from "./foreground.mjs";
import { ensureInstalled } from "./installation.mjs";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const [script = "", ...rest] = process.argv.slice(2);

try {
  await ensureInstalled(project);
  await runForwarding(nodeOf(project), [join(project, script), ...rest]);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
