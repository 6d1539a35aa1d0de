import { Command, Option } from "commander";
import {
  countRecordedRequests,
  type RecordedRange,
  type RecordedRequest,
  recordedRequests,
} from "../../adapters/postgres/predictions/recordedRequests.ts";
import { replayRequests } from "../../adapters/predictions/replay.ts";
import { counted } from "../../domain/counted.ts";
import { type Streaming, streamings } from "../../domain/recording/requestAgain.ts";
import { Comparison } from "../../domain/shadow/comparison.ts";
import { sampledFailuresBound } from "../../domain/shadow/gate.ts";
import { headlineOf } from "../../domain/shadow/headline.ts";
import { environmentLayout } from "../../local/layout.ts";
import { readTarget } from "../../local/target.ts";
import { interruptible } from "../interrupt.ts";
import { factorArgument, shareArgument, wholeNumberArgument } from "../numberArguments.ts";
import { asOperator } from "../operatorDatabase.ts";
import { environmentOption, jsonOption, knownEnvironment, repeated } from "../options.ts";
import { findRecording, type Recording } from "../recordings.ts";
import { describeReplay, type ReplayCounts } from "../replay/description.ts";
import { givenRules } from "../replay/givenRules.ts";
import { type ReplayTarget, replayTarget } from "../replay/target.ts";
import { samplePlace } from "../samples/places.ts";
import { openSample } from "../samples/replaySample.ts";
import { terminalProgress } from "../terminalProgress.ts";
import { timeArgument, timeHelp } from "../timeArgument.ts";
import { refuse } from "./refusals.ts";

interface ReplayOptions {
  readonly environment: string;
  readonly json: boolean;
  readonly to: string;
  readonly since: string;
  readonly limit: number;
  readonly concurrency?: number;
  readonly rate?: number;
  readonly asRecorded: boolean;
  readonly speed?: number;
  readonly stream: Streaming;
  readonly timeout: number;
  readonly tolerance?: number;
  readonly ignore: readonly string[];
  readonly maxMismatch?: number;
  readonly sample?: string;
  readonly identity?: string;
  readonly apiKey?: string;
}

const gateConfidence = 0.95;
/** With --as-recorded, where the recording says what is asked at once. */
const mostAtOnce = 1_000;

