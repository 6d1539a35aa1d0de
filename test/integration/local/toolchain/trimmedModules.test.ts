import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silent } from "../../../../src/domain/progress.ts";
import { ensureBinaries } from "../../../../src/local/toolchain/goTools.ts";
import type { AnyTool } from "../../../../src/local/toolchain/tools.ts";

const run = promisify(execFile);

// A module of two packages, served by a proxy that is a folder, and a tool that calls it.
const module = "example.com/store";
const store = `package store

import "example.com/store/cloud"

func Open() string {
	return cloud.Open()
}
`;
const main = `package main

import "example.com/store"

func main() {
	print(store.Open())
}
`;

/** Go's build cache goes by content: what is to be compiled in a run has not been compiled in another. */
const cloud = `package cloud\n\n// ${randomUUID()}\nfunc Open() string { return "cloud" }\n`;

let folder: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "trimmed-"));
  env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    GOFLAGS: "-modcacherw",
    GONOSUMDB: "*",
    GOTOOLCHAIN: "local",
    GOPROXY: `file://${join(folder, "proxy")}`,
    GOMODCACHE: join(folder, "modules"),
  };
  await publish("v1.0.0", {
    "store.go": store,
    "cloud/cloud.go": cloud,
  });
  await write("tool/main.go", main);
  await write("tool/go.mod", `module example.com/tool\n\ngo 1.24\n\nrequire ${module} v1.0.0\n`);
  await run("go", ["mod", "tidy"], { cwd: join(folder, "tool"), env });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

const goModOf = (goVersion: string) => `module ${module}\n\ngo ${goVersion}\n`;

/** Puts a version of the module into the proxy. */
async function publish(version: string, files: Readonly<Record<string, string>>, goVersion = "1.24"): Promise<void> {
  const all = { ...files, "go.mod": goModOf(goVersion) };
  const versions = `proxy/${module}/@v`;
  await write(`${versions}/${version}.info`, JSON.stringify({ Version: version }));
  await write(`${versions}/${version}.mod`, all["go.mod"]);
  await write(
    "files.json",
    JSON.stringify(Object.entries(all).map(([path, text]) => [`${module}@${version}/${path}`, text])),
  );
  const zip =
    "import json,sys,zipfile\nwith zipfile.ZipFile(sys.argv[2],'w') as z:\n for path,text in json.load(open(sys.argv[1])): z.writestr(path,text)";
  await run("python3", ["-c", zip, join(folder, "files.json"), join(folder, versions, `${version}.zip`)]);
}

/** What a list of cuts names a file's hash by. */
async function sha256(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", Buffer.from(text));
  return Buffer.from(bytes).toString("hex");
}

async function trim(way: string): Promise<void> {
  const head = `modules:\n  - module: ${module}\n    version: v1.0.0\n    files:\n      - path: store.go\n        sha256: ${await sha256(store)}\n        reason: Nothing here opens a cloud.\n`;
  await write("tool/trims.yaml", head + way);
}

const cuts = `        cuts:
          - lines: 3-4
            first: 'import "example.com/store/cloud"'
            last: ""
          - lines: "6"
            first: return cloud.Open()
            put: |
              \treturn "no cloud here"
`;

async function built(): Promise<string> {
  const tool: AnyTool = {
    name: "tool",
    title: "tool",
    version: "1",
    module: join(folder, "tool"),
    packages: { tool: "." },
  };
  const options = {
    cache: join(folder, "cache"),
    progress: silent,
    signal: new AbortController().signal,
    env,
    manifests: false,
  };
  const { binaries } = await ensureBinaries([tool], options);
  return (await run(binaries.tool ?? "")).stderr;
}

async function compiled(): Promise<string> {
  return readFile(join(folder, "cache", "logs", "tool.log"), "utf8");
}

