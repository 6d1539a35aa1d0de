import { randomBytes } from "node:crypto";
import type { KubeConfig } from "@kubernetes/client-node";
import { partsOf } from "../../domain/builds/contextArchive.ts";
import {
  attemptOf,
  type BuildRuns,
  type BuildState,
  type BuildStep,
  failedReason,
  failedStep,
  judgeRun,
  type ObservedRun,
  prunable,
  runningStep,
  waitingReason,
} from "../../domain/builds/pipelineRun.ts";
import { registryAdvice } from "../../domain/builds/registryAdvice.ts";
import { messageOf, type OperatorError } from "../../domain/errors.ts";
import type { TrussImage } from "../../domain/truss/builder.ts";
import { isApiError } from "../kubernetes/request.ts";
import { type Looked, watchUntil } from "../kubernetes/watchUntil.ts";
import { lastLogLines, linesBelow } from "../kubernetes/workloads.ts";
import type { TrussReading } from "../truss/snapshot.ts";
import type { PackedContext } from "./buildContext.ts";
import { PipelineRuns } from "./pipelineRuns.ts";
import { refuse } from "./refusals.ts";

/** Where builds run, and what becomes of their runs. */
export interface PipelineOptions extends BuildRuns {
  readonly config: KubeConfig;
  /** Finished runs of an image that stay, as the record of its builds. */
  readonly keep: number;
  /** Annotations that reach the pods. @default none */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Whether an image that an earlier run built is still there. @default it is taken to be */
  isStored?(image: TrussImage): Promise<boolean>;
  /** Between two looks, in milliseconds. @default 1000 */
  readonly interval?: number;
}

