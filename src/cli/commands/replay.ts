import { Command, InvalidArgumentError } from "commander";
import {
  countRecordedRequests,
  type RecordedRange,
  recordedRequests,
} from "../../adapters/postgres/predictions/recordedRequests.ts";
import { replayRequests } from "../../adapters/predictions/replay.ts";
import { Comparison, type ComparisonResult } from "../../domain/shadow/comparison.ts";
import { parseFieldPath } from "../../domain/shadow/fieldPath.ts";
import { headlineOf } from "../../domain/shadow/headline.ts";
import type { ComparisonRules } from "../../domain/shadow/rules.ts";
import { environmentLayout } from "../../local/layout.ts";
import { readTarget } from "../../local/target.ts";
import { interruptible } from "../interrupt.ts";
import { ambientKey } from "../jsonBody.ts";
import { findModel, readModels } from "../models.ts";
import { asOperator } from "../operatorDatabase.ts";
import { environmentOption, jsonOption, knownEnvironment } from "../options.ts";
import { findRecording, type Recording } from "../recordings.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { timeArgument, timeHelp } from "../timeArgument.ts";
import { refuse } from "./refusals.ts";

interface ReplayOptions {
  readonly environment: string;
  readonly json: boolean;
  readonly to: string;
  readonly since: string;
  readonly limit: number;
  readonly concurrency: number;
  readonly rate?: number;
  readonly timeout: number;
  readonly tolerance?: number;
  readonly ignore: readonly string[];
  readonly maxMismatch?: number;
}

export function replayCommand(): Command {
  return new Command("replay")
    .argument(
      "<recorded>",
      "what was recorded: a zoo model of the stack, a shadow deployment (its primary), or a schema of prediction tables",
    )
    .requiredOption("--to <model>", "a model of the stack, or the url that it predicts at")
    .option("--since <when>", `requests since then: ${timeHelp}`, "24h")
    .option("--limit <count>", "at most so many requests", whole(1, 100_000_000), 10_000)
    .option("--concurrency <count>", "requests on their way at once", whole(1, 1_000), 8)
    .option(
      "--rate <per second>",
      "at most so many requests per second; default: as fast as it answers",
      whole(1, 1_000_000),
    )
    .option("--timeout <seconds>", "until an answer is complete", whole(1, 3_600), 60)
    .option(
      "--tolerance <share>",
      "numbers count as equal when they differ by less than this share of the larger",
      share,
    )
    .option("--ignore <path>", "a field that is not compared; may be given several times", collect, [])
    .option(
      "--max-mismatch <share>",
      "exit with 3 unless the share that differs is below this, with 95 % confidence",
      share,
    )
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nMENAGERIE_API_KEY is sent as x-api-key where it is set.")
    .action((recorded: string, options: ReplayOptions) =>
      interruptible("what was sent is not sent again by itself", (signal) => replay(recorded, options, signal)),
    );
}

