import { spawn } from "node:child_process";
import { processIdentity } from "../../adapters/processes/identity.mjs";

/** A process that cannot be mistaken for a later one with the same id. */
export interface ProcessRef {
  readonly pid: number;
  /** Boot and start time, see {@link processIdentity}. */
  readonly startTime: string;
}

/** The running process `pid`, or undefined when there is none (a zombie counts as none). */
export async function processRef(pid: number): Promise<ProcessRef | undefined> {
  const startTime = processIdentity(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

export async function isAlive(process: ProcessRef | undefined): Promise<boolean> {
  return process !== undefined && (await processRef(process.pid))?.startTime === process.startTime;
}

/** Sends `signal` when it is still that process; answers whether it was. */
export async function signalProcess(ref: ProcessRef, signal: NodeJS.Signals): Promise<boolean> {
  if (!(await isAlive(ref))) return false;
  try {
    process.kill(ref.pid, signal);
    return true;
  } catch {
    return false;
  }
}

export interface CommandResult {
  /** Undefined when a signal or the timeout ended it; a command that left its output to somebody else has its own. */
  readonly code: number | undefined;
  /** stdout and stderr together, cut at 10 kB. */
  readonly output: string;
}

/**
 * Runs a short command in a process group of its own, which is killed at `timeout` milliseconds; default 10 s. Answers
 * by then, also when a process that left the group still holds the command's output.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: { readonly input?: string; readonly timeout?: number; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      ...(options.env ? { env: options.env } : {}),
    });
    let output = "";
    const collect = (chunk: Buffer): void => {
      if (output.length < 10_000) output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const end = (code: number | null): void => {
      clearTimeout(timer);
      resolve({ code: code ?? undefined, output: output.slice(0, 10_000) });
    };
    const timer = setTimeout(() => {
      if (child.pid === undefined) return;
      const { exitCode } = child;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It ended in the same moment.
      }
      // "close" waits for all who hold the other ends, and a daemon may hold them for ever.
      child.stdout.destroy();
      child.stderr.destroy();
      end(exitCode);
    }, options.timeout ?? 10_000);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", end);
    // A command that ends without reading its input closes the pipe under us.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** Like {@link runCommand}; throws with the command's own words when it fails. */
export async function mustRun(command: string, args: readonly string[], input?: string): Promise<void> {
  const { code, output } = await runCommand(command, args, input === undefined ? {} : { input });
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${output.trim() || `exit code ${code}`}`);
}
