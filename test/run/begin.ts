import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processIdentity } from "../../src/adapters/processes/identity.mjs";
import { runVariable } from "./marked.ts";

/** A run of tests or measurements that has begun. */
export interface TestRun {
  /** Variables for everything that the run starts. */
  readonly env: NodeJS.ProcessEnv;
  /** Ends the run; answers the command lines of processes that the tests should have ended themselves. */
  end(): Promise<readonly string[]>;
}

/**
 * Begins a run: a folder for all its temporary files, and a watchdog that ends the run's processes and removes the folder when
 * this process or the npm that started it ends, by whatever signal.
 */
export function beginRun(): TestRun {
  const folder = mkdtempSync(join(tmpdir(), "menagerie-run-"));
  const owners = [process.pid, ...launchers()].map((pid) => `${pid}:${processIdentity(pid)}`);
  const watchdog = spawn(process.execPath, [join(import.meta.dirname, "watchdog.ts"), folder, ...owners], {
    // A session of its own, which Ctrl-C at the terminal does not reach.
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  let told = "";
  watchdog.stdout.on("data", (chunk) => (told += chunk));
  const ended = new Promise<void>((resolve, reject) => {
    watchdog.once("error", reject).once("close", () => resolve());
  });
  ended.catch(() => {});
  return {
    env: {
      ...process.env,
      [runVariable]: folder,
      TMPDIR: folder,
      // Tests run copies of the checkout under names that never come again: what is compiled for them goes with the run.
      NODE_COMPILE_CACHE: join(folder, "compiled"),
    },
    async end() {
      watchdog.stdin.end();
      await ended;
      return JSON.parse(told || "[]") as string[];
    },
  };
}

/** The processes between this one and the user: `bin/run-tests.mjs`, npm's shell, npm. */
function launchers(): number[] {
  const found: number[] = [];
  for (let pid = process.ppid; ; ) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      if (!/run-tests\.mjs|^npm |\/npm(-cli\.js)? /.test(command)) return found;
      found.push(pid);
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      pid = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    } catch {
      return found;
    }
  }
}
