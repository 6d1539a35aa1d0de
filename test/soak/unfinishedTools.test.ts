import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { processIdentity } from "../../src/adapters/processes/identity.mjs";
import { environmentStatus } from "../../src/local/environment.ts";
import { environmentLayout, menagerieCache } from "../../src/local/layout.ts";
import { stillRunning, TestHome } from "../local/support/menagerie.ts";

// A go whose builds never end; its process id is in FAKE_GO_PIDS. All else is asked of the real one.
const endlessGo = `#!/bin/sh
[ "$1" = build ] && { echo $$ >> "$FAKE_GO_PIDS"; exec sleep 3600; }
PATH="\${PATH#*:}"
exec go "$@"
`;

let home: TestHome;
let folder: string;
let up: ChildProcess | undefined;

beforeAll(async () => {
  home = await TestHome.create();
  folder = await mkdtemp(join(tmpdir(), "menagerie-unfinished-"));
  await writeFile(join(folder, "go"), endlessGo, { mode: 0o755 });
  // The user's cache, but for KServe's controller.
  await mkdir(join(folder, "cache", "tools"), { recursive: true });
  const cache = menagerieCache();
  for (const name of await readdir(cache)) {
    if (/^(python$|crds-)/.test(name)) await symlink(join(cache, name), join(folder, "cache", name));
  }
  for (const name of await readdir(join(cache, "tools"))) {
    if (/^(?!kserve-).+-[0-9a-f]{16}$/.test(name)) {
      await symlink(join(cache, "tools", name), join(folder, "cache", "tools", name));
    }
  }
});

afterAll(async () => {
  up?.kill("SIGKILL");
  await home.dispose();
  await rm(folder, { recursive: true, force: true });
});

it("what has its executables runs while another is made; a killed up leaves nothing at work, and the next goes on", async () => {
  up = spawn(process.execPath, [join(home.project, "src", "cli", "main.ts"), "up"], {
    env: {
      ...process.env,
      MENAGERIE_HOME: home.path,
      MENAGERIE_CACHE: join(folder, "cache"),
      MENAGERIE_TOOLS: "build",
      PATH: `${folder}:${process.env.PATH}`,
      FAKE_GO_PIDS: join(folder, "pids"),
    },
    stdio: "ignore",
  });
  const layout = environmentLayout("local", home.path);
  const states = async () =>
    Object.fromEntries(((await environmentStatus(layout))?.parts ?? []).map(({ name, state }) => [name, state]));
  await expect.poll(states, { timeout: 180_000, interval: 500 }).toMatchObject({
    "kube-apiserver": "ready",
    postgres: "ready",
    gateway: "ready",
    nodes: "ready",
    kserve: "pending",
  });
  // The images of the stack's trusses are laid out meanwhile.
  const images = async () =>
    (await readdir(layout.images).catch(() => [])).filter((name) => /^[0-9a-f]{64}$/.test(name));
  await expect.poll(async () => (await images()).length, { timeout: 180_000, interval: 500 }).toBe(3);

  const running = home.processes();
  const compilers = (await readFile(join(folder, "pids"), "utf8")).trim().split("\n").map(Number);
  expect(running.length).toBeGreaterThan(5);
  up.kill("SIGKILL");
  await expect
    .poll(() => compilers.filter((pid) => processIdentity(pid) !== undefined), { timeout: 10_000 })
    .toEqual([]);
  await expect.poll(() => stillRunning(running), { timeout: 60_000, interval: 500 }).toEqual([]);

  const next = await home.menagerie(["up", "--no-program"]);
  expect(next.stderr).toMatch(/✓ environment/);
  expect(next.code).toBe(0);
  expect((await environmentStatus(layout))?.ready).toBe(true);
});