describe("a tool with a list of cuts", () => {
  it("is another tool than without it, and is built without what was cut", async () => {
    expect(await built()).toBe("cloud");
    expect(await compiled()).toMatch(/^example.com\/store\/cloud$/m);
    await trim(cuts);
    expect(await built()).toBe("no cloud here");
    expect(await compiled()).not.toMatch(/^example.com\/store\/cloud$/m);
    expect(await readdir(join(folder, "cache", "tools"))).toHaveLength(2);
    // The module itself is as it was.
    expect(await readFile(join(folder, "modules", `${module}@v1.0.0`, "store.go"), "utf8")).toBe(store);
  });

  it("can have a file of ours in place of the module's, or none", async () => {
    await write(
      "tool/ours/store.go.txt",
      'package store\n\n// Ours, written anew.\nfunc Open() string { return "ours" }\n',
    );
    await trim("        ours: ours/store.go.txt\n");
    expect(await built()).toBe("ours");
    await trim("        remove: true\n");
    await expect(built()).rejects.toThrow(/building tool failed: .*store/);
  });

  it("can leave out all files of an ending, of which there must be one", async () => {
    await publish("v1.1.0", {
      "store.go": store,
      "cloud/cloud.go": cloud,
      "cloud/checks.gen.go": 'package cloud\n\nfunc init() { print("checked ") }\n',
    });
    await run("go", ["get", `${module}@v1.1.0`], { cwd: join(folder, "tool"), env });
    expect(await built()).toBe("checked cloud");
    const leaveOut = (ending: string) =>
      write(
        "tool/trims.yaml",
        `modules:\n  - module: ${module}\n    version: v1.1.0\n    without:\n      ending: ${ending}\n      reason: Nobody asks for checks.\n`,
      );
    await leaveOut(".gen.go");
    expect(await built()).toBe("cloud");
    await leaveOut(".pb.go");
    await expect(built()).rejects.toThrow("no file of example.com/store v1.1.0 ends in .pb.go");
  });

  it("can do without the newer Go that a module asks for, by a cut of its go.mod", async () => {
    await publish("v1.1.0", { "store.go": store, "cloud/cloud.go": cloud }, "1.99");
    const { stdout } = await run("go", ["mod", "download", "-json", `${module}@v1.1.0`], { cwd: folder, env }).catch(
      (error: { stdout: string }) => error,
    );
    const { Error: refusal, Sum, GoModSum } = JSON.parse(stdout) as Record<"Error" | "Sum" | "GoModSum", string>;
    expect(refusal).toMatch(/requires go >= 1\.99/);
    const toolMod = await readFile(join(folder, "tool", "go.mod"), "utf8");
    await write("tool/go.mod", toolMod.replace("v1.0.0", "v1.1.0"));
    await write("tool/go.sum", `${module} v1.1.0 ${Sum}\n${module} v1.1.0/go.mod ${GoModSum}\n`);
    await expect(built()).rejects.toThrow(/^building tool needs Go 1\.99 or newer/);
    await write(
      "tool/trims.yaml",
      `modules:
  - module: ${module}
    version: v1.1.0
    files:
      - path: go.mod
        sha256: ${await sha256(goModOf("1.99"))}
        reason: Nothing in it is newer.
        cuts:
          - lines: "3"
            first: go 1.99
            put: go 1.24
`,
    );
    expect(await built()).toBe("cloud");
  });

  it("is refused by the file's name when go.mod has another version, whatever that version holds", async () => {
    await trim(cuts);
    await publish("v1.1.0", {
      "store.go": store,
      "cloud/cloud.go": 'package cloud\n\nfunc Open() string { return "1.1" }\n',
    });
    await run("go", ["get", `${module}@v1.1.0`], { cwd: join(folder, "tool"), env });
    await expect(built()).rejects.toThrow(
      /trims.yaml has cuts for example.com\/store v1.0.0, but go.mod has v1.1.0: .*store\.go/,
    );
    expect((await readdir(join(folder, "cache", "tools"))).filter((entry) => !entry.endsWith(".lock"))).toEqual([]);
  });

  it("is not built from a module that go.sum does not vouch for", async () => {
    await trim(cuts);
    const sums = await readFile(join(folder, "tool", "go.sum"), "utf8");
    await write("tool/go.sum", sums.replace(/ h1:[^\n]{8}/, " h1:AAAAAAAA"));
    await expect(built()).rejects.toThrow(
      "a downloaded Go module is not the one that go.sum pins, so nothing was built",
    );
    await write("tool/go.sum", sums.replace(/^\S+ v1\.0\.0 h1:.*\n/m, ""));
    await expect(built()).rejects.toThrow("so nothing was built");
  });
});
