import { randomBytes } from "node:crypto";
import type { KubeConfig } from "@kubernetes/client-node";
import { partsOf } from "../../domain/builds/contextArchive.ts";
import {
  attemptOf,
  type BuildRuns,
  type BuildState,
  failedStep,
  judgeRun,
  type ObservedRun,
  prunable,
  runningStep,
} from "../../domain/builds/pipelineRun.ts";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import type { TrussImage } from "../../domain/truss/builder.ts";
import { isApiError } from "../kubernetes/request.ts";
import { type Looked, watchUntil } from "../kubernetes/watchUntil.ts";
import { failureWithLog } from "../kubernetes/workloads.ts";
import type { PackedContext } from "./buildContext.ts";
import { PipelineRuns } from "./pipelineRuns.ts";

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
  /** Called before anything is built or waited for: not where an earlier run's image is there. */
  begin?(): Promise<void>;
  /** Packs what the build starts from; asked for only where a run has not got it yet. */
  pack(): Promise<PackedContext>;
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
  await build.begin?.();
  const started = newest && state?.state === "running" ? newest : await start(options, runs, build, newest);
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
  newest: ObservedRun | undefined,
): Promise<ObservedRun> {
  const context = await pack();
  const parts = partsOf(context.archive);
  const made =
    newest && judgeRun(newest).state === "pending"
      ? newest
      : await runs.create(
          options,
          {
            ...{ name, hash, params, contextSha256: context.sha256 },
            ...{ parts: parts.length, nonce: randomBytes(3).toString("hex") },
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
  const { again = "run this again", givenUp = "cancel", report } = build;
  const deadline = AbortSignal.timeout(options.timeoutMinutes * 60_000 + slack);
  const signal = AbortSignal.any([build.signal, deadline]);
  try {
    const end = await watchUntil({
      ...{ what: `truss "${build.name}"`, report, signal, interval: options.interval ?? 1_000 },
      look: () => look(runs, name, signal),
    });
    if (end.state === "succeeded") return { image: end.image };
    if (end.state === "gone") {
      throw new OperatorError(`truss "${build.name}": ${where} was deleted while it ran; ${again}`);
    }
    await runs.dropContext(run, signal);
    return { failure: await failure(options, runs, build, name, end) };
  } catch (error) {
    if (signal.aborted) {
      const isLate = !build.signal.aborted;
      if (isLate || givenUp === "cancel") await runs.cancel(name, AbortSignal.timeout(farewell)).catch(() => {});
      build.signal.throwIfAborted();
      throw new OperatorError(
        `truss "${build.name}": ${where} has not ended after ${options.timeoutMinutes} min and was cancelled; is Tekton's controller running?`,
      );
    }
    throw error;
  }
}

type End = Extract<BuildState, { state: "succeeded" | "failed" }> | { readonly state: "gone" };

async function look(runs: PipelineRuns, name: string, signal: AbortSignal): Promise<Looked<End>> {
  const run = await runs.get(name, signal).catch((error: unknown) => {
    if (isApiError(error, 404)) return undefined;
    throw error;
  });
  if (!run) return { outcome: { state: "gone" } };
  const state = judgeRun(run);
  if (state.state === "succeeded" || state.state === "failed") return { outcome: state };
  if (state.state === "pending") return { because: "waits for its context" };
  return { because: runningStep(await runs.taskRuns(name, signal)) ?? state.because };
}

async function failure(
  { config, namespace, timeoutMinutes }: PipelineOptions,
  runs: PipelineRuns,
  build: PipelineBuild,
  name: string,
  { reason, because }: Extract<BuildState, { state: "failed" }>,
): Promise<OperatorError> {
  const where = `PipelineRun ${namespace}/${name}`;
  if (/^(Cancelled|StoppedRun)/.test(reason)) {
    const { again = "run this again" } = build;
    return new OperatorError(`truss "${build.name}": ${where} was cancelled; ${again} to start the next one`);
  }
  const limit = AbortSignal.timeout(10_000);
  const taskRuns = await runs.taskRuns(name, limit).catch(() => []);
  const step = failedStep(taskRuns);
  const hint = /Timeout/.test(reason)
    ? ` after ${timeoutMinutes} min; raise menagerie:builds.timeoutMinutes if it needs longer`
    : "";
  const at = step ? ` in step ${step.name}` : "";
  const sentence = `truss "${build.name}": its build failed${at}${hint} (${where}): ${because}`;
  if (!step) return new OperatorError(sentence);
  const wanted = { pod: step.pod, container: step.container, previous: false, lines: logLines };
  return failureWithLog(sentence, { config, namespace }, wanted, limit);
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
