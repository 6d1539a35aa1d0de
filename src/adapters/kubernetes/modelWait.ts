import { OperatorError } from "../../domain/errors.ts";
import { judgeReadiness, type Readiness } from "../../domain/serving/readiness.ts";
import type { DeploymentMode } from "../../domain/serving/servedModel.ts";
import { capacityOf } from "./poolCapacity.ts";
import { refuse } from "./refusals.ts";
import { type Looked, watchUntil } from "./watchUntil.ts";
import { logBelow, type ModelAddress, observeModel, refusalOf } from "./workloads.ts";

/** What is waited for, and for how long. */
export interface ModelWait extends ModelAddress {
  /** Value of the revision annotation of the manifest that was applied. */
  readonly revision: string;
  readonly pool: string;
  readonly mode: DeploymentMode;
  /** Path that the model answers 2xx once it is ready. */
  readonly path: string;
  readonly timeoutSeconds: number;
  /** Told each time the reason for waiting changes. */
  readonly report: (reason: string) => void;
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds. @default 500 */
  readonly interval?: number;
}

const logLines = 15;

/**
 * Returns when the newest revision of the model is ready and answers. Throws an OperatorError as soon as waiting is
 * hopeless, with the last lines of the failing container's log, or when the time is over, with what it still lacked.
 */
export async function waitForModel(wait: ModelWait): Promise<void> {
  const deadline = AbortSignal.timeout(wait.timeoutSeconds * 1000);
  const signal = AbortSignal.any([wait.signal, deadline]);
  let last = "nothing is known of it yet";
  const report = (reason: string): void => {
    last = reason;
    wait.report(reason);
  };
  try {
    const what = `model ${wait.name}`;
    const capacity = capacityOf(wait);
    const end = await watchUntil({
      what,
      report,
      signal,
      interval: wait.interval,
      look: () => look(wait, capacity, signal),
    });
    if (end.state === "down") throw await failure(wait, end);
  } catch (error) {
    if (error instanceof OperatorError || !signal.aborted) throw error;
    wait.signal.throwIfAborted();
    throw refuse("model.not-ready", { name: wait.name, timeoutSeconds: wait.timeoutSeconds, last });
  }
}

type End = Extract<Readiness, { state: "ready" | "asleep" | "down" }>;

async function look(
  wait: ModelWait,
  capacity: ReturnType<typeof capacityOf>,
  signal: AbortSignal,
): Promise<Looked<End>> {
  const observed = await observeModel(wait, signal);
  const judged = judgeReadiness(wait, { ...observed, capacity: await capacity(observed.pods, signal) });
  // Asking one that is scaled to zero would wake it.
  if (judged.state === "down" || judged.state === "asleep") return { outcome: judged };
  if (judged.state !== "ready") return judged;
  const refusal = await refusalOf(wait, { path: wait.path, mode: wait.mode, pod: judged.pods[0] }, signal);
  return refusal === undefined ? { outcome: judged } : { reason: refusal };
}

async function failure(wait: ModelWait, judged: Extract<Readiness, { state: "down" }>): Promise<OperatorError> {
  const { pod, container, previous = false } = judged;
  if (!pod || !container) return refuse("model.failed", { name: wait.name, reason: judged.reason, log: "" });
  const limit = AbortSignal.any([wait.signal, AbortSignal.timeout(10_000)]);
  const log = await logBelow(wait, { pod, container, previous, lines: logLines }, limit);
  return refuse("model.failed", { name: wait.name, reason: judged.reason, log });
}
