import { Command, Option } from "commander";
import { deploymentOfId } from "../../adapters/postgres/releases.ts";
import { combinationKey } from "../../domain/bisect/parts.ts";
import { describePlan, mostRestores, type SearchPlan } from "../../domain/bisect/plan.ts";
import type { Remembered } from "../../domain/bisect/ports.ts";
import { describeReport } from "../../domain/bisect/report.ts";
import type { DeploymentRange } from "../../domain/release/record.ts";
import type { StackConfig } from "../../domain/release/restore.ts";
import { menagerieHome } from "../../local/layout.ts";
import { localStack } from "../../local/localStack.ts";
import { preflight } from "../../local/preflight/index.ts";
import { hostTrials } from "../bisect/hostTrials.ts";
import { refuse } from "../bisect/refusals.ts";
import { type AskedRequest, givenExpectation, givenRequest, recordedRequest, recordingsOf } from "../bisect/request.ts";
import { type BisectPlan, type BisectWanted, bisect, type Expected, planBisect } from "../bisect/run.ts";
import { deploymentsBetween, labelOf } from "../bisect/searchedHistory.ts";
import { interruptible } from "../interrupt.ts";
import { shareArgument, wholeNumberArgument } from "../numberArguments.ts";
import { asOperator, asReader } from "../operatorDatabase.ts";
import { environmentOption, jsonOption, repeated } from "../options.ts";
import { givenRules } from "../replay/givenRules.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { type Duration, durationArgument, timeHelp } from "../timeArgument.ts";

interface BisectOptions {
  readonly environment: string;
  readonly stack: string;
  readonly json: boolean;
  readonly request?: string;
  readonly recorded?: string;
  readonly data?: string;
  readonly path: string;
  readonly model?: string;
  readonly expect?: string;
  readonly answerOf?: string;
  readonly check?: string;
  readonly ignore: readonly string[];
  readonly tolerance?: number;
  readonly asks: number;
  readonly mostAsks: number;
  readonly lookFurther: number;
  readonly timeout: number;
  readonly startWithin: Duration;
  readonly state?: "empty" | "copy";
  readonly maxStateGb: number;
  readonly egress: boolean;
  readonly secrets?: string;
  readonly dryRun: boolean;
  readonly fresh: boolean;
}

export function bisectCommand(): Command {
  return new Command("bisect")
    .argument("<from>", `the older end: a tag, a deployment's number, or a moment (${timeHelp})`)
    .argument("<to>", "the younger end, likewise")
    .option("--request <id>", "a recorded request, by the x-request-id that it had")
    .option(
      "--recorded <name>",
      "recording that --request is in, or its schema (default: any that the younger end has)",
    )
    .option("-d, --data <json>", "what is asked: JSON, or @FILE")
    .option("--path <path>", "path at the model that --data is sent to", "/v1/models/model:predict")
    .option("--model <name>", "zoo model to ask (default: the one whose recording has --request)")
    .option("--expect <json>", "the answer that is expected: JSON, or @FILE")
    .option("--answer-of <release>", "expected is what this release answers")
    .option(
      "--check <command>",
      "shell command that gets the answer on standard input: exit code 0 as expected, 125 cannot be judged, 1 to 124 not as expected",
    )
    .option("--ignore <path>", "a field that is not compared; may be given several times", repeated, [])
    .option(
      "--tolerance <share>",
      "numbers count as equal when they differ by less than this share of the larger",
      shareArgument,
    )
    .option("--asks <count>", "how often each end is asked, at least", wholeNumberArgument(10, 100_000), 20)
    .option(
      "--most-asks <count>",
      "how often a release is asked, at most; what is not clear then is not judged",
      wholeNumberArgument(20, 1_000_000),
      300,
    )
    .option(
      "--look-further <count>",
      "judge so many more releases, to see whether the fault comes and goes",
      wholeNumberArgument(0, 1_000),
      0,
    )
    .option("--timeout <seconds>", "until an answer is complete", wholeNumberArgument(1, 3_600), 60)
    .addOption(
      new Option("--start-within <time>", "how long a release may take until it is ready")
        .argParser(durationArgument)
        .default(durationArgument("30m"), "30m"),
    )
    .addOption(
      new Option(
        "--state <rows>",
        "what models find in a release's state: empty tables, or its rows as they were last used (default: copy for stack local, else empty)",
      ).choices(["empty", "copy"]),
    )
    .option("--max-state-gb <count>", "rows to copy at most, in gigabytes", wholeNumberArgument(1, 10_000), 5)
    .option("--egress", "let the models reach public addresses", false)
    .option("--secrets <file>", "a YAML mapping of names to values, for secrets that the environment does not have")
    .option("--dry-run", "show what would be brought up, and end", false)
    .option("--fresh", "forget what earlier runs of the same search were answered", false)
    .option("-s, --stack <name>", "the stack whose record is searched", localStack)
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText("after", help)
    .action((from: string, to: string, options: BisectOptions) =>
      interruptible("run the same command again to go on", (signal) => run(from, to, options, signal)),
    );
}

