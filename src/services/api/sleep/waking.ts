import type { ServerResponse } from "node:http";
import { sleepRules } from "../../../domain/sleep/record.ts";
import { ApiError } from "../apiError.ts";
import { ask, type DriveParts, driveUntilOpen, type UsedVersion } from "./drive.ts";

export interface WakingParts extends Omit<DriveParts, "leaseMs" | "now"> {
  /** How long a request waits for a version that starts, in milliseconds. @default 120_000 */
  readonly holdMs?: number;
  /** @default that of the rules */
  readonly leaseMs?: number;
  /** @default the process's */
  readonly now?: () => number;
}

/** Sends requests to versions that may sleep. */
export interface Waking {
  /** Whether requests go to the version without waiting, as far as is known at this moment. */
  isOpen(service: string): boolean;
  /**
   * Runs `work`, which sends a request to the version, once that answers: it is woken if it sleeps, and does not fall asleep until `work`
   * is over. A version that does not sleep is not waited for.
   *
   * @throws ApiError where the version does not start, with the reason, or too many requests wait for it
   */
  during(service: string, response: ServerResponse, work: () => Promise<void>): Promise<void>;
  /** Goes on saying what is under way, and says when it is over. */
  renew(): Promise<void>;
  /** Says that nothing is under way any more. */
  end(): Promise<void>;
}

const defaultHoldMs = 120_000;

const noPods: ReadonlySet<string> = new Set();

const databaseAway = () =>
  new ApiError("database_unavailable", "the model sleeps, and the platform's database does not answer; try again");

/** Requests to versions that may sleep, of one process. */
export function createWaking(parts: WakingParts): Waking {
  const { cluster, store, holder, log, now = () => performance.now() } = parts;
  const { holdMs = defaultHoldMs, leaseMs = sleepRules.leaseSeconds * 1000 } = parts;
  const used = new Map<string, UsedVersion>();

  const entryOf = (service: string): UsedVersion => {
    const known = used.get(service);
    if (known) return known;
    const made: UsedVersion = {
      service,
      inFlight: 0,
      waiting: new Set(),
      leaseUntil: Number.NEGATIVE_INFINITY,
      lastUse: now(),
      renewedAt: now(),
      isDriven: false,
      isUnknown: false,
      asking: Promise.resolve(),
      queued: undefined,
      doubtful: { pods: new Set(), until: 0 },
      nudge: () => {},
    };
    used.set(service, made);
    return made;
  };

  const driving: DriveParts = { ...parts, now, leaseMs };
  const drive = (entry: UsedVersion): void => {
    entry.nudge();
    if (entry.isDriven) return;
    entry.isDriven = true;
    driveUntilOpen(driving, entry)
      .catch((error: unknown) => {
        log.error({ version: entry.service, err: error }, "requests that wait for a version are given up");
        for (const each of [...entry.waiting]) each.refuse(new ApiError("internal", "internal error", error));
      })
      .finally(() => {
        entry.isDriven = false;
        if (entry.waiting.size > 0) drive(entry);
      });
  };

  const isOpen = ({ service, leaseUntil }: Pick<UsedVersion, "service" | "leaseUntil">): boolean =>
    now() < leaseUntil && cluster.find(service)?.isStopped === false && cluster.readyPods(service, noPods).length > 0;

  /** Resolves once the version answers; without waiting where that is known. */
  const opened = (entry: UsedVersion, response: ServerResponse): Promise<void> | undefined => {
    if (isOpen(entry)) return undefined;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        response.off("close", gone);
        entry.waiting.delete(waiter);
        act();
      };
      const waiter = {
        since: now(),
        open: () => settle(resolve),
        refuse: (error: ApiError) => settle(() => reject(error)),
      };
      const gone = (): void => waiter.refuse(new ApiError("model_unavailable", "the client went away"));
      const timer = setTimeout(() => {
        waiter.refuse(entry.isUnknown ? databaseAway() : late(entry.service));
      }, holdMs);
      response.once("close", gone);
      if (response.closed) return gone();
      entry.waiting.add(waiter);
      drive(entry);
    });
  };

  /** Who comes next does not wait as long for the same answer. */
  const late = (service: string): ApiError => {
    const reason = cluster.hindrance(service, noPods)?.reason ?? "it is still starting";
    store.failed(service, reason).catch(() => {});
    return new ApiError("model_unavailable", `${service} has not started within ${holdMs / 1000} s: ${reason}`);
  };

  const release = async (entry: UsedVersion): Promise<void> => {
    entry.leaseUntil = Number.NEGATIVE_INFINITY;
    const releasing = entry.asking.then(() => store.release(entry.service, holder, (now() - entry.lastUse) / 1000));
    // A use that comes meanwhile must not lose the lease that it gets.
    entry.asking = releasing.catch(() => {});
    await releasing;
  };

  return {
    isOpen(service) {
      if (cluster.find(service)?.idleMinutes === undefined) return true;
      const entry = used.get(service);
      return entry !== undefined && isOpen(entry);
    },
    async during(service, response, work) {
      if (cluster.find(service)?.idleMinutes === undefined) return work();
      const entry = entryOf(service);
      entry.inFlight += 1;
      entry.lastUse = now();
      try {
        await opened(entry, response);
        await work();
      } finally {
        entry.inFlight -= 1;
        entry.lastUse = now();
      }
    },
    async renew() {
      await Promise.all(
        [...used.values()].map(async (entry) => {
          // While requests wait, what drives them asks, and acts on the answer.
          if (entry.isDriven) return;
          const isUsed = entry.inFlight > 0 || entry.lastUse > entry.renewedAt;
          entry.renewedAt = now();
          if (isUsed) return void (await ask(driving, entry));
          if (entry.leaseUntil > Number.NEGATIVE_INFINITY) await release(entry).catch(() => {});
          if (entry.inFlight === 0 && !entry.isDriven) used.delete(entry.service);
        }),
      );
    },
    async end() {
      await Promise.allSettled([...used.values()].map(release));
    },
  };
}
