import { badInput } from "../domain/errors.ts";
import { committedFile } from "../local/stackConfig.ts";
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
  if (words.includes("destroy") && args.some((arg) => /^--remove(=true)?$/.test(arg))) {
    throw badInput(
      `destroy --remove deletes the committed ${committedFile}; run \`menagerie pulumi -e ${environment} -- destroy\`, then \`stack rm\``,
    );
  }
  if (commandOf(args) === "watch") {
    throw badInput(
      `watch deploys each change without showing what it deletes; run \`menagerie watch MODEL --deploy\`, or \`menagerie up -e ${environment}\``,
    );
  }
  const at = words.indexOf("stack");
  const command = at < 0 ? undefined : words.slice(at + 1).find((word) => stackCommands.has(word));
  if (command === "rename") {
    throw badInput(
      `stack rename: the stack of an environment is always "local"; for another environment, run \`menagerie up -e NAME\``,
    );
  }
  const deletes = command === "rm" || command === "remove" || command === "delete";
  return deletes && !args.includes("--preserve-config") ? [...args, "--preserve-config"] : args;
}
