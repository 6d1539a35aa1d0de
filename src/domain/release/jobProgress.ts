import type { Condition } from "../serving/condition.ts";
import type { ObservedPod } from "../serving/observed.ts";
import { failureOf, hindrance, manner } from "../serving/pods.ts";
import { pipelineContainer } from "./pipelineJob.ts";

/** What the judge reads of a Job. */
export interface ObservedJob {
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string | Date;
  };
  readonly status?: { readonly conditions?: readonly Condition[]; readonly failed?: number };
}

/** How far a Job is. `reason` completes the sentence "pipeline <name> …: <reason>". */
export type JobProgress =
  | { readonly state: "complete" }
  | { readonly state: "running"; readonly reason: string }
  | {
      readonly state: "failed";
      readonly reason: string;
      /** Whose log tells why; undefined where no pod is left. */
      readonly pod: string | undefined;
    };

/**
 * Judges a Job by its conditions, and by its pods where those cannot even start: nothing but the deadline ends such a Job.
 * @param pods of the Job, in any order
 * @param pool that they are placed on, for the sentence about a pod that fits nowhere
 */
export function judgeJob(job: ObservedJob, pods: readonly ObservedPod[], pool: string): JobProgress {
  const holds = (type: string) => job.status?.conditions?.find((each) => each.type === type && each.status === "True");
  if (holds("Complete")) return { state: "complete" };
  const failed = holds("Failed");
  if (failed) return { state: "failed", ...failure(failed, pods) };
  const living = pods.filter(({ status }) => !/^(Failed|Succeeded)$/.test(status?.phase ?? ""));
  for (const pod of living) {
    const stuck = failureOf(pod);
    if (stuck) return { state: "failed", reason: stuck.reason, pod: pod.metadata?.name };
  }
  const again = job.status?.failed ? `, after ${job.status.failed} that failed` : "";
  const waits = hindrance(living, pool);
  return { state: "running", reason: waits ?? `its pod ${living.length > 0 ? "runs" : "is being made"}${again}` };
}

function failure(condition: Condition, pods: readonly ObservedPod[]): { reason: string; pod: string | undefined } {
  const ended = pods.flatMap((pod) => {
    const status = pod.status?.containerStatuses?.find(({ name }) => name === pipelineContainer);
    return status?.state?.terminated ? [{ pod: pod.metadata?.name, status }] : [];
  });
  const last = ended.at(-1);
  const reason = condition.reason === "DeadlineExceeded" ? "it took longer than timeoutMinutes" : undefined;
  const how = last
    ? `its container ended${manner(last.status)}`
    : (condition.message ?? condition.reason ?? "no reason");
  return { reason: reason ?? how, pod: last?.pod ?? pods.at(-1)?.metadata?.name };
}
