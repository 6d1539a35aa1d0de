import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ReleaseLogin } from "../domain/release/environment.ts";
import type { Engine } from "../local/engine.ts";
import { type EnvironmentLayout, environmentLayout } from "../local/layout.ts";
import type { Program } from "../local/program.ts";
import { type EngineTarget, readTarget } from "../local/target.ts";
import { ToolchainFile } from "../local/toolchainFile.ts";
import { refuse } from "./refusals.ts";

/** `--environment NAME`, on every command that concerns an embedded environment. */
export function environmentOption(): Option {
  return new Option("-e, --environment <name>", "embedded environment, a folder below MENAGERIE_HOME")
    .env("MENAGERIE_ENVIRONMENT")
    .default("local");
}

/** `--yes-delete NAME…`, of every command that may delete what serves or stores. */
export function yesDeleteOption(): Option {
  return new Option(
    "--yes-delete <name...>",
    "models and resources that may be deleted, by the names in the list of deletions",
  ).default([]);
}

/** `--agreed HASH`, of every command that may delete what serves or stores. */
export function agreedOption(): Option {
  return new Option("--agreed <hash>", "hash of the list of deletions that was agreed to");
}

export function jsonOption(): Option {
  return new Option("--json", "print JSON only on standard output").default(false);
}

/**
 * The options of a subcommand whose command has some of the same names: whichever was given counts, before the subcommand's name
 * or behind it, and then the subcommand's default. (`optsWithGlobals` lets the command's default win.)
 */
export function givenOptions<Options extends object>(command: Command): Options {
  const names = new Set([...Object.keys(command.parent?.opts() ?? {}), ...Object.keys(command.opts())]);
  const chosen = [...names].map((name) => {
    const own = command.getOptionValueSource(name);
    const outer = command.parent?.getOptionValueSource(name);
    const byOuter = own === undefined || (own === "default" && outer !== undefined && outer !== "default");
    return [name, byOuter ? command.parent?.getOptionValue(name) : command.getOptionValue(name)];
  });
  return Object.fromEntries(chosen) as Options;
}

/** ` -e NAME` for a command that a sentence prints; empty where it is the default. */
export function environmentSuffix(environment: string): string {
  return environment === "local" ? "" : ` -e ${environment}`;
}

/** `--release TAG` */
export function releaseOption(): Option {
  return new Option("--release <tag>", "a release of the stack; default: the current one");
}

/** `--as LOGIN`: whose login of a release. */
export function loginOption(otherwise: ReleaseLogin): Option {
  return new Option("--as <login>", "login of the release's state").choices(["service", "pipeline"]).default(otherwise);
}

export function portArgument(value: string): number {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError("a port is a whole number from 1 to 65535.");
  }
  return port;
}

/** An environment that was brought up before, running or not. */
export interface KnownEnvironment {
  readonly layout: EnvironmentLayout;
  readonly target: EngineTarget;
}

export interface ExistingEnvironment extends KnownEnvironment {
  readonly engine: Engine;
}

/** The environment called `name`, for what only reads. Throws the sentence that helps when it was never brought up. */
export async function knownEnvironment(name: string): Promise<KnownEnvironment> {
  const layout = environmentLayout(name);
  const target = await readTarget(layout);
  if (target) return { layout, target };
  throw refuse("environment.none", { name, home: layout.home });
}

/**
 * The environment called `name` with its engine, which is set up for that.
 * @param program - what the engine runs. Default: the checkout's own program
 */
export async function existingEnvironment(name: string, program?: Program): Promise<ExistingEnvironment> {
  const { layout, target } = await knownEnvironment(name);
  const toolchain = await new ToolchainFile(layout).readComplete();
  if (!toolchain || !existsSync(toolchain.bin.pulumi)) {
    throw refuse("environment.without-tools", { name });
  }
  const { prepareEngine } = await import("../local/engine.ts");
  return { layout, target, engine: await prepareEngine(layout, target, toolchain, program) };
}

/** Reads an option that may be given several times. */
export function repeated(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
