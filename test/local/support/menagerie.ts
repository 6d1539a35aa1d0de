import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { processIdentity } from "../../../src/adapters/processes/identity.mjs";

const checkout = fileURLToPath(new URL("../../..", import.meta.url));

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home folder of its own, with the CLI run against it as its user runs it. */
export class TestHome {
  /** Of its environments, by the option of `up` that sets each. */
  readonly ports: Readonly<Record<string, string>>;
  readonly path: string;
  /** The project folder whose program and models the environment runs. */
  readonly project: string;

  constructor(path: string, project: string, ports = somePorts()) {
    this.path = path;
    this.project = project;
    this.ports = ports;
  }

  /** The same environments, run from another project folder. */
  of(project: string): TestHome {
    return new TestHome(this.path, project, this.ports);
  }

  /** @param project default: the checkout that the test belongs to. */
  static async create(project: string = checkout): Promise<TestHome> {
    return new TestHome(await mkdtemp(join(tmpdir(), "menagerie-test-")), project);
  }

  /**
   * Runs `menagerie ARGS` to its end. `interruptAfterMs` and `interruptAt`, something that it says, send it Ctrl-C's signal; before that,
   * `meanwhile` is done with what it said.
   */
  menagerie(
    args: readonly string[],
    options: {
      interruptAfterMs?: number;
      interruptAt?: RegExp;
      meanwhile?: (said: string) => Promise<void>;
      env?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      const command = args[0] === "up" && !args.includes("--kubeconfig") ? [...args, ...this.#portsBeside(args)] : args;
      const child = spawn(process.execPath, [join(this.project, "src", "cli", "main.ts"), ...command], {
        env: { ...process.env, MENAGERIE_HOME: this.path, ...options.env },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      let stderr = "";
      let interrupted = false;
      const interruptWhereAsked = () => {
        if (interrupted || !options.interruptAt?.test(stdout + stderr)) return;
        interrupted = true;
        Promise.resolve(options.meanwhile?.(stdout + stderr)).then(
          () => child.kill("SIGINT"),
          (error: unknown) => {
            child.kill("SIGINT");
            reject(error);
          },
        );
      };
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
        interruptWhereAsked();
      });
      child.stderr.on("data", (chunk) => {
        stderr += chunk;
        interruptWhereAsked();
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

  /** Environments of several tests begin at the same time, and would all find the usual ports free. */
  #portsBeside(args: readonly string[]): string[] {
    return Object.entries(this.ports).flatMap(([option, port]) =>
      args.includes(option) || args.includes("-e") ? [] : [option, port],
    );
  }

  /** Brings everything down and removes the folder. */
  async dispose(): Promise<void> {
    const environments = join(this.path, "environments");
    for (const environment of existsSync(environments) ? readdirSync(environments) : []) {
      await this.menagerie(["down", "-e", environment]);
    }
    await rm(this.path, { recursive: true, force: true });
  }

  /** The environment's processes as the host sees them: its keeper and everything below. */
  processes(): HostProcess[] {
    const all = hostProcesses();
    const ours = all.filter(
      (process) => process.command.includes("keeper/main.ts") && process.command.includes(this.path),
    );
    for (let found = 0; found < ours.length; found += 1) {
      ours.push(...all.filter((process) => process.parent === ours[found]?.pid));
    }
    return ours;
  }

  /** Pid of the engine that runs `up` on environment `local`, if one does. */
  engine(): number | undefined {
    const command = `${join(this.path, "environments", "local", "pulumi", "home", "bin", "pulumi")} up `;
    return hostProcesses().find((process) => process.command.startsWith(command))?.pid;
  }

  /** Sends SIGKILL to the processes whose command line matches; fails when there is none. */
  kill(pattern: RegExp): void {
    const victims = this.processes().filter((candidate) => pattern.test(candidate.command));
    if (victims.length === 0) throw new Error(`no process of the environment matches ${pattern}`);
    for (const victim of victims) process.kill(victim.pid, "SIGKILL");
  }
}

/** Ports that neither the kernel nor `freePort` of other tests gives away: an environment that was killed must find its own free again. */
function somePorts(): Record<string, string> {
  const options = ["--gateway-port", "--api-port", "--console-port", "--apiserver-port", "--postgres-port"];
  const first = 10_000 + options.length * Math.floor(Math.random() * 1_250);
  return Object.fromEntries(options.map((option, index) => [option, String(first + index)]));
}

export interface HostProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  /** Tells it from a later process with the same pid. */
  readonly identity: string;
}

/** Every process of this machine. */
export function hostProcesses(): HostProcess[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        const command = readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return [{ pid: Number(entry), parent, command, identity: processIdentity(Number(entry)) ?? "" }];
      } catch {
        // Ended meanwhile.
        return [];
      }
    });
}

/** Those of `processes` that still run. */
export function stillRunning(processes: readonly HostProcess[]): HostProcess[] {
  return processes.filter((candidate) => processIdentity(candidate.pid) === candidate.identity);
}

/**
 * A project folder of its own: the checkout's files as they are now, with its `node_modules` linked, so that a test can
 * change config and models.
 * @param to default: a new temporary folder.
 */
export async function copyOfCheckout(to?: string): Promise<string> {
  const folder = to ?? (await mkdtemp(join(tmpdir(), "menagerie-project-")));
  await mkdir(folder, { recursive: true });
  for (const entry of readdirSync(checkout)) {
    if (entry === "node_modules" || entry === ".git" || entry === "test") continue;
    await cp(join(checkout, entry), join(folder, entry), { recursive: true });
  }
  await symlink(join(checkout, "node_modules"), join(folder, "node_modules"));
  return folder;
}
