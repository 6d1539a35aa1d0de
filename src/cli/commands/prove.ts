import { writeFile } from "node:fs/promises";
import { Command, InvalidArgumentError } from "commander";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import { mostRounds } from "../../domain/proof/fieldTest.ts";
import { proofMarkdown, refusedMarkdown } from "../../domain/proof/report/markdown.ts";
import { proofPage } from "../../domain/proof/report/page.ts";
import { describeProof } from "../../domain/proof/report/text.ts";
import type { ProofResult } from "../../domain/proof/result.ts";
import { usualRisk } from "../../domain/proof/tally.ts";
import { localStack } from "../../local/localStack.ts";
import { interruptible } from "../interrupt.ts";
import { wholeNumberArgument } from "../numberArguments.ts";
import { environmentOption, jsonOption } from "../options.ts";
import { type GivenSample, prove, requireProven } from "../prove/prove.ts";
import { recordProof } from "../prove/recordProof.ts";
import { refuse } from "../prove/refusals.ts";
import { withRevisions } from "../prove/revisions.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { bringUpBeside } from "../trial/bringUp.ts";
import { secretsOfFile } from "../trial/secretValues.ts";

interface ProveOptions {
  readonly environment: string;
  readonly stack: string;
  readonly base?: string;
  readonly head?: string;
  readonly sample: readonly GivenSample[];
  readonly identity?: string;
  readonly secrets?: string;
  readonly requests: number;
  readonly repeat: number;
  readonly seed: string;
  readonly timeout: number;
  readonly startWithin: number;
  readonly deadline: number;
  readonly report?: string;
  readonly markdown?: string;
  readonly result?: string;
  readonly record?: string;
  readonly json: boolean;
}

export function proveCommand(): Command {
  return new Command("prove")
    .option("-s, --stack <name>", "the stack whose models are proven", localStack)
    .option("--base <revision>", "the old side (default: the commit at which the branch left the default one)")
    .option("--head <revision>", "the new side (default: the files as they are)")
    .option(
      "--sample <place>",
      "a sample to ask instead of those in samples/<model>/: a file, or s3://bucket/key; DEVELOPMENT-VERSION=PLACE for a model that is not recorded; may be given several times",
      collectSample,
      [],
    )
    .option("--identity <file>", "secret keys of age that open encrypted samples")
    .option("--secrets <file>", "a YAML mapping of names to values, for secrets that the models read")
    .option("--requests <count>", "requests of each model at most", wholeNumberArgument(1, 100_000), 500)
    .option(
      "--repeat <rounds>",
      "rounds at least for requests whose answers differ; each asks old, new, old",
      wholeNumberArgument(3, mostRounds),
      3,
    )
    .option("--seed <text>", "chooses requests and their order", "1")
    .option("--timeout <seconds>", "until an answer is complete", wholeNumberArgument(1, 3_600), 60)
    .option("--start-within <seconds>", "until both sides of a model are ready", wholeNumberArgument(1, 7_200), 1_800)
    .option("--deadline <minutes>", "until all is done", wholeNumberArgument(1, 1_440), 120)
    .option("--report <file>", "write the result as an HTML page")
    .option("--markdown <file>", "write the result as a part of a pull request's comment")
    .option("--result <file>", "write the result as JSON")
    .option(
      "--record <file>",
      "prove nothing, but store the result in this file as evidence for rollouts: both of its commits are read again, and every hash in it must be theirs",
    )
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nBoth sides run in sandboxes of their own, without network. Exit codes: 0 equal, or within what the stack declares; 3 differs, fails, or cannot be told.",
    )
    .action((options: ProveOptions) =>
      interruptible("nothing stays behind; run the same command again", (signal) =>
        options.record === undefined ? run(options, signal) : record(options.record, options),
      ),
    );
}

async function run(options: ProveOptions, signal: AbortSignal): Promise<void> {
  const { stack, environment, sample: samples, requests, identity, seed, repeat } = options;
  const result = await withRevisions(options, async (both) =>
    prove(
      both,
      { stack, samples, requests, identity },
      {
        bringUp: bringUpBeside(environment, { wheelsOnly: true }),
        seed,
        repeat,
        risk: usualRisk,
        timeoutMs: options.timeout * 1_000,
        startWithinSeconds: options.startWithin,
        deadline: new Date(Date.now() + options.deadline * 60_000),
        secrets: options.secrets === undefined ? {} : await secretsOfFile(options.secrets),
        progress: terminalProgress(),
        signal,
      },
    ),
  ).catch(async (error: unknown) => {
    // The comment says why, instead of only that a result is missing.
    if (error instanceof OperatorError) await writeMarkdown(options, () => refusedMarkdown(stack, error.message));
    throw error;
  });
  await writeReports(options, result);
  console.log(options.json ? JSON.stringify(result, null, 2) : describeProof(result));
  requireProven(result);
}

async function record(file: string, { stack, environment, json }: ProveOptions): Promise<void> {
  const recorded = await recordProof(file, { stack, environment });
  if (json) return console.log(JSON.stringify(recorded, null, 2));
  for (const { model, recorded: of } of recorded) {
    if ("because" in of) console.log(`${model}: no evidence, because ${of.because}`);
    else console.log(`${model}: evidence ${of.passed ? "for" : "against"} content ${of.hash.slice(0, 12)}`);
  }
}

async function writeReports(options: ProveOptions, result: ProofResult): Promise<void> {
  await write("--report", options.report, () => proofPage(result));
  await writeMarkdown(options, () => proofMarkdown(result));
  await write("--result", options.result, () => `${JSON.stringify(result, null, 2)}\n`);
}

function writeMarkdown({ markdown }: ProveOptions, text: () => string): Promise<void> {
  return write("--markdown", markdown, text);
}

async function write(option: string, file: string | undefined, text: () => string): Promise<void> {
  if (file === undefined) return;
  await writeFile(file, text()).catch((error: unknown) => {
    throw refuse("prove.not-written", { option, file, reason: messageOf(error) }, error);
  });
}

function collectSample(value: string, before: readonly GivenSample[]): GivenSample[] {
  const [, model, place] = /^([a-z][a-z0-9_/-]*)=(.+)$/.exec(value) ?? [];
  if (value === "") throw new InvalidArgumentError("name a file, or s3://bucket/key.");
  return [...before, place === undefined ? { place: value } : { model, place }];
}
