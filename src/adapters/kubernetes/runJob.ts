import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import type { OperatorError } from "../../domain/errors.ts";
import { type JobProgress, judgeJob, type ObservedJob } from "../../domain/release/jobProgress.ts";
import { pipelineContainer, type pipelineJob, runAnnotation } from "../../domain/release/pipelineJob.ts";
import type { ObservedPod } from "../../domain/serving/observed.ts";
import { refuse } from "./refusals.ts";
import { isApiError, readIfThere, requestJson } from "./request.ts";
import { type Looked, patiently, watchUntil } from "./watchUntil.ts";
import { logBelow } from "./workloads.ts";

/** A Job to run to its end. */
export interface JobRun {
  readonly config: KubeConfig;
  readonly job: ReturnType<typeof pipelineJob>;
  /** For sentences: `pipeline embed of release-8`. */
  readonly what: string;
  /** Pool of its pods, for the sentence about one that fits nowhere. */
  readonly pool: string;
  /** Told each time the reason for waiting changes. */
  readonly report: (reason: string) => void;
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds. @default 500 */
  readonly interval?: number;
}

const logLines = 15;

/**
 * Runs a Job to its end. One of the same run that is there already is followed, as after an `up` that was killed; one that
 * failed, or of another run, is deleted first.
 * @throws OperatorError with the last lines of its log when it fails.
 */
export async function runJob(run: JobRun): Promise<void> {
  let job = await ensureJob(run);
  const { what, report, signal, interval } = run;
  const end = await watchUntil({
    what,
    report,
    signal,
    interval,
    look: async () => {
      job = (await find(run)) ?? job;
      return look(run, job);
    },
  });
  if (end.state === "failed") throw await failure(run, end);
}

type End = Exclude<JobProgress, { state: "running" }>;

const pathOf = ({ job }: JobRun) => `/apis/batch/v1/namespaces/${job.metadata.namespace}/jobs`;

function find(run: JobRun): Promise<ObservedJob | undefined> {
  return readIfThere<ObservedJob>(run.config, `${pathOf(run)}/${run.job.metadata.name}`);
}

/** The Job of this run: the one that is there, or a new one. */
async function ensureJob(run: JobRun): Promise<ObservedJob> {
  for (;;) {
    run.signal.throwIfAborted();
    const found = await find(run);
    if (!found) {
      try {
        return await requestJson<ObservedJob>(run.config, "POST", pathOf(run), { body: run.job });
      } catch (error) {
        // Somebody else made it in this moment.
        if (!isApiError(error, 409)) throw error;
      }
    } else if (isOfThisRun(run, found) && !found.metadata?.deletionTimestamp && (await isAlive(run, found))) {
      return found;
    } else {
      if (!found.metadata?.deletionTimestamp) await remove(run, found);
      await delay(run.interval ?? 500);
    }
  }
}

function isOfThisRun({ job }: JobRun, found: ObservedJob): boolean {
  return found.metadata?.annotations?.[runAnnotation] === job.metadata.annotations[runAnnotation];
}

/** One that cannot be judged is followed: the watch tells why. */
async function isAlive(run: JobRun, job: ObservedJob): Promise<boolean> {
  const looked = await patiently(run.what, () => look(run, job));
  return !("outcome" in looked && looked.outcome.state === "failed");
}

/** With its pods, which are gone before the Job is. */
async function remove({ config, ...run }: JobRun, { metadata }: ObservedJob): Promise<void> {
  await requestJson(config, "DELETE", `${pathOf({ config, ...run })}/${metadata?.name}`, {
    body: { propagationPolicy: "Foreground", preconditions: { uid: metadata?.uid } },
  }).catch((error: unknown) => {
    if (!isApiError(error, 404) && !isApiError(error, 409)) throw error;
  });
}

async function look(run: JobRun, job: ObservedJob): Promise<Looked<End>> {
  const { items } = await requestJson<{ items: ObservedPod[] }>(
    run.config,
    "GET",
    `/api/v1/namespaces/${run.job.metadata.namespace}/pods`,
    { query: { labelSelector: `batch.kubernetes.io/job-name=${run.job.metadata.name}` } },
  );
  const own = items.filter((pod) => pod.metadata?.ownerReferences?.some(({ uid }) => uid === job.metadata?.uid));
  const state = judgeJob(job, own, run.pool);
  return state.state === "running" ? state : { outcome: state };
}

async function failure(
  run: JobRun,
  { reason, pod }: Extract<JobProgress, { state: "failed" }>,
): Promise<OperatorError> {
  if (pod === undefined) return refuse("pipeline.failed", { what: run.what, reason, log: "" });
  const { config, signal } = run;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  const wanted = { pod, container: pipelineContainer, previous: false, lines: logLines };
  const log = await logBelow({ config, namespace: run.job.metadata.namespace }, wanted, limit);
  return refuse("pipeline.failed", { what: run.what, reason, log });
}
