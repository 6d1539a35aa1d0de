import { Command, CommanderError } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { messageOf, OperatorError } from "../domain/errors.ts";
import { appCommand } from "./commands/app.ts";
import { compareCommand } from "./commands/compare.ts";
import { dataCommand } from "./commands/data.ts";
import { devCommand } from "./commands/dev.ts";
import { downCommand } from "./commands/down.ts";
import { envCommand } from "./commands/env.ts";
import { keyCommand } from "./commands/key.ts";
import { logsCommand } from "./commands/logs.ts";
import { predictCommand } from "./commands/predict.ts";
import { previewSummaryCommand } from "./commands/previewSummary.ts";
import { promoteCommand } from "./commands/promote.ts";
import { pulumiCommand } from "./commands/pulumi.ts";
import { releasesCommand } from "./commands/releases.ts";
import { replayCommand } from "./commands/replay.ts";
import { restoreCommand } from "./commands/restore.ts";
import { rolloutCommand } from "./commands/rollout/index.ts";
import { statusCommand } from "./commands/status.ts";
import { termCommand } from "./commands/term.ts";
import { trussCommand } from "./commands/truss.ts";
import { trussClientCommand } from "./commands/trussClient.ts";
import { upCommand } from "./commands/up.ts";
import { watchCommand } from "./commands/watch.ts";
import { Interrupted } from "./interrupt.ts";

/** Exit codes, which scripts build on: 0 ok, 1 failed, 2 bad input, 3 gate not met, 130 interrupted. */
const badInputExit = 2;
const interruptedExit = 130;

function menagerie(): Command {
  const program = new Command("menagerie")
    .version(manifest.version, "--version")
    .description("An ML serving platform as a Pulumi program: environments, model zoo, rollouts.")
    .showHelpAfterError("(add --help for what there is)")
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
        "",
        "Exit codes: 0 ok, 1 failed, 2 bad input, 3 gate not met.",
      ].join("\n"),
    );
  for (const command of [
    upCommand(),
    downCommand(),
    statusCommand(),
    logsCommand(),
    predictCommand(),
    watchCommand(),
    devCommand(),
    compareCommand(),
    appCommand(),
    keyCommand(),
    rolloutCommand(),
    releasesCommand(),
    restoreCommand(),
    promoteCommand(),
    dataCommand(),
    envCommand(),
    termCommand(),
    trussCommand(),
    trussClientCommand(),
    replayCommand(),
    previewSummaryCommand(),
    pulumiCommand(),
  ]) {
    program.addCommand(command.copyInheritedSettings(program));
  }
  return program;
}

/** Runs one command line and answers the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    await menagerie().parseAsync(argv, { from: "user" });
    return typeof process.exitCode === "number" ? process.exitCode : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : badInputExit;
    if (error instanceof Interrupted) {
      console.error(error.message);
      return interruptedExit;
    }
    if (error instanceof OperatorError) {
      console.error(`menagerie: ${error.message}`);
      return error.exitCode;
    }
    if (error instanceof Error && (error.name === "AbortError" || error.name === "Interrupted")) return interruptedExit;
    // Not an operator's mistake but ours: the stack trace is what a bug report needs.
    console.error(error instanceof Error ? error.stack : messageOf(error));
    return 1;
  }
}
