import { Command, Option } from "commander";
import { localStack } from "../../local/localStack.ts";
import { wholeNumberArgument } from "../numberArguments.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { durationArgument } from "../timeArgument.ts";
import type { TryOptions } from "../trial/tryRelease.ts";

export function tryCommand(): Command {
  return new Command("try")
    .argument("<release>", "a tag, or a deployment's number, as `menagerie releases` lists them")
    .argument("[command...]", "a command to run, after `--`; the trial ends with it. Default: until Ctrl-C")
    .option("-s, --stack <name>", "the stack whose record has the release", localStack)
    .option("--model <name...>", "only these of its models (default: all that it served)")
    .addOption(
      new Option(
        "--state <rows>",
        "what models find in the release's state: empty tables, or a copy of its rows, which needs a key with the right copy-state elsewhere than in an embedded environment (default: copy for stack local, else empty)",
      ).choices(["empty", "copy"]),
    )
    .option("--max-state-gb <count>", "rows to copy at most, in gigabytes", wholeNumberArgument(1, 10_000), 5)
    .option(
      "--cluster <context>",
      "in this cluster of your kubeconfig, in a namespace of the trial's own (default: on this machine)",
    )
    .option("--pool <name>", "with --cluster: the node pool that the models run on")
    .option("--egress", "let the models reach public addresses", false)
    .option("--secrets <file>", "a YAML mapping of names to values, for secrets that the environment does not have")
    .option(
      "--port <port>",
      "port of 127.0.0.1 that the models answer at (default: a free one)",
      wholeNumberArgument(1, 65_535),
    )
    .addOption(lengthOption("--for <time>", "the trial is removed after so long, such as 30m or 2h", "1d"))
    .addOption(lengthOption("--start-within <time>", "how long a model may take until it is ready", "30m"))
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      [
        "",
        "The models run in namespaces of their own, with the images, variables and secrets of the release. The live ones are not",
        "touched. Nothing of the trial stays, however this command ends.",
        "",
        "A command after `--` gets MENAGERIE_TRY_URL and, for each model, <MODEL>_URL; one that chats has <MODEL>_CHAT_URL, too.",
        "",
        "Examples: menagerie try release-1",
        `          menagerie try release-1 --model iris -- sh -c 'curl -s "$IRIS_URL" -d @request.json'`,
        "          menagerie try release-1 --cluster staging --pool spare",
      ].join("\n"),
    )
    .action(async (release: string, command: string[], options: TryOptions) => {
      const { tryRelease } = await import("../trial/tryRelease.ts");
      process.exitCode = await tryRelease(release, command, options);
    });
}

function lengthOption(flags: string, about: string, otherwise: string): Option {
  return new Option(flags, about).argParser(durationArgument).default(durationArgument(otherwise), otherwise);
}
