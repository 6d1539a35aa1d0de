import { Command } from "commander";
import { agreementTo } from "../../domain/preview/agreement.ts";
import { digestLines, digestOf } from "../../domain/preview/digest.ts";
import { describeRemoval, removals } from "../../domain/preview/removals.ts";
import { interruptible } from "../interrupt.ts";
import { environmentOption, existingEnvironment, jsonOption } from "../options.ts";
import { readStack } from "../stackText.ts";
import { declaredIn, environmentConfig } from "../up/declaredModels.ts";
import { plainUp } from "../up/engineOperation.ts";
import { ownEngine } from "../up/ownStack.ts";
import { previewOf } from "../up/previewedStack.ts";
import type { EngineCommands } from "../up/stackEngine.ts";

interface Options {
  readonly environment: string;
  readonly stack?: string;
  readonly json: boolean;
}

export function previewCommand(): Command {
  return new Command("preview")
    .addOption(environmentOption())
    .option("-s, --stack <name>", "preview a stack with your own Pulumi CLI, backend and kubeconfig")
    .addOption(jsonOption())
    .addHelpText("after", "\nFor every field and the engine's own words: menagerie pulumi -- preview --diff")
    .action((options: Options) => interruptible("nothing was changed", (signal) => preview(options, signal)));
}

async function preview({ environment, stack, json }: Options, signal: AbortSignal): Promise<void> {
  const { engine, config } = await chosen(environment, stack, signal);
  const found = await previewOf(engine, { args: plainUp.preview, signal });
  const digest = digestOf(found);
  const list = removals(found, declaredIn(config));
  const agreed = list.some(({ asked }) => asked) ? agreementTo(list) : null;
  if (json) {
    const deleted = list.map(({ urn, op, name, what, effect, asked }) => ({ urn, op, name, what, effect, asked }));
    return console.log(JSON.stringify({ stack: found.stack, ...digest, removals: deleted, agreed }, null, 2));
  }
  console.log(digestLines(digest).join("\n"));
  if (list.length > 0)
    console.log(["", "deletes or replaces:", ...list.map((each) => `  ${describeRemoval(each)}`)].join("\n"));
  if (agreed !== null) console.log(`\n\`up\` asks about these, or takes --agreed ${agreed}`);
}

/** The stack's engine, and its config as written. */
async function chosen(
  environment: string,
  stack: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly engine: Pick<EngineCommands, "capture">; readonly config: Readonly<Record<string, unknown>> }> {
  if (stack !== undefined) {
    const { config } = (await readStack(stack)).reading;
    return { engine: ownEngine(stack, signal), config };
  }
  const { engine, layout } = await existingEnvironment(environment);
  return { engine, config: await environmentConfig(layout) };
}
