import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { SleepOverview, SleepStore, StopRequest } from "../../../adapters/postgres/sleep/sleepStore.ts";
import { messageOf } from "../../../domain/errors.ts";
import type { SleepCluster, SleepingService } from "../../../domain/sleep/ports.ts";
import { sleepRules } from "../../../domain/sleep/record.ts";

export interface StopParts {
  readonly store: SleepStore;
  readonly cluster: SleepCluster;
  readonly log: Logger;
  /** How long a lease holds without a renewal, in seconds. @default that of the rules */
  readonly leaseSeconds?: number;
}

/** Between two looks, in milliseconds. */
const everyMs = 5_000;
/**
 * Looks that are further apart, as a part of a lease and by the database's clock, may have missed a time in which leases could not be
 * renewed.
 */
const longestPause = 0.5;
/** Looks after which what is gone is forgotten. */
const forgetEvery = 720;

/** What one replica does for all: stops versions that nobody has used for as long as they say, until `signal` aborts. */
export async function stopUnused(parts: StopParts, signal: AbortSignal): Promise<void> {
  const stopper = createStopper(parts);
  while (!signal.aborted) {
    await stopper.look(signal);
    await delay(everyMs, undefined, { signal }).catch(() => {});
  }
}

/**
 * Begins knowing nothing of the time before: whoever led then may have lost the database, and with it everybody else, so that nothing is
 * stopped until a whole lease has passed.
 */
export function createStopper({ store, cluster, log, leaseSeconds = sleepRules.leaseSeconds }: StopParts) {
  let quietSince: number | undefined;
  let last = 0;
  let looks = 0;

  const stop = async (service: SleepingService, generation: number | undefined): Promise<void> => {
    const isTold = await store.whileAsleep(service.name, generation, (since) =>
      cluster.setStopped(service.name, true, since),
    );
    if (isTold) log.info({ version: service.name, idleMinutes: service.idleMinutes }, "stopped, for nobody used it");
  };

  const lookAt = async (service: SleepingService, { records, now }: SleepOverview): Promise<void> => {
    const { name, idleMinutes, isStopped, createdAt } = service;
    const record = records.get(name);
    if (idleMinutes === undefined) {
      // It does not sleep any more, and nobody else would run it.
      if (record?.phase === "asleep" && isStopped) await cluster.setStopped(name, false);
      if (record) await store.remove(name);
      return;
    }
    if (record?.phase === "asleep" && !isStopped) {
      // Another one of that name was made since, as by a push: its time begins now.
      if (createdAt > record.since * 1000) return store.remove(name);
      // The process that found it unused is gone, or could not tell the cluster.
      return stop(service, undefined);
    }
    if (record && now - record.usedAt < idleMinutes * 60) return;
    if (isStopped) return;
    const request: StopRequest = { idleSeconds: idleMinutes * 60, quietSince: quietSince ?? now };
    const generation = await store.markStopping(name, request);
    if (generation === undefined || !(await store.confirmStop(name, generation, request))) return;
    await stop(service, generation);
  };

  return {
    async look(signal: AbortSignal): Promise<void> {
      if (!cluster.isListed()) return;
      try {
        const services = cluster.services();
        const overview = await store.candidates(services.map(({ name }) => name));
        const { now } = overview;
        if (quietSince === undefined || now < last || now - last > leaseSeconds * longestPause) quietSince = now;
        last = now;
        for (const service of services) {
          if (signal.aborted) return;
          await lookAt(service, overview);
        }
        looks += 1;
        if (looks % forgetEvery === 0) await store.forget(services.map(({ name }) => name));
      } catch (error) {
        quietSince = undefined;
        if (!signal.aborted) log.warn({ err: error }, `unused models are not stopped: ${messageOf(error)}`);
      }
    },
  };
}
