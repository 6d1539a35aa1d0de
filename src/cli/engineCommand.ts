import { localStack } from "../local/localStack.ts";
import { committedFile } from "../local/stackConfig.ts";
import { refuse } from "./refusals.ts";
import { commandOf } from "./up/engineOperation.ts";

/** Of `pulumi stack`, with their other names. */
const stackCommands = new Set(
  "change-secrets-provider drift export get graph history import list ls migrate new init create output remove rm delete rename schedule select tag unselect webhook".split(
    " ",
  ),
);

/**
 * Arguments of the engine for an environment. Its stack is always "local", and the checkout's `Pulumi.local.yaml` is not the
 * engine's to delete or rename: it holds what was committed. Throws one sentence for a command that cannot do without.
 */
export function engineArguments(args: readonly string[], environment: string): readonly string[] {
  const words = args.filter((arg) => !arg.startsWith("-"));
  const stack = stackIn(args);
  if (stack !== undefined && stack.split("/").at(-1) !== localStack) throw refuse("engine.other-stack", { stack });
  if (words.includes("destroy") && args.some((arg) => /^--remove(=true)?$/.test(arg))) {
    throw refuse("engine.destroy-remove", { committedFile, environment });
  }
  if (commandOf(args) === "watch") {
    throw refuse("engine.watch", { environment });
  }
  const at = words.indexOf("stack");
  const command = at < 0 ? undefined : words.slice(at + 1).find((word) => stackCommands.has(word));
  if (command === "rename") {
    throw refuse("engine.stack-rename");
  }
  const deletes = command === "rm" || command === "remove" || command === "delete";
  return deletes && !args.includes("--preserve-config") ? [...args, "--preserve-config"] : args;
}

/** The stack that arguments name; undefined where they name none. */
function stackIn(args: readonly string[]): string | undefined {
  const at = args.findIndex((arg) => /^(-s|--stack)(=|$)/.test(arg));
  const [option, value] = args[at]?.split("=") ?? [];
  return option === undefined ? undefined : (value ?? args[at + 1]);
}
