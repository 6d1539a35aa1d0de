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

/** Sends requests to versions that may sleep, and to development versions, which have to be patched first. */
export interface Waking {
  /** Whether requests go to the version without waiting, as far as is known at this moment. */
  isOpen(service: string): boolean;
  /**
   * Runs `work`, which sends a request to the version once `open` resolves: then it answers. It is woken if it sleeps, and does not fall
   * asleep until `work` is over. A version of the zoo that does not sleep needs no wait.
   *
   * `open` throws an ApiError where the version does not start, with the reason, or too many requests wait for it.
   *
   * @param response - once it is closed, nothing waits any more. Default: nobody waits for an answer
   * @param of - whether the request is a copy. Default: somebody waits for its answer
   */
  during(
    service: string,
    response: ServerResponse | undefined,
    work: (open: () => Promise<void>) => Promise<void>,
    of?: { readonly isCopy: boolean },
  ): Promise<void>;
  /** Runs `work`, which is a use of the version, such as a patch: it does not wake it, and keeps it awake until it is over. */
  keep<T>(service: string, work: () => Promise<T>): Promise<T>;
  /** Somebody has seen it answer: requests wait for it again, though it did not start a moment ago. */
  answered(service: string): void;
  /**
   * Wakes it, as a request would that nobody waits for, and resolves once the cluster is seen to run it.
   *
   * @throws ApiError where that cannot be
   */
  wake(service: string): Promise<void>;
  /** Goes on saying what is under way, and says when it is over. */
  renew(): Promise<void>;
  /** Says that nothing is under way any more. */
  end(): Promise<void>;
}

const defaultHoldMs = 120_000;
/** How long the cluster may take to tell of a change before it is looked at again, in milliseconds. */
const lookAgainMs = 100;

/** A timer that is later than this, in milliseconds, is one of a process that stood still. */
const stoodStillMs = 1_000;

const noPods: ReadonlySet<string> = new Set();

const databaseAway = () =>
  new ApiError("database_unavailable", "the model sleeps, and the platform's database does not answer; try again");

/** What goes to versions that may sleep, of one process. */
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
      keptUntil: Number.NEGATIVE_INFINITY,
      toRun: undefined,
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

  const sleeps = (service: string): boolean => cluster.find(service)?.idleMinutes !== undefined;

  const isOpen = ({ service, leaseUntil }: Pick<UsedVersion, "service" | "leaseUntil">): boolean => {
    const isKept = !sleeps(service) || now() < leaseUntil;
    return isKept && cluster.find(service)?.isStopped === false && cluster.readyPods(service, noPods).length > 0;
  };

  /** Resolves once the version answers. */
  const opened = (entry: UsedVersion, response?: ServerResponse, isCopy = false): Promise<void> =>
    new Promise((resolve, reject) => {
      let due = now() + holdMs;
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        response?.off("close", gone);
        entry.waiting.delete(waiter);
        act();
      };
      const waiter = {
        since: now(),
        isCopy,
        open: () => settle(resolve),
        refuse: (error: ApiError) => settle(() => reject(error)),
      };
      const gone = (): void => waiter.refuse(new ApiError("model_unavailable", "the client went away"));
      const giveUp = (): void => {
        const stoodStill = now() - due;
        if (stoodStill > stoodStillMs) {
          // This process has not looked meanwhile.
          due = now() + Math.min(stoodStill, holdMs);
          timer = setTimeout(giveUp, due - now());
        } else waiter.refuse(entry.isUnknown ? databaseAway() : late(entry.service));
      };
      let timer = setTimeout(giveUp, holdMs);
      response?.once("close", gone);
      if (response?.closed) return gone();
      entry.waiting.add(waiter);
      drive(entry);
    });

  /** Who comes next does not wait as long for the same answer. */
  const late = (service: string): ApiError => {
    const reason = cluster.hindrance(service, noPods)?.reason ?? "it is still starting";
    store.failed(service, reason).catch(() => {});
    return new ApiError("model_unavailable", `${service} has not started within ${holdMs / 1000} s: ${reason}`);
  };

  const release = async (entry: UsedVersion): Promise<void> => {
    entry.leaseUntil = Number.NEGATIVE_INFINITY;
    entry.keptUntil = Number.NEGATIVE_INFINITY;
    const releasing = entry.asking.then(() => store.release(entry.service, holder, (now() - entry.lastUse) / 1000));
    // A use that comes meanwhile must not lose the lease that it gets.
    entry.asking = releasing.catch(() => {});
    await releasing;
  };

  const using = async <T>(service: string, work: (entry: UsedVersion) => Promise<T>): Promise<T> => {
    const entry = entryOf(service);
    entry.inFlight += 1;
    entry.lastUse = now();
    try {
      return await work(entry);
    } finally {
      entry.inFlight -= 1;
      entry.lastUse = now();
    }
  };

  return {
    isOpen(service) {
      if (cluster.find(service)?.idleMinutes === undefined) return true;
      const entry = used.get(service);
      return entry !== undefined && isOpen(entry);
    },
    async during(service, response, work, { isCopy } = { isCopy: false }) {
      if (!sleeps(service) && cluster.find(service)?.versionId === undefined) return work(async () => {});
      await using(service, (entry) => work(async () => (isOpen(entry) ? undefined : opened(entry, response, isCopy))));
    },
    keep: (service, work) =>
      using(service, (entry) => {
        // Nobody waits for this: when it comes too late, the version is stopped, and `work` finds it so.
        if (sleeps(service)) void ask(driving, entry);
        return work();
      }),
    answered(service) {
      if (!isOpen(entryOf(service))) store.answered(service).catch(() => {});
    },
    async wake(service) {
      const entry = entryOf(service);
      entry.lastUse = now();
      if (isOpen(entry)) return;
      let end: { readonly error?: unknown } | undefined;
      opened(entry).then(
        () => {
          end = {};
        },
        (error: unknown) => {
          end = { error };
        },
      );
      while (!end && cluster.find(service)?.isStopped) await cluster.changed(lookAgainMs);
      if (end?.error && cluster.find(service)?.isStopped) throw end.error;
    },
    async renew() {
      await Promise.all(
        [...used.values()].map(async (entry) => {
          // While requests wait, what drives them asks, and acts on the answer.
          if (entry.isDriven) return;
          const isUsed = sleeps(entry.service) && (entry.inFlight > 0 || entry.lastUse > entry.renewedAt);
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
