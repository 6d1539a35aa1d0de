import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { environmentLayout } from "../../../src/local/layout.ts";
import type { TestHome } from "../../local/support/menagerie.ts";

const project = fileURLToPath(new URL("../../..", import.meta.url));

/** The gateway of an earlier commit, running inside an environment of this one's. */
export class FormerGateway {
  readonly socket: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, child: ChildProcess, socket: string) {
    this.#folder = folder;
    this.#child = child;
    this.socket = socket;
  }

  static async start(home: TestHome, commit: string): Promise<FormerGateway> {
    const folder = mkdtempSync(join(tmpdir(), "former-gateway-"));
    // No worktree: those are listed in the repository, and a killed run would leave one there.
    const files = execFileSync("git", ["-C", project, "archive", commit, "src", "package.json"], {
      maxBuffer: 2 ** 28,
    });
    execFileSync("tar", ["-x", "-C", folder], { input: files });
    symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
    const supervisor = home.processes().find(({ command }) => / \S+supervisor\/main.ts local /.test(command));
    if (!supervisor) throw new Error("no supervisor runs");
    const socket = join(folder, "gateway.sock");
    const program = fileURLToPath(new URL("./formerGateway.ts", import.meta.url));
    const kubeconfig = environmentLayout("local", home.path).kubeconfigOf("admin");
    const enter = ["-t", String(supervisor.pid), "-U", "-n", "--preserve-credentials", "--"];
    const child = spawn("nsenter", [...enter, process.execPath, program, folder, kubeconfig, socket], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), "line"),
      once(child, "exit").then(([code]) => Promise.reject(new Error(`the former gateway ended with ${code}`))),
    ])) as [string];
    if (line !== "ready") throw new Error(`the former gateway says ${line}`);
    return new FormerGateway(folder, child, socket);
  }

  /** In megabytes. nsenter has become the gateway itself. */
  memory(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