async function replay(recorded: string, options: ReplayOptions, signal: AbortSignal): Promise<void> {
  const deployed = await recordingOf(recorded, options.environment);
  const side = deployed ?? { schema: recorded };
  const url = await targetUrl(options);
  const until = new Date();
  const range: RecordedRange = {
    side,
    since: timeArgument("--since", options.since, until),
    until,
    limit: options.limit,
  };
  const comparison = comparisonOf(options, deployed?.compare ?? {});
  const { sent, answered, truncated, otherOperation } = await asOperator(options.environment, async (client) => {
    const found = await countRecordedRequests(client, range);
    if (found.requests === 0) {
      throw refuse("replay.nothing-recorded", { schema: side.schema, since: range.since.toISOString() });
    }
    const task = terminalProgress().begin("replay");
    const startedAt = performance.now();
    let paired = 0;
    let withAnswer = 0;
    let leftOut = 0;
    try {
      const count = await replayRequests({
        requests: recordedRequests(client, range),
        url,
        headers: ambientKey(),
        concurrency: options.concurrency,
        rate: options.rate,
        timeoutMs: options.timeout * 1000,
        signal,
        onLeftOut: () => {
          leftOut += 1;
        },
        onPair(pair) {
          comparison.add(pair);
          paired += 1;
          if (pair.shadow.failure === null) withAnswer += 1;
          const perSecond = paired / ((performance.now() - startedAt) / 1000);
          const left = Math.ceil((found.requests - paired) / perSecond);
          task.update(`${paired} of ${found.requests}, ${perSecond.toFixed(0)} per second, ${left} s left`);
        },
      });
      task.done(`${count} requests`);
      return { sent: count, answered: withAnswer, truncated: found.truncated, otherOperation: leftOut };
    } catch (error) {
      task.failed();
      throw error;
    }
  });
  const counts = { primary: sent, shadow: answered, paired: answered, pending: 0, unpaired: 0, lostByRecorders: 0 };
  const result = comparison.result(counts, 100);
  if (options.json)
    console.log(
      JSON.stringify({ url, sent, answered, truncated, otherOperation, headline: headlineOf(result), result }),
    );
  else console.log(described(result, { sent, answered, truncated, otherOperation }));
  const { maxMismatch } = options;
  if (maxMismatch !== undefined && (result.pairs === 0 || result.mismatchRate.high > maxMismatch)) {
    throw refuse("replay.gate-not-met", { maxMismatch, result: headlineOf(result) });
  }
}

/** What the stack records under this name; undefined where it is nothing, so that the name is a schema's. */
async function recordingOf(name: string, environment: string): Promise<Recording | undefined> {
  if (!(await readTarget(environmentLayout(environment)))) return undefined;
  const { layout } = await knownEnvironment(environment);
  return findRecording(layout, name);
}

/** By the deployment's rules; those of the command line come on top. */
function comparisonOf({ ignore, tolerance }: ReplayOptions, declared: ComparisonRules): Comparison {
  const wrong = ignore.find((path) => !parseFieldPath(path));
  if (wrong !== undefined) throw refuse("replay.bad-path", { wrong });
  return new Comparison({
    ...declared,
    ignore: [...(declared.ignore ?? []), ...ignore],
    ...(tolerance === undefined ? {} : { tolerance: { relative: tolerance } }),
  });
}

async function targetUrl({ to, environment }: ReplayOptions): Promise<string> {
  if (/^https?:\/\//.test(to)) {
    if (URL.canParse(to)) return to;
    throw refuse("replay.bad-url", { to });
  }
  const { layout } = await knownEnvironment(environment);
  return findModel(await readModels(layout), to).url;
}

interface ReplayCounts {
  readonly sent: number;
  readonly answered: number;
  /** Requests whose body was not kept whole. */
  readonly truncated: number;
  /** Requests that the target cannot be asked: of another protocol, or explanations where its url does not say how. */
  readonly otherOperation: number;
}

function described(result: ComparisonResult, { sent, answered, truncated, otherOperation }: ReplayCounts): string {
  const { fields, latency, statuses } = result;
  const milliseconds = (value: number | null): string => (value === null ? "–" : `${value.toFixed(1)} ms`);
  return [
    headlineOf(result),
    `sent ${sent}, answered ${answered}${truncated > 0 ? `, left out ${truncated} whose body was not kept whole` : ""}${otherOperation > 0 ? `, left out ${otherOperation} of an operation that the target's url does not offer` : ""}`,
    ...fields.slice(0, 10).map(({ field, mismatches }) => `  ${field}: differs ${mismatches} times`),
    ...statuses
      .filter(({ primary, shadow }) => primary !== shadow)
      .map(({ primary, shadow, pairs }) => `  status ${primary} became ${shadow ?? "no answer"}: ${pairs} times`),
    `latency p50 ${milliseconds(latency.primary.p50)} recorded, ${milliseconds(latency.shadow.p50)} now; p99 ${milliseconds(latency.primary.p99)}, ${milliseconds(latency.shadow.p99)}`,
  ].join("\n");
}

function whole(minimum: number, maximum: number) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    throw new InvalidArgumentError(`give a whole number from ${minimum} to ${maximum}.`);
  };
}

function share(text: string): number {
  const value = Number(text);
  if (text !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("give a share from 0 to 1, such as 0.01.");
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
