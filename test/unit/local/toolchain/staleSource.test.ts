import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { prepareBuild } from "../../../../src/local/toolchain/build.ts";
import { findOnPath } from "../../../../src/local/toolchain/present.ts";
import { staleSource } from "../../../../src/local/toolchain/staleSource.ts";
import { type AnyTool, buildFlags } from "../../../../src/local/toolchain/tools.ts";

/** Two packages that import nothing else: not even those of Go have to be compiled. */
const files = {
  "go.mod": "module example.test/tiny\n\ngo 1.24\n",
  "small/small.go": "package small\n\nconst Name = `small`\n",
  "large/large.go": `package large\n\nimport "example.test/tiny/small"\n\nconst Text = small.Name + \`${"x".repeat(5_000)}\`\n`,
};

let folder: string;
let tool: AnyTool;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "stale-source-"));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(folder, "module", file, ".."), { recursive: true });
    await writeFile(join(folder, "module", file), text);
  }
  tool = { name: "tiny", title: "tiny", version: "1", module: join(folder, "module"), packages: { tiny: "./large" } };
  env = {
    ...process.env,
    GOCACHE: join(folder, "go-cache"),
    GOFLAGS: "-mod=mod",
    GOPROXY: "off",
    GOTOOLCHAIN: "local",
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it.skipIf((await findOnPath("go", process.env)) === undefined)(
  "what is left to compile is what Go's build cache lacks, in bytes",
  async () => {
    const context = { cache: join(folder, "cache"), env, signal: new AbortController().signal };
    const workspace = await prepareBuild(tool, context);
    const before = await staleSource(tool, workspace, context);
    expect([...before.packages.keys()].sort()).toEqual(["example.test/tiny/large", "example.test/tiny/small"]);
    expect(before.packages.get("example.test/tiny/large")).toBe(files["large/large.go"].length);
    expect(before.bytes).toBeGreaterThan(files["large/large.go"].length + files["small/small.go"].length);

    const go = promisify(execFile);
    await go("go", ["build", ...buildFlags(tool), "./small"], { cwd: workspace.folder, env });
    expect([...(await staleSource(tool, workspace, context)).packages.keys()]).toEqual(["example.test/tiny/large"]);
    await go("go", ["build", ...buildFlags(tool), "./large"], { cwd: workspace.folder, env });
    const after = await staleSource(tool, workspace, context);
    expect(after.packages.size).toBe(0);
    // It is still to be linked.
    expect(after.bytes).toBeGreaterThan(0);
  },
);
