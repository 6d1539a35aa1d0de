import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { silent } from "../../../src/domain/progress.ts";
import { captured, prepareEngine } from "../../../src/local/engine.ts";
import { environmentLayout, menagerieCache } from "../../../src/local/layout.ts";
import { programIn } from "../../../src/local/program.ts";
import type { EngineTarget } from "../../../src/local/target.ts";
import { ensureToolchain } from "../../../src/local/toolchain/index.ts";
import {
  filesOf,
  isUncompiled,
  layOut,
  loadTrace,
  type ModuleKind,
  makeConsumer,
  packPackage,
} from "../../support/consumer.ts";

/** The package as other programs get it: from its tarball, below node_modules, where Node.js strips no types. */

const run = promisify(execFile);
const { signal } = new AbortController();
let folder: string;
let tarball: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-package-"));
  tarball = await packPackage(folder);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A program with its packages. */
async function consumer(kind: ModuleKind, manager: "npm" | "pnpm"): Promise<string> {
  const path = await mkdtemp(join(folder, "program-"));
  await makeConsumer(path, kind);
  await layOut(tarball, path, manager);
  return path;
}

it("the tarball holds compiled code with what it reads, and nothing of the checkout's commands and environment", async () => {
  const files = await filesOf(tarball);
  // npm packs what `main` and `bin` name, whatever `files` says.
  const besides = files.filter((file) => !file.startsWith("dist/package/"));
  expect(besides).toEqual(["LICENSE", "NOTICE", "README.md", "bin/menagerie.mjs", "package.json", "src/index.ts"]);
  expect(files.filter((file) => /\.[cm]?ts$/.test(file) && !/\.d\.[cm]?ts$/.test(file))).toEqual(["src/index.ts"]);
  expect(files.filter((file) => /^dist\/package\/src\/(cli|local|services)\//.test(file))).toEqual([]);
  expect(files).toEqual(
    expect.arrayContaining([
      "dist/package/src/adapters/postgres/migrations/0001_platform-tables.sql",
      "dist/package/src/adapters/postgres/predictions/tables.sql",
      "dist/package/src/adapters/truss/requirements/inference.txt",
    ]),
  );
});

describe.each(["npm", "pnpm"] as const)("laid out by %s", (manager) => {
  it("it is loaded by require and by import, all of it JavaScript", async () => {
    const path = await consumer("CommonJS", manager);
    const { env, loaded } = await loadTrace(path);
    const names = 'console.log(Object.keys(menagerie).join(" "), typeof door.delegateOf("smokeTest").create)';
    const scripts = {
      "one.cjs": `const [menagerie, door] = [require("menagerie"), require("menagerie/providers")];\n${names};\n`,
      "two.mjs": `import * as menagerie from "menagerie";\nimport * as door from "menagerie/providers";\n${names};\n`,
    };
    for (const [name, script] of Object.entries(scripts)) {
      await writeFile(join(path, name), script);
      const { stdout } = await run(process.execPath, [name], { cwd: path, env: { ...process.env, ...env } });
      expect(stdout).toMatch(/\bEnvironment\b.*\bModelZooEntry\b.* function$/m);
    }
    const files = await loaded();
    expect(files.some((url) => url.endsWith("/dist/package/components/index.js"))).toBe(true);
    expect(files.filter(isUncompiled)).toEqual([]);
  });
});

it("the documented program has no mistake of types as an ES module, libraries checked too", async () => {
  const path = await consumer("ES module", "npm");
  const compiler = join("node_modules", "typescript", "bin", "tsc");
  const { stdout } = await captured(process.execPath, [compiler, "--noEmit"], { cwd: path, env: process.env, signal });
  expect(stdout).toBe("");
});

it("the documented program is previewed by the engine, as Pulumi's template comes and as pnpm lays it out", async () => {
  const path = await consumer("CommonJS", "pnpm");
  const { env, loaded } = await loadTrace(path);
  const toolchain = await ensureToolchain({ cache: menagerieCache(), progress: silent, signal });
  const target = { kind: "existing", kubeconfig: "/none", gatewayUrl: "http://127.0.0.1:1" } as unknown as EngineTarget;
  for (const [name, value] of Object.entries({ ...env, MENAGERIE_DATABASE_URL: "" })) vi.stubEnv(name, value);
  const engine = await prepareEngine(environmentLayout("local", folder), target, toolchain, await programIn(path));
  const { code, stdout, stderr } = await engine.capture(["preview", "--non-interactive"], signal);
  vi.unstubAllEnvs();
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toContain("menagerie:zoo:ModelZooEntry flowers create");
  expect(stdout).toContain("http://127.0.0.1:1/serving/models/flowers/v1/models/model:predict");
  const files = await loaded();
  expect(files.some((url) => url.endsWith("/dist/package/src/providers/registry.js"))).toBe(true);
  expect(files.filter(isUncompiled)).toEqual([]);
});

describe("what cannot work", () => {
  it("is a second copy of the SDK beside the one that runs the program", async () => {
    const path = await consumer("ES module", "npm");
    // The file that the language host starts a program with, of another copy.
    const runner = join(folder, "other", "node_modules", "@pulumi", "pulumi", "cmd", "run");
    await mkdir(runner, { recursive: true });
    const program = JSON.stringify(`file://${join(path, "node_modules/menagerie/dist/package/components/index.js")}`);
    await writeFile(join(runner, "index.js"), `import(${program}).catch(({ message }) => console.log(message));\n`);
    const { stdout } = await captured(process.execPath, [join(runner, "index.js")], {
      cwd: path,
      env: process.env,
      signal,
    });
    expect(stdout).toMatch(
      /^two copies of @pulumi\/pulumi: the program runs with \S+other\S+, and menagerie has \S+; /,
    );
  });

  it("is a command of the package, which has none", async () => {
    const path = await consumer("CommonJS", "npm");
    const command = join(path, "node_modules/menagerie/bin/menagerie.mjs");
    const { code, stderr } = await captured(process.execPath, [command, "up"], { cwd: path, env: process.env, signal });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^menagerie: this is the package for programs, which has no commands; run them in a checkout/,
    );
  });
});
