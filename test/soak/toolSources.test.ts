import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { ensureBinaries } from "../../src/local/toolchain/goTools.ts";
import { packManifests, packTool } from "../../src/local/toolchain/packing/pack.ts";
import { tools } from "../../src/local/toolchain/tools.ts";
import { FirstRun, publishOwnBuilds } from "../support/firstRun.ts";
import { type ReleaseServer, startReleaseServer } from "../support/releaseServer.ts";

/** A clean clone with empty caches (but Python's) reaches its first answer from packages, and from releases, of the real tools. */

let clone: FirstRun;
let server: ReleaseServer;

beforeEach(async () => {
  clone = await FirstRun.create({ withoutGo: true });
  server = await startReleaseServer(10e6);
  await clone.menagerie(["--version"]);
  await clone.sharePython();
});

afterEach(async () => {
  await clone.dispose();
  await server.close();
});

/** Packs what this machine has built; the clone installs it as a member of its team would. */
async function installPackages(names: readonly string[]): Promise<void> {
  const signal = new AbortController().signal;
  const env = { ...process.env, MENAGERIE_TOOLS: "build" };
  const options = { cache: menagerieCache(), out: join(clone.folder, "packed"), env, level: 1 };
  await ensureBinaries(tools, { ...options, progress: silent, signal });
  for (const tool of tools) if (names.includes(tool.name)) await packTool(tool, options);
  await packManifests(options);
  const files = (await readdir(options.out)).map((name) => join(options.out, name));
  await clone.command("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", ...files]);
}

test("from packages: no Go is called and no host is asked", async () => {
  await installPackages(tools.map(({ name }) => name));
  const { up, prediction } = await clone.up({ MENAGERIE_TOOLS_URL: server.url });
  console.log(`from packages: up ${up.toFixed(1)} s, first answer ${(up + prediction).toFixed(1)} s`);
  expect(await clone.goCalls()).toBe("");
  expect(server.requests).toEqual([]);
});

test("from releases where they are published, from packages where they are not, without Go", async () => {
  await clone.pin(await publishOwnBuilds(server, clone.folder, true));
  await installPackages(["container-shim"]);
  const { up, prediction } = await clone.up({ MENAGERIE_TOOLS: "release", MENAGERIE_TOOLS_URL: server.url });
  console.log(`from releases at 10 MB/s: up ${up.toFixed(1)} s, first answer ${(up + prediction).toFixed(1)} s`);
  expect(clone.output).toMatch(/MENAGERIE_TOOLS=release: downloading /);
  expect(await clone.goCalls()).toBe("");
});
