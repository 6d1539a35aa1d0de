import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";
import { silent } from "../../../src/domain/progress.ts";
import { menagerieCache } from "../../../src/local/layout.ts";
import { ensureToolchain, preparePulumiHome } from "../../../src/local/toolchain/index.ts";

/** The real engine at its first Ctrl-C, with a resource that would take ten minutes. */

const project = join(import.meta.dirname, "../../..");

const program = `const pulumi = require("@pulumi/pulumi");
const provider = {
  async create() {
    const { untilTerminated } = require(require("node:path").resolve("src/providers/host.ts"));
    const { setTimeout } = require("node:timers/promises");
    await untilTerminated((signal) => setTimeout(600_000, undefined, { signal }).catch(() => { throw signal.reason; }));
    return { id: "waited", outs: {} };
  },
};
new (class extends pulumi.dynamic.Resource {})(provider, "slow", {});
`;

it("tells its providers, so that what waits ends within seconds and says how to go on", {
  timeout: 300_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "menagerie-cancel-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const signal = new AbortController().signal;
  const toolchain = await ensureToolchain({ cache: menagerieCache(), progress: silent, signal });
  const home = await preparePulumiHome(join(folder, "home"), toolchain);
  const cwd = join(folder, "project");
  await mkdir(join(folder, "backend"));
  await mkdir(cwd);
  await symlink(join(project, "node_modules"), join(cwd, "node_modules"));
  await symlink(join(project, "src"), join(cwd, "src"));
  await writeFile(join(cwd, "Pulumi.yaml"), "name: slow\nruntime: nodejs\n");
  await writeFile(join(cwd, "package.json"), '{"name":"slow","type":"commonjs","main":"index.js"}');
  await writeFile(join(cwd, "index.js"), program);
  const env = {
    ...process.env,
    ...home.env,
    PULUMI_CONFIG_PASSPHRASE: "passphrase",
    PULUMI_BACKEND_URL: `file://${folder}/backend`,
  };
  await promisify(execFile)(home.pulumi, ["stack", "init", "s"], { cwd, env });
  const args = ["up", "--yes", "--skip-preview", "-s", "s", "--non-interactive", "--color=never"];
  const up = spawn(home.pulumi, args, { cwd, env, stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  up.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = once(up, "exit");
  await expect.poll(() => said, { timeout: 120_000 }).toContain("slow creating");
  // The host loads the handler after that line.
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const from = Date.now();
  up.kill("SIGINT");
  await ended;
  expect(Date.now() - from).toBeLessThan(10_000);
  expect(said).toContain("interrupted; run `up` again, which goes on from here");
});
