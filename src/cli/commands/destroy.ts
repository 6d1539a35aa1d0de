import { Command } from "commander";
import { requestJson } from "../../adapters/kubernetes/request.ts";
import { localStack } from "../../local/localStack.ts";
import { destroyStack } from "../destroy/destroyStack.ts";
import { interruptible } from "../interrupt.ts";
import { ownEngine } from "../up/ownStack.ts";
import { clusterOfState } from "../up/stackObjects.ts";
import { refuse } from "./refusals.ts";

interface Options {
  readonly stack: string;
  readonly yes?: string;
}

export function destroyCommand(): Command {
  return new Command("destroy")
    .requiredOption("-s, --stack <name>", "stack of your own Pulumi CLI, backend and kubeconfig")
    .option("--yes <stack>", "agree without being asked: the stack's name again")
    .addHelpText("after", "\nFor an embedded environment, run `menagerie down -e NAME --delete`.")
    .action((options: Options) =>
      interruptible("run the same command again and it goes on from here", (signal) => destroy(options, signal)),
    );
}

async function destroy({ stack, yes }: Options, signal: AbortSignal): Promise<void> {
  if (stack === localStack) {
    throw refuse("destroy.embedded", { stack });
  }
  const code = await destroyStack(ownEngine(stack, signal), {
    stack,
    yes,
    signal,
    async askCluster(resources) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
      await requestJson(await clusterOfState(resources), "GET", "/version", { signal: limit });
    },
  });
  signal.throwIfAborted();
  if (code !== 0) {
    throw refuse("destroy.unfinished", { stack });
  }
}
