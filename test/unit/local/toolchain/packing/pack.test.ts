import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract } from "tar";
import { afterEach, beforeEach, expect, it } from "vitest";
import { silent } from "../../../../../src/domain/progress.ts";
import { buildFolder } from "../../../../../src/local/toolchain/build.ts";
import { ensureBinaries } from "../../../../../src/local/toolchain/goTools.ts";
import { modulesIn } from "../../../../../src/local/toolchain/packing/licences.ts";
import { packTool } from "../../../../../src/local/toolchain/packing/pack.ts";
import { tools } from "../../../../../src/local/toolchain/tools.ts";

// A go that builds a text, says that it was linked from two modules, and has their licences in its module cache.
const fakeGo = (folder: string) => `#!/bin/sh
case "$1" in
  build) while [ "$1" != -o ]; do shift; done; echo built > "$2" ;;
  version) printf 'x: go1.26.0\\n\\tdep\\texample.com/A/b\\tv1.0.0\\th1:x=\\n\\tdep\\texample.com/c\\tv2.0.0\\th1:y=\\n' ;;
  env) if [ "$2" = GOVERSION ]; then echo go1.26.0; else printf '%s\\n' ${folder}/modules ${folder}/goroot; fi ;;
esac`;

const shim = tools.filter((tool) => tool.name === "container-shim");
let folder: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "packing-"));
  await writeFile(join(folder, "go"), fakeGo(folder), { mode: 0o755 });
  env = { PATH: `${folder}:/usr/bin:/bin`, MENAGERIE_TOOLS: "build" };
  for (const [path, licence] of [
    ["goroot", "Go's licence"],
    ["modules/example.com/!a/b@v1.0.0", "Apache"],
    ["modules/example.com/c@v2.0.0", "Apache"],
  ] as const) {
    await mkdir(join(folder, path), { recursive: true });
    await writeFile(join(folder, path, "LICENSE"), licence);
  }
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ensured = (cache: string, environment: NodeJS.ProcessEnv, packages: string) =>
  ensureBinaries(shim, {
    cache,
    progress: silent,
    signal: new AbortController().signal,
    env: environment,
    manifests: false,
    places: { packages },
  });

it("a packed tool, unpacked as npm does, is used by a checkout of the same pins without Go", async () => {
  const [tool] = shim;
  if (!tool) throw new Error("no container shim");
  const cache = join(folder, "cache");
  await ensured(cache, env, folder);
  const packed = await packTool(tool, { cache, out: join(folder, "out"), env });
  expect(await readdir(join(folder, "out"))).toEqual([`${packed.name}-${packed.version}.tgz`]);

  const installed = join(folder, "node_modules", packed.name);
  await mkdir(installed, { recursive: true });
  await extract({ file: packed.file, cwd: installed, strip: 1 });
  expect(await readFile(join(installed, "LICENSES.txt"), "utf8")).toMatch(
    /The Go standard library\n\nGo's licence\n\n=+\n\nexample.com\/A\/b v1.0.0\nexample.com\/c v2.0.0\n\nApache/,
  );
  expect(await readdir(join(installed, "pins"))).toContain("go.mod");
  expect(JSON.parse(await readFile(join(installed, "package.json"), "utf8"))).toMatchObject({
    name: `menagerie-tools-container-shim-${process.platform}-${process.arch}`,
    os: [process.platform],
    cpu: [process.arch],
    menagerie: { tool: "container-shim", pins: (await buildFolder(tool, "")).split("-").at(-1) },
  });
  const { binaries } = await ensured(join(folder, "empty"), { PATH: "/nonexistent" }, join(folder, "node_modules"));
  expect(await readFile(binaries["container-shim"] ?? "", "utf8")).toBe("built\n");
});

it("what was downloaded is not packed", async () => {
  const [tool] = shim;
  if (!tool) throw new Error("no container shim");
  const cache = join(folder, "cache");
  await ensured(cache, env, folder);
  const record = join(await buildFolder(tool, cache), "tool.json");
  const origin = { ...JSON.parse(await readFile(record, "utf8")), origin: "release sha256:…" };
  await writeFile(record, JSON.stringify(origin));
  await expect(packTool(tool, { cache, out: join(folder, "out"), env })).rejects.toThrow(
    /container shim in .* was downloaded, and only builds are packed/,
  );
});

it("a module that replaces another counts in its place, a folder does not", () => {
  const output =
    "\tmod\texample.com/main\t(devel)\n\tdep\ta\tv1.0.0\n\t=>\tb\tv2.0.0\th1:x=\n\tdep\tc\tv1.0.0\n\t=>\t./c\t(devel)\n";
  expect(modulesIn(output)).toEqual([
    { path: "b", version: "v2.0.0" },
    { path: "c", version: "v1.0.0" },
  ]);
});
