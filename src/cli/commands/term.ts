import { spawn } from "node:child_process";
import { Command } from "commander";
import type { ReleaseLogin } from "../../domain/release/environment.ts";
import { environmentOption, loginOption, releaseOption } from "../options.ts";
import { readReleaseEnvironment } from "../releaseEnvironment.ts";
import { refuse } from "./refusals.ts";

interface TermOptions {
  readonly environment: string;
  readonly release?: string;
  readonly as: ReleaseLogin;
}

export function termCommand(): Command {
  return new Command("term")
    .argument("[command...]", "the command, after `--`; default: the shell of SHELL")
    .addOption(releaseOption())
    .addOption(loginOption("pipeline"))
    .addOption(environmentOption())
    .addHelpText("after", "\nExample: menagerie term -- psql")
    .action(async (command: string[], options: TermOptions) => {
      const { tag, values, host } = await readReleaseEnvironment(options.environment, options.as, options.release);
      for (const forward of host.portForwards) console.error(`needs: ${forward}`);
      const [program = process.env.SHELL || "/bin/sh", ...args] = command;
      if (command.length === 0) console.error(`release ${tag}, as its ${options.as}; \`exit\` ends the shell`);
      process.exitCode = await run(program, args, { ...process.env, ...values, ...host.overrides });
    });
}

/** Runs a program with this terminal; answers its exit code. */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: "inherit" });
    const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, pass);
    const release = (): void => {
      for (const signal of signals) process.off(signal, pass);
    };
    child.once("error", (error) => {
      release();
      reject(refuse("shell.cannot-run", { program, reason: error.message }, error));
    });
    child.once("exit", (code, signal) => {
      release();
      resolve(code ?? (signal === "SIGINT" ? 130 : 1));
    });
  });
}
