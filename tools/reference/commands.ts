import type { Argument, Command, Option } from "commander";
import { type CommandEntry, commands } from "../../src/cli/commandTable.ts";
import { inherit } from "../../src/cli/program.ts";
import { anchor, code, generated, page, prose, table } from "./markdown.ts";

/** docs/reference/commands.md: every command with its arguments, options and defaults, from the programs themselves. */
export async function commandsPage(): Promise<string> {
  const all = (await loadCommands()).flatMap((command) => withSubcommands(command, "menagerie"));
  return page(
    "# Commands",
    "Run them as `npx menagerie COMMAND` in a checkout, or as `menagerie COMMAND` where the package is installed. Every command takes `--help`.",
    generated("the commands themselves (`src/cli`)"),
    exitCodes,
    table(
      ["Command", "What it does"],
      all.map(({ name, command }) => [`[${name}](#${anchor(name)})`, prose(command.description())]),
    ),
    ...all.flatMap(section),
  );
}

const exitCodes = `## Exit codes

| Code | Meaning |
| --- | --- |
| 0 | The command did what it says. |
| 1 | Something failed: the cluster, the database, a build, a model. |
| 2 | The input is wrong: an option, a key of the stack file, a name. Nothing was changed. |
| 3 | A gate is not met, a verdict is missing, or a deletion was not agreed to. |
| 130 | Interrupted. Run the same command again to go on. |

[Refusals](../refusals.md) lists every error with its exit code. With \`--json\`, standard output is JSON only; progress and logs go to standard error.`;

export interface NamedCommand {
  /** As it is typed, such as \`menagerie rollout advance\`. */
  readonly name: string;
  readonly command: Command;
}

/** Every command with its description, in the order of the help. */
export function loadCommands(): Promise<Command[]> {
  return Promise.all(commands.map(load));
}

async function load(entry: CommandEntry): Promise<Command> {
  const command = (await entry.load()).description(entry.about);
  inherit(command);
  return command;
}

/** The command and all below it. */
export function withSubcommands(command: Command, above: string): NamedCommand[] {
  const name = `${above} ${command.name()}`;
  const below = command.commands.filter((each) => each.name() !== "help");
  return [{ name, command }, ...below.flatMap((each) => withSubcommands(each, name))];
}

function section({ name, command }: NamedCommand): string[] {
  return [
    `## ${name}`,
    prose(command.description()),
    `\`\`\`text\n${name} ${command.usage()}\n\`\`\``,
    table(
      ["Argument", "Meaning", "Default"],
      command.registeredArguments.map((each) => [code(argumentName(each)), described(each), defaultOf(each)]),
    ),
    table(
      ["Option", "Meaning", "Default"],
      command.options
        .filter(({ hidden }) => !hidden)
        .map((each) => [code(each.flags), described(each), each.mandatory ? "required" : defaultOf(each)]),
    ),
    textAfter(command),
  ];
}

function argumentName(argument: Argument): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
}

function described(each: Argument | Option): string {
  const choices = each.argChoices ? [`One of ${each.argChoices.map(code).join(", ")}.`] : [];
  const variable = "envVar" in each && each.envVar ? [`Environment variable: ${code(each.envVar)}.`] : [];
  return [sentence(prose(each.description)), ...choices, ...variable].filter(Boolean).join(" ");
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /(^|\.)$/.test(text) ? capital : `${capital}.`;
}

/** Empty for a switch that is off. */
function defaultOf({ defaultValue, defaultValueDescription }: Argument | Option): string {
  if (defaultValueDescription !== undefined) return prose(defaultValueDescription);
  if (defaultValue === undefined || defaultValue === false) return "";
  if (Array.isArray(defaultValue) && defaultValue.length === 0) return "none";
  return code(typeof defaultValue === "string" ? defaultValue : JSON.stringify(defaultValue));
}

/** What the help says below the options. */
function textAfter(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  const after = text.slice(command.helpInformation().length).trim();
  return after && `\`\`\`text\n${after}\n\`\`\``;
}
