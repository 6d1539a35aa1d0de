import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { isUncompiled, loadTrace, type ModuleKind, makeConsumer, packPackage } from "../support/consumer.ts";

/** The program of docs/package.md on an embedded environment, with its packages as npm and pnpm install them from a registry. */

const run = promisify(execFile);
const within = 1_800_000;
const prediction = JSON.stringify({ inputs: [[5.1, 3.5, 1.4, 0.2]] });

let folder: string;
let tarball: string;
let checkout: string;
let home: TestHome;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-package-"));
  tarball = await packPackage(folder);
  checkout = await copyOfCheckout();
  const stack = [
    "config:",
    "  menagerie:nodeClass: local",
    "  menagerie:serving: { readyTimeoutSeconds: 300, requireApiKey: false }",
    "  menagerie:dynamicSettings: { createNamespace: true }",
  ];
  await writeFile(join(checkout, "Pulumi.local.yaml"), `${stack.join("\n")}\n`);
  home = await TestHome.create(checkout);
  const { code, stdout, stderr } = await home.menagerie(["up"]);
  expect(code, stdout + stderr).toBe(0);
}, within);

afterAll(async () => {
  await home.dispose();
  await rm(checkout, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
}, within);

/** The versions whose plugins the environment has. */
const sdks = (["@pulumi/pulumi", "@pulumi/kubernetes", "@pulumi/postgresql"] as const).map(
  (name) => `${name}@${manifest.devDependencies[name]}`,
);
const install = {
  npm: ["npm", "install", "--prefer-offline", "--ignore-scripts", "--save-exact", "--no-audit", "--no-fund"],
  pnpm: ["npx", "--yes", "pnpm@10", "add", "--ignore-scripts", "--save-exact"],
} as const;

async function consumer(kind: ModuleKind, manager: "npm" | "pnpm"): Promise<string> {
  const path = await mkdtemp(join(folder, "program-"));
  await makeConsumer(path, kind);
  const [command, ...args] = install[manager];
  await run(command, [...args, tarball, ...sdks], { cwd: path, maxBuffer: 64 * 2 ** 20 });
  return path;
}

describe.each<[ModuleKind, "npm" | "pnpm"]>([
  ["CommonJS", "npm"],
  ["CommonJS", "pnpm"],
  ["ES module", "npm"],
  ["ES module", "pnpm"],
])("as %s, installed by %s", (kind, manager) => {
  it("it is brought up, answers, stays unchanged, and is refreshed and destroyed from another folder", async () => {
    const program = await consumer(kind, manager);
    const { env, loaded } = await loadTrace(await mkdtemp(join(folder, "trace-")));
    const engine = async (path: string, ...args: string[]): Promise<string> => {
      const given = ["pulumi", "--program", path, "--", ...args, "--non-interactive"];
      const { code, stdout, stderr } = await home.menagerie(given, { env });
      expect(code, stdout + stderr).toBe(0);
      return stdout;
    };
    await engine(program, "up", "--yes");
    const url = (await engine(program, "stack", "output", "url")).trim();
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: prediction,
    });
    expect(await answer.json()).toMatchObject({ predictions: [0] });
    const moved = `${program}-moved`;
    await cp(program, moved, { recursive: true, verbatimSymlinks: true });
    await rm(program, { recursive: true, force: true });
    expect(await engine(moved, "preview")).not.toMatch(/ to (create|update|delete|replace)/);
    await engine(moved, "refresh", "--yes");
    await engine(moved, "destroy", "--yes");
    expect((await loaded()).filter(isUncompiled)).toEqual([]);
  });
});
