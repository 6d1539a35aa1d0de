import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import { pipelineContainer, type pipelineJob, runAnnotation } from "../../domain/release/pipelineJob.ts";
import { judgeRun, type ObservedJob, type RunState } from "../../domain/release/pipelineRun.ts";
import type { ObservedPod } from "../../domain/serving/observed.ts";
import { isApiError, requestJson } from "./request.ts";
import { failureWithLog } from "./workloads.ts";

/** A Job to run to its end. */
export interface JobRun {
  readonly config: KubeConfig;
  readonly job: ReturnType<typeof pipelineJob>;
  /** For sentences: `pipeline embed of release-8`. */
  readonly what: string;
  /** Pool of its pods, for the sentence about one that fits nowhere. */
  readonly pool: string;
  /** Told each time the reason for waiting changes. */
  readonly report: (because: string) => void;
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
  for (let last = ""; ; ) {
    run.signal.throwIfAborted();
    const state = await look(run, job);
    if (state.state === "complete") return;
    if (state.state === "failed") throw await failure(run, state);
    if (state.because !== last) {
      last = state.because;
      run.report(last);
    }
    await delay(run.interval ?? 500, undefined, { signal: run.signal }).catch(() => {});
    job = (await find(run).catch((error: unknown) => patient(run, error))) ?? job;
  }
}

const pathOf = ({ job }: JobRun) => `/apis/batch/v1/namespaces/${job.metadata.namespace}/jobs`;

function find(run: JobRun): Promise<ObservedJob | undefined> {
  return requestJson<ObservedJob>(run.config, "GET", `${pathOf(run)}/${run.job.metadata.name}`).catch(
    (error: unknown) => {
      if (isApiError(error, 404)) return undefined;
      throw error;
    },
  );
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

async function isAlive(run: JobRun, job: ObservedJob): Promise<boolean> {
  return (await look(run, job)).state !== "failed";
}

/** With its pods, which are gone before the Job is. */
async function remove({ config, ...run }: JobRun, { metadata }: ObservedJob): Promise<void> {
  await requestJson(config, "DELETE", `${pathOf({ config, ...run })}/${metadata?.name}`, {
    body: { propagationPolicy: "Foreground", preconditions: { uid: metadata?.uid } },
  }).catch((error: unknown) => {
    if (!isApiError(error, 404) && !isApiError(error, 409)) throw error;
  });
}

async function look(run: JobRun, job: ObservedJob): Promise<RunState> {
  const { namespace } = run.job.metadata;
  try {
    const { items } = await requestJson<{ items: ObservedPod[] }>(
      run.config,
      "GET",
      `/api/v1/namespaces/${namespace}/pods`,
      { query: { labelSelector: `batch.kubernetes.io/job-name=${run.job.metadata.name}` } },
    );
    const own = items.filter((pod) => pod.metadata?.ownerReferences?.some(({ uid }) => uid === job.metadata?.uid));
    return judgeRun(job, own, run.pool);
  } catch (error) {
    await patient(run, error);
    return { state: "running", because: `the API server does not answer: ${messageOf(error)}` };
  }
}

/** No waiting grants permissions; everything else may be an API server that is restarting. */
async function patient(run: JobRun, error: unknown): Promise<undefined> {
  if (isApiError(error, 401) || isApiError(error, 403)) {
    throw new OperatorError(`${run.what}: the cluster refuses to show it: ${error.message}`, { cause: error });
  }
  return undefined;
}

async function failure(run: JobRun, { because, pod }: Extract<RunState, { state: "failed" }>): Promise<OperatorError> {
  const sentence = `${run.what} failed: ${because}`;
  if (pod === undefined) return new OperatorError(sentence);
  const { config, signal } = run;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  const wanted = { pod, container: pipelineContainer, previous: false, lines: logLines };
  return failureWithLog(sentence, { config, namespace: run.job.metadata.namespace }, wanted, limit);
}
