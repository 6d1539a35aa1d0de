// npm run tools:pack [-- --out FOLDER] [--tekton]: packs the tools that this machine has built as npm packages.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { terminalProgress } from "../src/cli/terminalProgress.ts";
import { messageOf, OperatorError } from "../src/domain/errors.ts";
import { menagerieCache } from "../src/local/layout.ts";
import { ensureBinaries } from "../src/local/toolchain/goTools.ts";
import { adoption, type Packed, packManifests, packTool } from "../src/local/toolchain/packing/pack.ts";
import { tekton, tools } from "../src/local/toolchain/tools.ts";

const { values } = parseArgs({
  options: { out: { type: "string", default: join("dist", "tools") }, tekton: { type: "boolean", default: false } },
});
const env = { ...process.env, MENAGERIE_TOOLS: "build" };
const options = { cache: menagerieCache(env), out: values.out, env };
const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort(new Error("interrupted")));

try {
  const chosen = values.tekton ? [...tools, tekton] : tools;
  const progress = terminalProgress();
  await ensureBinaries(chosen, { ...options, progress, signal: interrupt.signal });
  const packed: Packed[] = [];
  for (const tool of chosen) packed.push(await packTool(tool, options));
  packed.push(await packManifests(options));
  for (const { file, bytes, dynamic } of packed) {
    const needs = dynamic ? "  needs this machine's C library or a newer one" : "";
    process.stdout.write(`${(bytes / 1e6).toFixed(1).padStart(7)} MB  ${file}${needs}\n`);
  }
  process.stdout.write(`\nOn another machine's checkout of the same pins:\n  npm install --no-save FOLDER/*.tgz\n`);
  process.stdout.write(`Once they are published:\n  ${adoption(packed)}\n`);
} catch (error) {
  if (!(error instanceof OperatorError) && !interrupt.signal.aborted) throw error;
  process.stderr.write(`tools:pack: ${messageOf(error)}\n`);
  process.exitCode = error instanceof OperatorError ? error.exitCode : 1;
}
