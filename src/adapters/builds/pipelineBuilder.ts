import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { partsOf } from "../../domain/builds/contextArchive.ts";
import {
  attemptOf,
  type BuildRuns,
  failedStep,
  judgeRun,
  type ObservedRun,
  prunable,
  runningStep,
} from "../../domain/builds/pipelineRun.ts";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import type { Progress } from "../../domain/progress.ts";
import type { TrussBuilder, TrussBuildRequest, TrussImage } from "../../domain/truss/builder.ts";
import { isApiError } from "../kubernetes/request.ts";
import { failureWithLog } from "../kubernetes/workloads.ts";
import { requireHash } from "../truss/builder.ts";
import { readTruss, type TrussReading } from "../truss/snapshot.ts";
import type { PackedContext } from "./buildContext.ts";
import { PipelineRuns } from "./pipelineRuns.ts";

/** What the builder by PipelineRuns works with. */
export interface PipelineBuilderOptions extends BuildRuns {
  readonly config: KubeConfig;
  /** Finished runs of an image that stay, as the record of its builds. */
  readonly keep: number;
  /** Packs what a build starts from. */
  pack(request: TrussBuildRequest, reading: TrussReading): Promise<PackedContext>;
  /** Values of the Pipeline's parameters for one build. */
  params(request: TrussBuildRequest): Readonly<Record<string, string>>;
  /** Annotations that reach the pods. @default none */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Whether an image that an earlier run built is still there. @default it is taken to be */
  isStored?(image: TrussImage): Promise<boolean>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds. @default 1000 */
  readonly interval?: number;
}

/** For what is done after a signal has aborted the build, in milliseconds. */
const farewell = 4_000;
/** Beyond the run's own limit, which Tekton's controller enforces while it works, in milliseconds. */
const slack = 120_000;
const logLines = 20;

/**
 * Builds trusses by PipelineRuns, one for each content hash: a run that goes on is joined, one that succeeded is believed,
 * after one that failed or was cancelled a next attempt is made. Two callers at once share one run.
 */
export function createPipelineBuilder(options: PipelineBuilderOptions): TrussBuilder {
  const runs = new PipelineRuns(options.config, options.namespace);
  return { build: (request) => build(options, runs, request) };
}

async function build(
  options: PipelineBuilderOptions,
  runs: PipelineRuns,
  request: TrussBuildRequest,
): Promise<TrussImage> {
  const { signal, progress } = options;
  const [newest] = await runs.attempts(request.name, request.hash, signal);
  const before = newest && judgeRun(newest);
  if (before?.state === "succeeded" && (await (options.isStored?.(before.image) ?? true))) return before.image;

  const reading = await readTruss(request.folder);
  requireHash(request, reading);
  const task = progress.begin(`image ${request.name}`);
  try {
    const context = await options.pack(request, reading);
    const parts = partsOf(context.archive);
    const goesOn = newest && (before?.state === "running" || before?.state === "pending");
    const run = goesOn
      ? newest
      : await runs.create(
          options,
          {
            ...{ name: request.name, hash: request.hash, contextSha256: context.sha256 },
            ...{ parts: parts.length, nonce: randomBytes(3).toString("hex") },
            params: options.params(request),
            ...(options.annotations ? { annotations: options.annotations } : {}),
          },
          attemptOf(newest?.metadata.name ?? "") + 1,
          signal,
        );
    const image = await finish(options, runs, request, { run, parts }, (detail) => task.update(detail));
    task.done(image.digest.slice(0, "sha256:".length + 12));
    await tidy(options, runs, request, run).catch((error: unknown) =>
      // The image is built; runs that stay are only untidy.
      progress.note(`image ${request.name}: finished runs could not be removed: ${messageOf(error)}`),
    );
    return image;
  } catch (error) {
    task.failed();
    throw error;
  }
}

/** Starts the run if need be, and waits for its end. Ends it when it is given up. */
async function finish(
  options: PipelineBuilderOptions,
  runs: PipelineRuns,
  request: TrussBuildRequest,
  { run, parts }: { readonly run: ObservedRun; readonly parts: readonly Uint8Array[] },
  report: (detail: string) => void,
): Promise<TrussImage> {
  const { name } = run.metadata;
  const deadline = AbortSignal.timeout(options.timeoutMinutes * 60_000 + slack);
  const signal = AbortSignal.any([options.signal, deadline]);
  try {
    if (judgeRun(run).state === "pending") await runs.start(run, parts, signal);
    for (;;) {
      const state = judgeRun(await runs.get(name, signal));
      if (state.state === "succeeded") return state.image;
      if (state.state === "failed") {
        await runs.dropContext(run, signal);
        throw await failure(options, runs, request, name, state);
      }
      if (state.state === "running") {
        report(runningStep(await runs.taskRuns(name, signal)) ?? state.because);
      }
      await delay(options.interval ?? 1_000, undefined, { signal });
    }
  } catch (error) {
    if (signal.aborted) {
      await runs.cancel(name, AbortSignal.timeout(farewell)).catch(() => {});
      options.signal.throwIfAborted();
      throw new OperatorError(
        `truss "${request.name}": PipelineRun ${options.namespace}/${name} has not ended after ${options.timeoutMinutes} min and was cancelled; is Tekton's controller running?`,
      );
    }
    if (isApiError(error, 404)) {
      throw new OperatorError(
        `truss "${request.name}": PipelineRun ${options.namespace}/${name} was deleted while it ran; run this again`,
        { cause: error },
      );
    }
    throw error;
  }
}

async function failure(
  { config, namespace, timeoutMinutes }: PipelineBuilderOptions,
  runs: PipelineRuns,
  request: TrussBuildRequest,
  name: string,
  { reason, because }: { readonly reason: string; readonly because: string },
): Promise<OperatorError> {
  const where = `PipelineRun ${namespace}/${name}`;
  if (/^(Cancelled|StoppedRun)/.test(reason)) {
    return new OperatorError(`truss "${request.name}": ${where} was cancelled; run this again to start the next one`);
  }
  const limit = AbortSignal.timeout(10_000);
  const taskRuns = await runs.taskRuns(name, limit).catch(() => []);
  const step = failedStep(taskRuns);
  const hint = /Timeout/.test(reason)
    ? ` after ${timeoutMinutes} min; raise menagerie:builds.timeoutMinutes if it needs longer`
    : "";
  const at = step ? ` in step ${step.name}` : "";
  const sentence = `truss "${request.name}": its build failed${at}${hint} (${where}): ${because}`;
  if (!step) return new OperatorError(sentence);
  const wanted = { pod: step.pod, container: step.container, previous: false, lines: logLines };
  return failureWithLog(sentence, { config, namespace }, wanted, limit);
}

/** Removes the context, and finished runs beyond those that are kept. */
async function tidy(
  { keep }: PipelineBuilderOptions,
  runs: PipelineRuns,
  { name }: TrussBuildRequest,
  run: ObservedRun,
): Promise<void> {
  const signal = AbortSignal.timeout(30_000);
  await runs.dropContext(run, signal);
  for (const { metadata } of prunable(await runs.ofImage(name, signal), keep)) await runs.delete(metadata.name, signal);
}
