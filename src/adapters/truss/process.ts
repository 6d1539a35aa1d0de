import { spawn } from "node:child_process";
import { withoutOthersCredentials } from "../../domain/credentials/environment.ts";
import { maskedText } from "../../domain/credentials/maskedText.ts";
import { endingWithUs } from "../processes/deathSignal.ts";

/** Thrown by {@link run} when a command ends with a code other than 0, or cannot be started. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  readonly output: string;

  constructor(command: string, ending: string, output: string) {
    super(`${command} ${ending}${output === "" ? "" : `: ${lastMeaningfulLine(output)}`}`);
    this.output = output;
  }
}

/** How much of a command's output is kept for error messages, in characters from the end. */
const keptOutput = 64 * 1024;

/**
 * Runs a command to its end and gives its standard output. `onLine` sees every line of standard error.
 * @throws {@link CommandFailed}; the signal's reason when it aborted, after the process group was stopped.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: {
    readonly env?: NodeJS.ProcessEnv;
    readonly cwd?: string;
    readonly signal?: AbortSignal;
    readonly onLine?: (line: string) => void;
  } = {},
): Promise<string> {
  const { signal, onLine } = options;
  signal?.throwIfAborted();
  // Installers run code of packages, whose authors are not to have the operator's credentials.
  const env = withoutOthersCredentials(options.env ?? process.env);
  const [program, programArgs] = endingWithUs("TERM", command, args, env);
  const child = spawn(program, programArgs, {
    env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  // A group of its own, so that what the command itself started ends with it.
  const stop = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGTERM");
    } catch {
      child.kill("SIGTERM");
    }
  };
  signal?.addEventListener("abort", stop, { once: true });
  let stdout = "";
  let stderr = "";
  let unfinished = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-keptOutput);
    const lines = (unfinished + text).split(/[\r\n]+/);
    unfinished = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") onLine?.(line.trim());
  });
  try {
    const ending = await new Promise<string | undefined>((resolve) => {
      child.on("error", (error) => resolve(`could not be started (${error.message})`));
      child.on("close", (code, signalName) => {
        resolve(code === 0 ? undefined : code === null ? `was ended by ${signalName}` : `failed with code ${code}`);
      });
    });
    signal?.throwIfAborted();
    if (ending !== undefined)
      throw new CommandFailed(command, ending, stderr.trim() || stdout.trim().slice(-keptOutput));
    return stdout;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** Last line of a tool's output that says something: no hints, rules or box drawing; credentials in addresses hidden. */
export function lastMeaningfulLine(output: string): string {
  const lines = output
    .split(/[\r\n]+/)
    .map((line) =>
      line
        .replace(/^[\s×╰─▶├│|^~]+/u, "")
        .replace(/^(error|caused by|cause):\s*/i, "")
        .trim(),
    )
    .filter((line) => line !== "" && !/^(hint|warning|help):/i.test(line));
  return maskedText(lines.at(-1) ?? output.trim());
}
