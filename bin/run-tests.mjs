#!/usr/bin/env node
// Runs the tests on any Node.js that is there: installs the packages where that is needed, then starts vitest on the
// pinned Node.js. `npm test` runs everything; `npm test -- test/unit` a part; `npm run soak` the long campaigns.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeOf } from "../src/adapters/processes/pinnedNode.mjs";
import { runForwarding } from "./foreground.mjs";
import { ensureInstalled } from "./installation.mjs";

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const [first, ...rest] = process.argv.slice(2);

// Tests run copies of the checkout under names that never come again: what is compiled for them goes with the run.
const compiled = mkdtempSync(join(tmpdir(), "menagerie-compiled-"));

try {
  await ensureInstalled(project);
  const node = nodeOf(project);
  process.env.NODE_COMPILE_CACHE = compiled;
  process.env.PATH = `${dirname(node)}:${process.env.PATH}`;
  if (first === "bench") await runForwarding(node, [join(project, "test", "bench", "run.ts"), ...rest]);
  else await runForwarding(node, vitest(first === "soak" ? ["--project", "soak", ...rest] : ordinary()));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  rmSync(compiled, { recursive: true, force: true });
}

/** @param {readonly string[]} args */
function vitest(args) {
  return [join(project, "node_modules", "vitest", "vitest.mjs"), "run", ...args];
}

function ordinary() {
  const args = first === undefined ? [] : [first, ...rest];
  return ["--project", "unit", "--project", "integration", "--project", "truss", "--project", "local", ...args];
}
