import { setTimeout as delay } from "node:timers/promises";
import type { DevelopmentStatus } from "../../domain/development/contract.ts";
import { refuse } from "../refusals.ts";
import { ApiRefused, type DevelopmentVersions } from "./developmentVersions.ts";

export interface SyncOptions {
  readonly client: DevelopmentVersions;
  readonly versionId: string;
  /** Name of the model, for sentences. */
  readonly model: string;
  readonly withinMs: number;
  readonly report: (reason: string) => void;
  readonly signal: AbortSignal;
  /**
   * Waits between two syncs, in milliseconds; ends early by the signal.
   * @default by the clock
   */
  readonly pause?: ((milliseconds: number, signal: AbortSignal) => Promise<void>) | undefined;
}

/** After this a model that does not come up for one and the same reason counts as failed, in milliseconds. */
const sameReasonMs = 45_000;
const betweenMs = 1_000;

/**
 * Syncs until the head is what answers, through a time in which the API service is away. A stopped version is woken for it.
 * @throws OperatorError with the last reason when that does not come about.
 */
export async function syncUntilAnswering(options: SyncOptions): Promise<DevelopmentStatus> {
  const { client, versionId, model, withinMs, report, signal, pause = sleep } = options;
  const deadline = Date.now() + withinMs;
  let last = { reason: "", since: Date.now() };
  for (;;) {
    let status: DevelopmentStatus | undefined;
    let reason: string;
    try {
      status = await client.sync(versionId, signal);
      if (status.state === "synced") return status;
      if (status.state === "stopped") await client.wake(versionId, signal);
      reason = status.because ?? status.state;
    } catch (error) {
      if (!isAway(error) || Date.now() > deadline) throw error;
      reason = error.message;
    }
    if (reason !== last.reason) {
      last = { reason, since: Date.now() };
      report(reason);
    }
    const isStuck = status?.state === "behind" && Date.now() - last.since > sameReasonMs;
    if (status && (isStuck || Date.now() > deadline)) {
      throw refuse("model.head-not-running", { model, headHash: status.headHash.slice(0, 12), reason });
    }
    await pause(betweenMs, signal);
  }
}

/** Asks again while the API service is not there, as while its pods are replaced. */
export async function answering<T>(ask: () => Promise<T>, deadline: number, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isAway(error) || Date.now() > deadline) throw error;
      await sleep(betweenMs, signal);
    }
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return delay(milliseconds, undefined, { signal });
}

function isAway(error: unknown): error is ApiRefused {
  return error instanceof ApiRefused && error.isTransient;
}
