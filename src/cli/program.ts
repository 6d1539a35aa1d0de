import { Command, CommanderError } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { messageOf, OperatorError } from "../domain/errors.ts";
import { inEnvironment, ofTarget } from "../domain/printedCommands.ts";
import { commands } from "./commandTable.ts";
import { Interrupted } from "./interrupt.ts";

/** Exit codes, which scripts build on: 0 ok, 1 failed, 2 bad input, 3 gate not met, 130 interrupted. */
const badInputExit = 2;
const interruptedExit = 130;

/** The command line's grammar. Loads only the command `called`; of the others it has what the help lists. */
async function menagerie(called: string | undefined): Promise<Command> {
  const program = new Command("menagerie")
    .version(manifest.version, "--version")
    .description("An ML serving platform as a Pulumi program: environments, model zoo, rollouts.")
    .showHelpAfterError("(--help lists the options)")
    .exitOverride()
    // Else `rollout` would take the options of `rollout plan` for its own. Commands inherit it from here.
    .enablePositionalOptions()
    .addHelpText(
      "after",
      [
        "",
        "Environment variables:",
        "  MENAGERIE_HOME   folder that holds embedded environments",
        "  MENAGERIE_CACHE  folder of built tools and Python environments, shared by all environments",
        "  MENAGERIE_DATABASE_URL, MENAGERIE_DATABASE_ADDRESS  PostgreSQL of a stack that is not an embedded environment, as",
        "                   this machine and (host:port) as pods reach it",
        "  MENAGERIE_MIGRATION_DATABASE_URL  database of `rollout --target`",
        "  MENAGERIE_API_URL, MENAGERIE_API_KEY  API service and key of `app predict`, `watch` and `truss-client`",
        "  MENAGERIE_SAMPLES  s3://<bucket>/<folder>/, where `sample export` puts samples and `recording forget` looks for them",
        "",
        "Exit codes: 0 ok, 1 failed, 2 bad input, 3 gate not met.",
      ].join("\n"),
    );
  for (const { name, about, load } of commands) {
    const command = name === called ? await load() : new Command(name);
    program.addCommand(command.description(about));
  }
  inherit(program);
  return program;
}

/** Settings of a command for all below it, which were made before it had them: else a mistake in the options of `rollout plan` ends with 1. */
export function inherit(command: Command): void {
  for (const below of command.commands) inherit(below.copyInheritedSettings(command));
}

/** The command that a command line calls or wants help for. The program has no option that takes a value. */
function calledCommand(argv: readonly string[]): string | undefined {
  const [first, second] = argv.filter((arg) => !arg.startsWith("-"));
  return first === "help" ? second : first;
}

/** The environment that a command line is for; undefined for the default one. */
function environmentIn(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((arg) => /^(-e.*|--environment(=.*)?)$/.test(arg));
  const given = argv[at];
  if (given === undefined) return process.env.MENAGERIE_ENVIRONMENT;
  return /^(-e|--environment)$/.test(given) ? argv[at + 1] : given.replace(/^(-e|--environment=)/, "");
}

/** The file that names another table than the platform's; undefined where a command line names none. */
function targetIn(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((arg) => /^--target(=.*)?$/.test(arg));
  return argv[0] === "rollout" ? (argv[at]?.split("=")[1] ?? (at < 0 ? undefined : argv[at + 1])) : undefined;
}

/** Runs one command line and answers the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const start = await loaded(argv);
  return start();
}

/** Loads what one command line needs, and answers what runs it and gives its exit code. */
export async function loaded(argv: readonly string[]): Promise<() => Promise<number>> {
  const program = await menagerie(calledCommand(argv));
  return () => runProgram(program, argv);
}

async function runProgram(program: Command, argv: readonly string[]): Promise<number> {
  try {
    await program.parseAsync(argv, { from: "user" });
    return typeof process.exitCode === "number" ? process.exitCode : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : badInputExit;
    if (error instanceof Interrupted) {
      console.error(error.message);
      return interruptedExit;
    }
    if (error instanceof OperatorError) {
      console.error(`menagerie: ${inEnvironment(ofTarget(error.message, targetIn(argv)), environmentIn(argv))}`);
      return error.exitCode;
    }
    if (error instanceof Error && (error.name === "AbortError" || error.name === "Interrupted")) return interruptedExit;
    // Not an operator's mistake but ours: the stack trace is what a bug report needs.
    console.error(error instanceof Error ? error.stack : messageOf(error));
    return 1;
  }
}
