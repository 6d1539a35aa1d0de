import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { totalmem } from "node:os";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { endingWithUs } from "../../adapters/processes/deathSignal.ts";
import { explainGoFailure } from "./goFailure.ts";
import { watchForStall } from "./stall.ts";

/** `stallAfter` of what downloads modules. Proxies answer within seconds, or say that they do not. */
export const downloadStall = 90_000;

export interface GoCommand {
  /** Module folder to run in. */
  readonly folder: string;
  readonly arguments: readonly string[];
  /** The user's environment, with what the tool adds. */
  readonly env: NodeJS.ProcessEnv;
  /** What is being made, for error sentences, such as `etcd`. */
  readonly purpose: string;
  /** Everything that go prints is appended here. */
  readonly log: string;
  readonly signal: AbortSignal;
  /** Milliseconds without any activity after which it is ended as stalled; for what downloads. @default never */
  readonly stallAfter?: number;
  /** Called with each line of standard error. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs the go command and answers its standard output. Throws the signal's reason when aborted (go and the compilers
 * it started are dead by then), else an `OperatorError` that says what to do.
 */
export async function runGo(command: GoCommand): Promise<string> {
  command.signal.throwIfAborted();
  await mkdir(dirname(command.log), { recursive: true });
  const log = createWriteStream(command.log, { flags: "a" });
  // A log that cannot be written (full disk) must not hide what go itself says.
  log.on("error", () => {});
  log.write(`$ go ${command.arguments.join(" ")}\n`);
  const lines: string[] = [];
  try {
    return await new Promise<string>((resolve, reject) => {
      // A process group of its own: Ctrl-C reaches go through us alone, and the compilers die with it.
      const env = { ...collectSeldom(), ...command.env };
      // On SIGINT go starts no more compilers and removes its temporary folder.
      const [program, args] = endingWithUs("INT", "go", command.arguments, env);
      const child = spawn(program, args, {
        cwd: command.folder,
        env,
        stdio: ["ignore", "pipe", "pipe"],
        detached: true,
      });
      const end = (name: NodeJS.Signals) => {
        try {
          if (child.pid !== undefined) process.kill(-child.pid, name);
        } catch {
          // The group is gone already.
        }
      };
      let timer: NodeJS.Timeout | undefined;
      const abort = () => {
        end("SIGINT");
        timer = setTimeout(() => end("SIGKILL"), 3_000);
      };
      command.signal.addEventListener("abort", abort, { once: true });
      let stalled = false;
      const endWatch =
        command.stallAfter === undefined || child.pid === undefined
          ? () => {}
          : watchForStall(child.pid, command.stallAfter, () => {
              stalled = true;
              end("SIGKILL");
            });
      let stdout = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      createInterface({ input: child.stderr }).on("line", (line) => {
        lines.push(line);
        log.write(`${line}\n`);
        command.onLine?.(line);
      });
      const stopWatching = () => {
        clearTimeout(timer);
        endWatch();
        command.signal.removeEventListener("abort", abort);
      };
      child.on("error", (error) => {
        stopWatching();
        reject(explainGoFailure({ ...command, lines: [error.message], spawnError: error }));
      });
      child.on("close", (code, killedBy) => {
        stopWatching();
        if (command.signal.aborted) reject(command.signal.reason);
        else if (code === 0) resolve(stdout);
        else reject(explainGoFailure({ ...command, lines, stalled, ...(killedBy ? { killedBy } : {}) }));
      });
    });
  } finally {
    await new Promise<void>((resolve) => log.end(() => resolve()));
  }
}

/**
 * Settings of Go's garbage collector for the compiler and linker, which are Go programs that live for seconds: collecting
 * seldom saves a quarter of their CPU time (measured on etcd: 124 CPU-seconds become 97), and the soft limit keeps the largest
 * links within the machine. They do not enter the build cache's keys; what the user has set wins.
 */
function collectSeldom(): NodeJS.ProcessEnv {
  return { GOGC: "600", GOMEMLIMIT: `${Math.floor(totalmem() / 5 / 2 ** 20)}MiB` };
}
