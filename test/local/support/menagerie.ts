import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home folder of its own, with the CLI run against it as its user runs it. */
export class TestHome {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<TestHome> {
    return new TestHome(await mkdtemp(join(tmpdir(), "menagerie-test-")));
  }

  /** Runs `menagerie ARGS` to its end. `interruptAfterMs` sends it Ctrl-C's signal. */
  menagerie(args: readonly string[], options: { interruptAfterMs?: number } = {}): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [cli, ...args], {
        env: { ...process.env, MENAGERIE_HOME: this.path },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
      });
      child.stderr.on("data", (chunk) => {
        stderr += chunk;
      });
      const timer =
        options.interruptAfterMs === undefined
          ? undefined
          : setTimeout(() => child.kill("SIGINT"), options.interruptAfterMs);
      child.once("error", reject);
      child.once("close", (code) => {
        clearTimeout(timer);
        resolve({ code, stdout, stderr });
      });
    });
  }

  /** Brings everything down and removes the folder. */
  async dispose(): Promise<void> {
    for (const environment of readdirSync(join(this.path, "environments"))) {
      await this.menagerie(["down", "-e", environment]);
    }
    await rm(this.path, { recursive: true, force: true });
  }

  /** PIDs, as the host sees them, of processes whose command line or environment names this home. */
  processes(): { pid: number; command: string }[] {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
      .flatMap((entry) => {
        try {
          const command = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ").trim();
          const environment = readFileSync(`/proc/${entry}/environ`, "utf8");
          const ours = command.includes(this.path) || environment.includes(`MENAGERIE_HOME=${this.path}`);
          return ours ? [{ pid: Number(entry), command }] : [];
        } catch {
          // Ended meanwhile, or not ours to look into.
          return [];
        }
      });
  }
}
