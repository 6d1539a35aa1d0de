/**
 * Processor seconds of a cold build of each tool, one after another, with a build cache of its own that the next tool
 * shares, as on a fresh machine. Go modules come from the machine's module cache, so that downloads do not count.
 * `MENAGERIE_BENCH_TOOLS=<folder>` keeps build cache and executables there, and goes on with what is there already.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, buildFolder, builtBinaries, prepareBuild } from "../../src/local/toolchain/build.ts";
import { tools } from "../../src/local/toolchain/tools.ts";

/** Seconds of processor time of this process's children that have ended: proc(5), fields cutime and cstime. */
function childrenSeconds(): number {
  const fields = readFileSync("/proc/self/stat", "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

const kept = process.env.MENAGERIE_BENCH_TOOLS;
const folder = kept ?? mkdtempSync(join(tmpdir(), "menagerie-bench-tools-"));
const context = {
  cache: join(folder, "cache"),
  env: { ...process.env, GOCACHE: join(folder, "gocache") },
  signal: new AbortController().signal,
};
const row = (...cells: readonly (string | number)[]) =>
  console.log(cells.map((cell, index) => (index === 0 ? String(cell).padEnd(22) : String(cell).padStart(12))).join(""));

try {
  row("tool", "prepare s", "build s", "wall s", "packages", "MB");
  const total = { prepare: 0, build: 0, wall: 0, packages: 0 };
  for (const tool of tools) {
    const target = await buildFolder(tool, context.cache);
    if (await builtBinaries(tool, target)) {
      row(tool.name, "built before");
      continue;
    }
    const begun = childrenSeconds();
    const workspace = await prepareBuild(tool, context);
    const prepared = childrenSeconds();
    const started = Date.now();
    let packages = 0;
    const binaries = await build(tool, workspace, target, {
      ...context,
      onPackage: () => {
        packages += 1;
      },
    });
    const built = childrenSeconds();
    const wall = (Date.now() - started) / 1000;
    const size = Object.values(binaries).reduce((sum, file) => sum + statSync(file).size, 0);
    row(
      ...[tool.name, (prepared - begun).toFixed(1), (built - prepared).toFixed(1), wall.toFixed(0)],
      ...[packages, Math.round(size / 2 ** 20)],
    );
    total.prepare += prepared - begun;
    total.build += built - prepared;
    total.wall += wall;
    total.packages += packages;
  }
  row("together", total.prepare.toFixed(1), total.build.toFixed(1), total.wall.toFixed(0), total.packages);
} finally {
  if (!kept) rmSync(folder, { recursive: true, force: true });
}
