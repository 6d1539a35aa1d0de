#!/usr/bin/env node
// Runs the tests on any Node.js that is there: installs the packages where that is needed, then goes on with test/run/main.ts
// on the pinned Node.js. `npm test` runs everything; `npm test -- test/unit` a part; `npm run soak` the long campaigns.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeOf } from "../src/adapters/processes/pinnedNode.mjs";
import { runForwarding } from "./foreground.mjs";
import { ensureInstalled } from "./installation.mjs";

const project = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  await ensureInstalled(project);
  const node = nodeOf(project);
  process.env.PATH = `${dirname(node)}:${process.env.PATH}`;
  await runForwarding(node, [join(project, "test", "run", "main.ts"), ...process.argv.slice(2)]);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
