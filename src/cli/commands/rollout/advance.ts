import { dirname } from "node:path";
import { Command, Option } from "commander";
import type { EvidenceLook } from "../../../domain/judgement/evidenceLooks.ts";
import { evidenceShares } from "../../../domain/judgement/evidenceShares.ts";
import { verdictOf } from "../../../domain/judgement/verdict.ts";
import {
  type AdvanceFacts,
  type AdvanceTarget,
  advanceTargets,
  describeEntryEdits,
} from "../../../domain/zoo/advance.ts";
import { evidencePicture } from "../../../domain/zoo/evidencePicture.ts";
import { localStack } from "../../../local/localStack.ts";
import { interruptible } from "../../interrupt.ts";
import { asOperator } from "../../operatorDatabase.ts";
import { environmentOption, givenOptions, jsonOption } from "../../options.ts";
import { readStackFile } from "../../releases/stackFile.ts";
import { type AdvancedStep, type AdvancePorts, advance } from "../../rollout/advance.ts";
import { advancedStack } from "../../rollout/advancedStack.ts";
import { proposeStep, pushStep, requireCleanBranch } from "../../rollout/proposal.ts";
import { type Duration, durationArgument } from "../../timeArgument.ts";

interface AdvanceOptions {
  readonly environment: string;
  readonly stack?: string;
  readonly to?: AdvanceTarget;
  readonly wait: boolean;
  readonly within?: Duration;
  readonly push: boolean;
  readonly commit: boolean;
  readonly json: boolean;
}

export function advanceCommand(): Command {
  return new Command("advance")
    .description("Advance a rollout by one step if its judge says good: edit the stack file and deploy that edit.")
    .argument("<zoo model>", "a model whose rollout is under way")
    .addOption(new Option("--to <phase>", "go on until this phase (default: one step)").choices(advanceTargets))
    .option("--wait", "wait until the judge says good and the next phase is open (default: exit with 3)", false)
    .option("--within <time>", "how long a step may wait, such as 30m or 2h (default: without end)", durationArgument)
    .addOption(new Option("--push", "commit and push each step once it is deployed").default(false).conflicts("commit"))
    .option("--commit", "open a pull request with the next step, and deploy nothing", false)
    .option(
      "-s, --stack <name>",
      "a stack of your own Pulumi CLI and backend; MENAGERIE_DATABASE_URL names its database",
    )
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `
Steps: traffic 1, 10, 50, 100; phase forward with share 1, 10, 50, 100; bake; done. Each needs a good verdict, and as many new requests as minRequests.
Interrupted at any point, run the same command again. Exit codes: 0 advanced, 1 \`up\` failed, 2 bad input, 3 not yet, bad, or the preview holds other changes.`,
    )
    .action(async (model: string, _own: AdvanceOptions, command: Command) => {
      const options = givenOptions<AdvanceOptions>(command);
      const steps = await interruptible("nothing is lost; run the same command again to go on", (signal) =>
        runAdvance(model, options, signal),
      );
      if (options.json) console.log(JSON.stringify({ model, steps }, null, 2));
      else if (steps.length > 0) for (const step of steps) console.log(`${model}: ${describeEntryEdits(step.edits)}`);
      else if (!options.commit) console.log(`${model}: is there already`);
    });
}

function runAdvance(model: string, options: AdvanceOptions, signal: AbortSignal): Promise<readonly AdvancedStep[]> {
  const { environment, stack = localStack, to, wait, within, push, commit } = options;
  const readFile = () => readStackFile(stack, environment);
  const screen = evidenceScreen(model);
  let evidence: readonly string[] = [];
  return asOperator(environment, async (client) => {
    const { path } = await readFile();
    const git: Pick<AdvancePorts, "before" | "after" | "propose"> = push
      ? {
          before: () => requireCleanBranch(dirname(path)),
          after: ({ edits }) => pushStep(path, { model, stack, edits, evidence }),
        }
      : commit
        ? {
            propose: async (edits) => {
              const where = await proposeStep(await readFile(), { model, stack, edits, evidence });
              console.log(
                options.json
                  ? JSON.stringify({ model, proposed: where, edits })
                  : `${model}: ${describeEntryEdits(edits)} is proposed: ${where}`,
              );
            },
          }
        : {};
    try {
      return await advance(
        { stack, model, to, wait, within, signal },
        {
          client,
          run: advancedStack(stack, environment),
          readFile,
          look: (facts) => {
            evidence = sentencesOf(facts);
            screen.show(facts);
          },
          note: screen.note,
          ...git,
        },
      );
    } finally {
      screen.end();
    }
  });
}

function sentencesOf({ judged }: AdvanceFacts): readonly string[] {
  return judged ? verdictOf(judged.state, judged.settings).metrics.map(({ sentence }) => sentence) : [];
}

/** In a terminal, evidence over time in a block that is painted again at each look; elsewhere a line where what is missing changes. */
function evidenceScreen(model: string, stream: NodeJS.WriteStream = process.stderr) {
  const looks: EvidenceLook[] = [];
  let painted = 0;
  let said = "";
  const erase = (): void => {
    if (painted > 0) stream.write(`\u001b[${painted}A\u001b[0J`);
    painted = 0;
  };
  return {
    show({ phase, weight, judged }: AdvanceFacts): void {
      if (!judged) return;
      const verdict = verdictOf(judged.state, judged.settings);
      looks.push({ at: Date.now(), shares: evidenceShares(judged.state, judged.settings) });
      const head = `${model}: ${phase}${weight === undefined ? "" : `, ${weight} % of the requests`}: ${verdict.decision}`;
      if (!stream.isTTY) {
        if (head !== said)
          stream.write(`${head}${verdict.because.length > 0 ? `; ${verdict.because.join("; ")}` : ""}\n`);
        said = head;
        return;
      }
      erase();
      const lines = [head, ...evidencePicture(looks, verdict, stream.columns || 100)];
      stream.write(`${lines.join("\n")}\n`);
      painted = lines.length;
    },
    note(line: string): void {
      erase();
      stream.write(`${line}\n`);
    },
    /** What is on the screen stays. */
    end(): void {
      painted = 0;
    },
  };
}
