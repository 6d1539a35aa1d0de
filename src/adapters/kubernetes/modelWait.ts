import { setTimeout as delay } from "node:timers/promises";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import { judgeReadiness, type Readiness } from "../../domain/serving/readiness.ts";
import type { DeploymentMode } from "../../domain/serving/servedModel.ts";
import { isApiError } from "./request.ts";
import { failureWithLog, type ModelAddress, observeModel, refusalOf } from "./workloads.ts";

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
  readonly report: (because: string) => void;
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
  while (!signal.aborted) {
    const judged = await look(wait, signal);
    if (judged.state === "ready") return;
    if (judged.state === "failed") throw await failure(wait, judged);
    // What is said of an aborted look is about the abort, not about the model.
    if (!signal.aborted && judged.because !== last) {
      last = judged.because;
      wait.report(last);
    }
    await delay(wait.interval ?? 500, undefined, { signal }).catch(() => {});
  }
  wait.signal.throwIfAborted();
  throw new OperatorError(`model ${wait.name} is not ready after ${wait.timeoutSeconds} s: ${last}`);
}

async function look(wait: ModelWait, signal: AbortSignal): Promise<Readiness> {
  try {
    const judged = judgeReadiness(wait, await observeModel(wait, signal));
    if (judged.state !== "ready") return judged;
    const refusal = await refusalOf(wait, { path: wait.path, mode: wait.mode, pod: judged.pods[0] }, signal);
    return refusal === undefined ? judged : { state: "waiting", because: refusal };
  } catch (error) {
    // No waiting grants permissions; everything else may be an API server that is restarting.
    if (isApiError(error, 401) || isApiError(error, 403)) {
      return { state: "failed", because: `the cluster refuses to show it: ${error.message}` };
    }
    return { state: "waiting", because: `the API server does not answer: ${messageOf(error)}` };
  }
}

async function failure(wait: ModelWait, judged: Extract<Readiness, { state: "failed" }>): Promise<OperatorError> {
  const sentence = `model ${wait.name} failed: ${judged.because}`;
  const { pod, container, previous = false } = judged;
  if (!pod || !container) return new OperatorError(sentence);
  const limit = AbortSignal.any([wait.signal, AbortSignal.timeout(10_000)]);
  return failureWithLog(sentence, wait, { pod, container, previous, lines: logLines }, limit);
}