/** One content to build. */
export interface PipelineBuild {
  /** Last part of the image's url. */
  readonly name: string;
  readonly hash: string;
  /** Values of the Pipeline's parameters. */
  readonly params: Readonly<Record<string, string>>;
  /** Reads what is built, before anything is built or waited for: not where an earlier run's image is there. */
  begin(): Promise<TrussReading>;
  /** Packs what the build starts from; asked for only where a run has not got it yet. */
  pack(reading: TrussReading): Promise<PackedContext>;
  /** What a user does to start the next attempt. @default run this again */
  readonly again?: string;
  /** What becomes of the run when `signal` aborts: another process may wait for it too. @default cancel */
  readonly givenUp?: "cancel" | "leave";
  /** Told where the build is. */
  readonly report: (detail: string) => void;
  /** Told what went wrong beside the build. */
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

/** How a build ended. */
export type BuildEnd = { readonly image: TrussImage } | { readonly failure: OperatorError };

/** For what is done after a signal has aborted the build, in milliseconds. */
const farewell = 4_000;
/** Beyond the run's own limit, which Tekton's controller enforces while it works, in milliseconds. */
const slack = 120_000;
const logLines = 20;
/** Before a run's limit, in milliseconds: long enough for some looks. */
const lastMoments = 10_000;

/**
 * The image of one content, by a PipelineRun for it: a run that succeeded is believed, one that goes on is joined, after one that failed
 * or was cancelled a next attempt is made. Two callers at once share one run.
 * @throws OperatorError where it is not known how the build ends; the signal's reason when that aborts.
 */
export async function buildByPipeline(options: PipelineOptions, build: PipelineBuild): Promise<BuildEnd> {
  const { name, hash, signal } = build;
  const runs = new PipelineRuns(options.config, options.namespace);
  const [newest] = await runs.attempts(name, hash, signal);
  const state = newest && judgeRun(newest);
  if (state?.state === "succeeded" && (await (options.isStored?.(state.image) ?? true))) return { image: state.image };
  const reading = await build.begin();
  const started = newest && state?.state === "running" ? newest : await start(options, runs, build, reading, newest);
  const end = await finish(options, runs, build, started);
  if ("image" in end) {
    await tidy(options, runs, build, started).catch((error: unknown) =>
      // The image is built; runs that stay are only untidy.
      build.note(`finished runs could not be removed: ${messageOf(error)}`),
    );
  }
  return end;
}

/** A run with its context: the one that another call made and did not start, or the next attempt. */
async function start(
  options: PipelineOptions,
  runs: PipelineRuns,
  { name, hash, params, pack, signal }: PipelineBuild,
  reading: TrussReading,
  newest: ObservedRun | undefined,
): Promise<ObservedRun> {
  const context = await pack(reading);
  const parts = partsOf(context.archive);
  const made =
    newest && judgeRun(newest).state === "pending"
      ? newest
      : await runs.create(
          options,
          {
            name,
            hash,
            params,
            contextSha256: context.sha256,
            parts: parts.length,
            nonce: randomBytes(3).toString("hex"),
            ...(options.annotations ? { annotations: options.annotations } : {}),
          },
          attemptOf(newest?.metadata.name ?? "") + 1,
          signal,
        );
  if (judgeRun(made).state === "pending") await runs.start(made, parts, signal);
  return made;
}

/** Waits for the run's end. */
async function finish(
  options: PipelineOptions,
  runs: PipelineRuns,
  build: PipelineBuild,
  run: ObservedRun,
): Promise<BuildEnd> {
  const { name } = run.metadata;
  const where = `PipelineRun ${options.namespace}/${name}`;
  const { again = "run this again", givenUp = "cancel" } = build;
  const seen: Seen = { reason: "", log: [] };
  const report = (reason: string): void => {
    seen.reason = reason;
    build.report(reason);
  };
  const deadline = AbortSignal.timeout(options.timeoutMinutes * 60_000 + slack);
  const signal = AbortSignal.any([build.signal, deadline]);
  try {
    const end = await watchUntil({
      what: `truss "${build.name}"`,
      report,
      signal,
      interval: options.interval ?? 1_000,
      look: () => look(options, runs, name, seen, signal),
    });
    if (end.state === "succeeded") return { image: end.image };
    if (end.state === "gone") {
      throw refuse("build.deleted", { name: build.name, where, again });
    }
    await runs.dropContext(run, signal);
    return { failure: await failure(options, runs, build, name, end, seen) };
  } catch (error) {
    if (signal.aborted) {
      const isLate = !build.signal.aborted;
      if (isLate || givenUp === "cancel") await runs.cancel(name, AbortSignal.timeout(farewell)).catch(() => {});
      build.signal.throwIfAborted();
      throw refuse("build.not-ended", { name: build.name, where, timeoutMinutes: options.timeoutMinutes });
    }
    throw error;
  }
}

type End = Extract<BuildState, { state: "succeeded" | "failed" }> | { readonly state: "gone" };

/** What a run was last seen at: Tekton takes the pod of one that is stopped away, and its log with it. */
interface Seen {
  reason: string;
  log: readonly string[];
}

async function look(
  options: PipelineOptions,
  runs: PipelineRuns,
  name: string,
  seen: Seen,
  signal: AbortSignal,
): Promise<Looked<End>> {
  const run = await runs.get(name, signal).catch((error: unknown) => {
    if (isApiError(error, 404)) return undefined;
    throw error;
  });
  if (!run) return { outcome: { state: "gone" } };
  const state = judgeRun(run);
  if (state.state === "succeeded" || state.state === "failed") return { outcome: state };
  if (state.state === "pending") return { reason: "waits for its context" };
  const taskRuns = await runs.taskRuns(name, signal);
  const step = runningStep(taskRuns);
  if (step && isNearItsEnd(run, options.timeoutMinutes)) {
    const lines = await logOf(options, step, signal);
    if (lines.length > 0) seen.log = lines;
  }
  return { reason: step ? `step ${step.name}` : (waitingReason(taskRuns) ?? state.reason) };
}

/** The last lines of a step; none where it cannot be asked any more. */
function logOf(options: PipelineOptions, step: BuildStep, signal: AbortSignal): Promise<readonly string[]> {
  return lastLogLines(options, { ...step, previous: false, lines: logLines }, signal).catch(() => []);
}

/** Whether Tekton's controller will soon stop a run, and with it what its log can be asked for. */
function isNearItsEnd({ status }: ObservedRun, timeoutMinutes: number): boolean {
  if (status?.startTime === undefined) return false;
  return Date.parse(status.startTime) + timeoutMinutes * 60_000 - Date.now() < lastMoments;
}

async function failure(
  options: PipelineOptions,
  runs: PipelineRuns,
  build: PipelineBuild,
  name: string,
  { code, reason }: Extract<BuildState, { state: "failed" }>,
  seen: Seen,
): Promise<OperatorError> {
  const { namespace, timeoutMinutes, credentials } = options;
  const { again = "run this again" } = build;
  const where = `PipelineRun ${namespace}/${name}`;
  if (/^(Cancelled|StoppedRun)/.test(code)) {
    return refuse("build.cancelled", { name: build.name, where, again });
  }
  if (/Timeout/.test(code)) {
    const at = seen.reason === "" ? "" : `, last at: ${seen.reason}`;
    return refuse("build.timed-out", {
      name: build.name,
      minutes: timeoutMinutes,
      where,
      at,
      again,
      log: linesBelow(seen.log),
    });
  }
  const limit = AbortSignal.timeout(10_000);
  const taskRuns = await runs.taskRuns(name, limit).catch(() => []);
  const step = failedStep(taskRuns);
  const lines = step ? await logOf(options, step, limit) : [];
  const at = step ? ` in step ${step.name}` : "";
  const advice = registryAdvice(lines, { namespace, credentials });
  return refuse("build.failed", {
    name: build.name,
    at,
    where,
    reason: failedReason(taskRuns) ?? reason,
    advice: advice ? `; ${advice}` : "",
    log: linesBelow(lines),
  });
}

/** Removes the context, and finished runs beyond those that are kept. */
async function tidy(
  { keep }: PipelineOptions,
  runs: PipelineRuns,
  { name }: PipelineBuild,
  run: ObservedRun,
): Promise<void> {
  const signal = AbortSignal.timeout(30_000);
  await runs.dropContext(run, signal);
  for (const { metadata } of prunable(await runs.ofImage(name, signal), keep)) await runs.delete(metadata.name, signal);
}
