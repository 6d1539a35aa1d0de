import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { hostProcesses } from "../../local/support/menagerie.ts";
import { processesOf } from "../../run/marked.ts";

/** Runs that are interrupted while they have a PostgreSQL and a process in a session of its own, as an environment's keeper is. */

const project = join(import.meta.dirname, "../../..");
interface Started {
  readonly keeper: number;
  readonly folder: string;
}

/** Starts `npm run test:unit` on a test that never ends; answers npm's process once everything runs. */
async function startRun() {
  const started = join(await mkdtemp(join(tmpdir(), "interrupted-")), "started");
  const config = join(project, "test/support/endless/vitest.config.ts");
  const npm = spawn("npm", ["run", "--silent", "test:unit", "--", "--config", config], {
    cwd: project,
    env: { ...process.env, ENDLESS_STARTED: started },
    stdio: "ignore",
  });
  const ended = once(npm, "exit");
  const { keeper, folder: temporary } = await vi.waitFor(() => JSON.parse(readFileSync(started, "utf8")) as Started, {
    timeout: 250_000,
    interval: 100,
  });
  return { npm: npm.pid ?? 0, ended, keeper, temporary };
}

/** Pid of the Node.js process below `ancestor` that runs `program`. */
function below(ancestor: number, program: string): number {
  const all = hostProcesses();
  const parents = new Map(all.map(({ pid, parent }) => [pid, parent]));
  const isBelow = (pid: number): boolean => {
    for (let each = parents.get(pid); each; each = parents.get(each)) if (each === ancestor) return true;
    return false;
  };
  const found = all.find(({ pid, command }) => /^\S*node \S+/.exec(command)?.[0].endsWith(program) && isBelow(pid));
  if (!found) throw new Error(`npm runs no ${program}`);
  return found.pid;
}

it.concurrent.each<[string, NodeJS.Signals, (npm: number) => number]>([
  ["the launcher", "SIGINT", (npm) => below(npm, "bin/run-tests.mjs")],
  ["the launcher", "SIGTERM", (npm) => below(npm, "bin/run-tests.mjs")],
  ["the launcher", "SIGKILL", (npm) => below(npm, "bin/run-tests.mjs")],
  ["the runner", "SIGKILL", (npm) => below(npm, "test/run/main.ts")],
  ["vitest", "SIGKILL", (npm) => below(npm, "vitest.mjs")],
  ["npm", "SIGKILL", (npm) => npm],
])("%s that gets %s leaves no process and no file behind", async (_who, signal, victim) => {
  const { npm, ended, keeper, temporary } = await startRun();
  const running = processesOf(temporary);
  expect(running).toContain(keeper);
  expect(hostProcesses().some(({ command }) => command.includes(`-D${temporary}`))).toBe(true);
  process.kill(victim(npm), signal);
  await ended;
  await vi.waitFor(
    () => {
      const left = hostProcesses().filter(({ pid, command }) => running.includes(pid) || command.includes(temporary));
      expect(left).toEqual([]);
      expect(existsSync(temporary)).toBe(false);
    },
    { timeout: 120_000, interval: 100 },
  );
});