const help = `
Nothing is brought up in the live environment: each release runs beside it, on this machine, and is removed once it has
answered. A search that was interrupted goes on when the same command is run again.

Examples:
  menagerie bisect release-3 release-40 --request 7f3a --answer-of release-3
  menagerie bisect 7d 1h --model iris --data @flower.json --check 'jq -e ".predictions[0] == 0"'

Exit codes: 0 found, 3 found only as a range of releases. docs/bisect.md`;

async function run(from: string, to: string, options: BisectOptions, signal: AbortSignal): Promise<void> {
  const { environment, stack, json, asks, lookFurther, fresh } = options;
  const expected = await expectedOf(options);
  const reading: <Result>(work: Parameters<typeof asReader<Result>>[1]) => Promise<Result> = (work) =>
    asReader(environment, work);
  const deployments = await reading((client) => deploymentsBetween(client, { stack, from, to }));
  const { config } = await reading((client) => deploymentOfId(client, stack, deployments.at(-1)?.id ?? ""));
  const asked = await askedOf(options, config);
  const wanted: BisectWanted = {
    stack,
    asked,
    model: modelOf(options.model ?? asked.model, deployments),
    expected,
    rules: givenRules(options, asked.compare),
    asks,
    mostAsks: Math.max(options.mostAsks, asks),
    lookFurther,
    fresh,
  };
  const progress = terminalProgress();
  const surroundings = {
    reading,
    home: menagerieHome(),
    progress,
    ...hostTrials({ ...options, startWithin: options.startWithin.milliseconds / 1_000 }, config, signal),
  };
  const plan = await planBisect(deployments, wanted, surroundings);
  if (options.dryRun) {
    const shown = searchPlan(plan, deployments);
    console.log(
      json
        ? JSON.stringify({ ...shown, mostRestores: mostRestores(shown) }, null, 2)
        : describePlan(shown, wanted.model),
    );
    return;
  }
  await preflight({ progress });
  const report = await bisect(plan, wanted, surroundings);
  console.log(json ? JSON.stringify(report, null, 2) : describeReport(report));
  // The change is known, but not to one release.
  if (report.change.first.length > 1) process.exitCode = 3;
}

/**
 * @param config - of the younger end, whose recordings have the request
 * @throws OperatorError unless exactly one of both is given.
 */
async function askedOf(
  { environment, request, recorded, data, path }: BisectOptions,
  config: StackConfig,
): Promise<AskedRequest> {
  if (data !== undefined && request !== undefined)
    throw refuse("bisect.which-request", { given: "--request and --data exclude each other" });
  if (data !== undefined) return givenRequest(data, path);
  if (request === undefined) throw refuse("bisect.which-request", { given: "nothing says what is asked" });
  const all = recordingsOf(config);
  const named = recorded === undefined ? all : all.filter(({ name }) => name === recorded);
  const searched =
    named.length === 0 && recorded !== undefined
      ? [{ name: recorded, kind: "shadow" as const, schema: recorded }]
      : named;
  return asOperator(environment, (client) => recordedRequest(client, searched, request));
}

/** @throws OperatorError unless exactly one of the three is given. */
async function expectedOf({ expect, answerOf, check }: BisectOptions): Promise<Expected> {
  const given = [
    ...(expect === undefined ? [] : ["--expect"]),
    ...(answerOf === undefined ? [] : ["--answer-of"]),
    ...(check === undefined ? [] : ["--check"]),
  ];
  if (given.length > 1)
    throw refuse("bisect.which-expectation", { given: `${given.join(" and ")} exclude each other` });
  if (expect !== undefined) return { json: await givenExpectation(expect) };
  if (answerOf !== undefined) return { answerOf };
  if (check !== undefined) return { check };
  throw refuse("bisect.which-expectation", { given: "nothing says which answers are as expected" });
}

/** @throws OperatorError for what neither end serves. */
function modelOf(model: string | undefined, deployments: readonly DeploymentRange[]): string {
  const [first, last] = [deployments[0], deployments.at(-1)];
  if (!first || !last) throw new Error("a history has two ends");
  const served = [first, last].flatMap(({ models }) => models.filter(({ service }) => service !== null));
  const models = [...new Set(served.map(({ name }) => name))].sort().join(", ") || "none";
  if (model === undefined) throw refuse("bisect.which-model", { models });
  if (served.some(({ name }) => name === model)) return model;
  throw refuse("bisect.model-unknown", { model, from: labelOf(first), to: labelOf(last), models });
}

function searchPlan({ stretches, memory }: BisectPlan, deployments: readonly DeploymentRange[]): SearchPlan {
  return {
    releases: deployments.length,
    places: stretches.map(({ label, combination, releases }) => ({
      label,
      releases: releases.map((each) => each.label),
      known: "notJudged" in combination ? combination : knownOf(memory.get(combinationKey(combination))),
    })),
  };
}

function knownOf(remembered: Remembered | undefined): SearchPlan["places"][number]["known"] {
  if (!remembered) return "not yet";
  return "notJudged" in remembered ? { notJudged: remembered.notJudged } : "answered";
}