export function replayCommand(): Command {
  return new Command("replay")
    .argument(
      "[recorded]",
      "what was recorded: a zoo model of the stack, a shadow deployment (its primary), or a schema of prediction tables",
    )
    .requiredOption("--to <model>", "a model of the stack, or the url that it predicts at")
    .option("--sample <place>", "requests of a sample (a file or s3://<bucket>/<key>) instead of recorded ones")
    .option("--identity <file>", "secret keys of age, for a sample that is encrypted")
    .option("--since <when>", `requests since then: ${timeHelp}`, "24h")
    .option("--limit <count>", "at most so many requests", wholeNumberArgument(1, 100_000_000), 10_000)
    .option(
      "--concurrency <count>",
      "requests in flight, at most (default: 8, and 1000 with --as-recorded)",
      wholeNumberArgument(1, 1_000),
    )
    .option(
      "--rate <per second>",
      "at most so many requests per second; default: as fast as it answers",
      wholeNumberArgument(1, 1_000_000),
    )
    .option(
      "--as-recorded",
      "in the recording's order and at its pace: what was asked at once is asked at once; the first --limit requests",
      false,
    )
    .option("--speed <factor>", "with --as-recorded: so many times as fast (default: 1)", factorArgument)
    .addOption(
      new Option("--stream <when>", "ask for answers in pieces, where the protocol has them")
        .choices(streamings)
        .default("recorded" satisfies Streaming),
    )
    .option("--timeout <seconds>", "until an answer is complete", wholeNumberArgument(1, 3_600), 60)
    .option(
      "--tolerance <share>",
      "numbers count as equal when they differ by less than this share of the larger",
      shareArgument,
    )
    .option("--ignore <path>", "a field that is not compared; may be given several times", repeated, [])
    .option(
      "--max-mismatch <share>",
      "exit with 3 unless the share that differs is below this, with 95 % confidence at every look",
      shareArgument,
    )
    .option(
      "--api-key <key>",
      "a key to send as x-api-key, or @FILE with it (default: MENAGERIE_API_KEY, to addresses of this environment only)",
    )
    .addOption(environmentOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nKeys that clients sent are never sent: they are left out of recorded bodies.")
    .action((recorded: string | undefined, options: ReplayOptions, command: Command) =>
      interruptible("what was sent is not sent again by itself", (signal) => {
        const { sample } = options;
        const isRange = recorded !== undefined || command.getOptionValueSource("since") !== "default";
        if (sample !== undefined && isRange) throw refuse("sample.with-range");
        if (sample !== undefined) return replayOfSample(sample, options, signal);
        if (recorded === undefined) throw refuse("replay.of-what");
        return replay(recorded, options, signal);
      }),
    );
}

async function replay(recorded: string, options: ReplayOptions, signal: AbortSignal): Promise<void> {
  requireOnePace(options);
  const deployed = await recordingOf(recorded, options.environment);
  const side = deployed ?? { schema: recorded };
  const target = await replayTarget(options);
  const until = new Date();
  const range: RecordedRange = {
    side,
    since: timeArgument("--since", options.since, until),
    until,
    limit: options.limit,
    order: options.asRecorded ? "time" : "id",
  };
  const comparison = new Comparison(givenRules(options, deployed?.compare ?? {}));
  const counts = await asOperator(options.environment, async (client): Promise<ReplayCounts> => {
    const found = await countRecordedRequests(client, range);
    if (found.requests === 0) {
      throw refuse("replay.nothing-recorded", { schema: side.schema, since: range.since.toISOString() });
    }
    requireComparable(recorded, found.redacted, options);
    return send({ found, requests: recordedRequests(client, range), target, comparison, options, signal });
  });
  tell(comparison, counts, target.url, options);
}

async function replayOfSample(file: string, options: ReplayOptions, signal: AbortSignal): Promise<void> {
  requireOnePace(options);
  const { header, requests } = await openSample(samplePlace(file), options.identity);
  const { name } = header.source;
  requireComparable(name, header.redaction.unredacted === null ? header.count : 0, options);
  const target = await replayTarget(options);
  const comparison = new Comparison(givenRules(options, (await recordingOf(name, options.environment))?.compare ?? {}));
  const found = { requests: Math.min(header.count, options.limit), truncated: 0 };
  const wanted = requests(options.limit);
  const counts = await send({ found, requests: wanted, target, comparison, options, signal });
  tell(comparison, counts, target.url, options);
}

/** A share that differs says nothing where some answers cannot be compared: a pseudonym in the place of a word is another question. */
function requireComparable(name: string, redacted: number, { maxMismatch }: ReplayOptions): void {
  if (redacted > 0 && maxMismatch !== undefined) {
    throw refuse("replay.redacted", { name, redacted: counted(redacted, "request") });
  }
}

function requireOnePace({ asRecorded, rate, speed }: ReplayOptions): void {
  if (asRecorded && rate !== undefined) throw refuse("replay.two-paces");
  if (speed !== undefined && !asRecorded) throw refuse("replay.speed-alone");
}

interface Sent {
  readonly found: { readonly requests: number; readonly truncated: number };
  readonly requests: AsyncIterator<RecordedRequest>;
  readonly target: ReplayTarget;
  readonly comparison: Comparison;
  readonly options: ReplayOptions;
  readonly signal: AbortSignal;
}

async function send({ found, requests, target, comparison, options, signal }: Sent): Promise<ReplayCounts> {
  const task = terminalProgress().begin("replay");
  const startedAt = performance.now();
  let [paired, answered, otherOperation, redacted] = [0, 0, 0, 0];
  const statusesOfRedacted = new Map<string, number>();
  try {
    const replayed = await replayRequests({
      requests,
      ...target,
      concurrency: options.concurrency ?? (options.asRecorded ? mostAtOnce : 8),
      rate: options.rate,
      speed: options.asRecorded ? (options.speed ?? 1) : undefined,
      streaming: options.stream,
      timeoutMs: options.timeout * 1000,
      signal,
      onLeftOut: () => {
        otherOperation += 1;
      },
      onPair(pair) {
        if (pair.isRedacted) {
          const status = String(pair.shadow.status ?? "no answer");
          statusesOfRedacted.set(status, (statusesOfRedacted.get(status) ?? 0) + 1);
          redacted += 1;
        }
        // Whoever answered the recorded request is not there to be asked again.
        const open = comparison.add(pair);
        if (open) comparison.settle(open);
        paired += 1;
        if (pair.shadow.failure === null) answered += 1;
        const perSecond = paired / ((performance.now() - startedAt) / 1000);
        const left = Math.ceil((found.requests - paired) / perSecond);
        task.update(`${paired} of ${found.requests}, ${perSecond.toFixed(0)} per second, ${left} s left`);
      },
    });
    task.done(counted(replayed.sent, "request"));
    const { truncated } = found;
    return {
      ...replayed,
      answered,
      truncated,
      redacted,
      statusesOfRedacted: Object.fromEntries(statusesOfRedacted),
      otherOperation,
    };
  } catch (error) {
    task.failed();
    throw error;
  }
}

function tell(comparison: Comparison, counts: ReplayCounts, url: string, options: ReplayOptions): void {
  const { sent, answered } = counts;
  const recordedCounts = {
    primary: sent,
    shadow: answered,
    paired: answered,
    pending: 0,
    unpaired: 0,
    lostByRecorders: 0,
  };
  const result = comparison.result(recordedCounts, 100);
  if (options.json) console.log(JSON.stringify({ url, ...counts, headline: headlineOf(result), result }));
  else console.log(describeReplay(result, counts, options.asRecorded));
  const { maxMismatch } = options;
  if (maxMismatch === undefined) return;
  if (
    result.pairs === 0 ||
    result.mismatchRate.high > maxMismatch ||
    sampledFailuresBound(result, gateConfidence) > maxMismatch
  ) {
    throw refuse("replay.gate-not-met", { maxMismatch, result: headlineOf(result) });
  }
}

/** What the stack records under this name; undefined where it is nothing, so that the name is a schema's. */
async function recordingOf(name: string, environment: string): Promise<Recording | undefined> {
  if (!(await readTarget(environmentLayout(environment)))) return undefined;
  const { layout } = await knownEnvironment(environment);
  return findRecording(layout, name);
}
