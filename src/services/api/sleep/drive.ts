import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { SleepStore } from "../../../adapters/postgres/sleep/sleepStore.ts";
import { messageOf } from "../../../domain/errors.ts";
import type { SleepCluster, SleepingService } from "../../../domain/sleep/ports.ts";
import type { SleepAnswer } from "../../../domain/sleep/record.ts";
import { ApiError } from "../apiError.ts";

/** A request that waits until its version answers. */
export interface Waiter {
  /** By the process's clock, in milliseconds. */
  readonly since: number;
  readonly open: () => void;
  readonly refuse: (error: ApiError) => void;
}

/** What one process knows of a version that it sends requests to. Milliseconds of the process's clock. */
export interface UsedVersion {
  readonly service: string;
  /** Requests under way, those that wait among them. */
  inFlight: number;
  readonly waiting: Set<Waiter>;
  /** Until when this process's lease surely holds. */
  leaseUntil: number;
  lastUse: number;
  renewedAt: number;
  isDriven: boolean;
  /** The database did not answer the last question. */
  isUnknown: boolean;
  /** The question to the database that is under way: one after the other. */
  asking: Promise<unknown>;
  /** The one that waits for it; undefined where none does. */
  queued: Promise<Asked> | undefined;
  /** Pods that were there when the version was woken: they may be about to end. */
  doubtful: { readonly pods: ReadonlySet<string>; readonly until: number };
  /** Ends the pause between two looks. */
  nudge: () => void;
}

export interface DriveParts {
  readonly store: SleepStore;
  readonly cluster: SleepCluster;
  /** Whether the version's Service answers: its pods may be ready before it leads to them. */
  readonly probe: (service: SleepingService) => Promise<boolean>;
  /** This process, by a name that no other has had. */
  readonly holder: string;
  readonly log: Logger;
  /** How long a lease holds without a renewal, in milliseconds. */
  readonly leaseMs: number;
  /** Told how long requests waited for a version that was woken, in seconds. @default nobody is told */
  readonly onWoken?: ((model: string, seconds: number) => void) | undefined;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
}

/** While requests wait, the database is asked again after so long, in milliseconds. */
const askAgainMs = 1_000;
/** A version that answers is not kept waiting for longer by a database that does not, in milliseconds. */
const patienceMs = 300;
/** KServe deletes the pods of a version that it was told to stop within this, in milliseconds. */
const doubtMs = 3_000;
/** Of a lease, what is left for the clocks of two machines to go at different speeds. */
const surely = 0.9;
/** Between two looks whether the Service of a version that has just become ready answers, in milliseconds. */
const probeAgainMs = 20;

const noPods: ReadonlySet<string> = new Set();

type Asked = SleepAnswer | { readonly kind: "unknown"; readonly error: unknown };

/** Tells the database that this process uses the version, after what it was told before; who asks while that waits is told the same. */
export function ask({ store, cluster, holder, leaseMs, now, log }: DriveParts, used: UsedVersion): Promise<Asked> {
  const { service } = used;
  if (used.queued) return used.queued;
  const asking = used.asking.then(async (): Promise<Asked> => {
    used.queued = undefined;
    const begun = now();
    try {
      const isStopped = cluster.find(service)?.isStopped ?? false;
      const answer = await store.use(service, { holder, held: used.waiting.size, isStopped });
      used.isUnknown = false;
      if (answer.kind !== "failed") used.leaseUntil = begun + leaseMs * surely;
      return answer;
    } catch (error) {
      used.isUnknown = true;
      log.warn({ version: service, err: error }, `the database was not told of requests: ${messageOf(error)}`);
      return { kind: "unknown", error };
    }
  });
  used.asking = asking;
  used.queued = asking;
  return asking;
}

/** Lets the requests that wait for a version go on as soon as it answers, or refuses them. */
export async function driveUntilOpen(parts: DriveParts, used: UsedVersion): Promise<void> {
  const { cluster, store, now, log, onWoken } = parts;
  const { service, waiting } = used;
  let askedAt = Number.NEGATIVE_INFINITY;
  let askedFor = 0;
  let isToRun = false;
  let wokenSince: number | undefined;
  let isProbed = isReady();

  while (waiting.size > 0) {
    const isSettled = await settled();
    if (isSettled) continue;
    isProbed &&= isReady();
    await pause();
  }

  function isReady(): boolean {
    const { pods, until } = used.doubtful;
    const isRunning = cluster.find(service)?.isStopped === false;
    return isRunning && cluster.readyPods(service, until > now() ? pods : noPods).length > 0;
  }

  /** One look; answers whether those who waited are through with it. */
  async function settled(): Promise<boolean> {
    if (waiting.size > askedFor || now() - askedAt >= askAgainMs) {
      askedAt = now();
      askedFor = waiting.size;
      const answer = await answeredSoon();
      if (answer !== "late" && take(answer)) return true;
      if (!(answer === "late" || answer.kind === "unknown") && !isToRun) return opened();
      // Nothing is stopped while the database does not answer, so what answers goes on.
      if (!isToRun && isProbed && isReady()) return open();
    }
    if (isToRun) await run();
    return opened();
  }

  function answeredSoon(): Promise<Asked | "late"> {
    const answer = ask(parts, used);
    return isProbed && isReady() ? Promise.race([answer, delay(patienceMs, "late" as const)]) : answer;
  }

  /** Answers whether everybody was refused. */
  function take(answer: Asked): boolean {
    if (answer.kind === "failed") return refuseAll(`${service} does not start: ${answer.reason}`);
    if (answer.kind === "unknown") return false;
    const isWaking = answer.kind === "wake" || answer.phase === "waking";
    if (isWaking && wokenSince === undefined) {
      wokenSince = now();
      isProbed = false;
      const age = answer.kind === "wake" ? 0 : answer.seconds * 1000;
      used.doubtful = { pods: new Set(cluster.readyPods(service, noPods)), until: now() + doubtMs - age };
    }
    if (answer.kind === "wake") isToRun = true;
    const refused = [...waiting].slice(0, askedFor).slice(answer.granted);
    const full = new ApiError("model_unavailable", `${answer.granted} requests wait for ${service} already; try again`);
    for (const each of refused) each.refuse(full);
    return false;
  }

  async function run(): Promise<void> {
    try {
      await cluster.setStopped(service, false);
      isToRun = false;
      log.info({ version: service }, "woken");
    } catch (error) {
      log.warn({ version: service, err: error }, `the cluster was not told to run a version: ${messageOf(error)}`);
    }
  }

  async function opened(): Promise<boolean> {
    if (isReady()) {
      const known = cluster.find(service);
      isProbed ||= known !== undefined && (await parts.probe(known));
      if (!isProbed) {
        await delay(probeAgainMs);
        return true;
      }
      if (wokenSince !== undefined) await store.answered(service).catch(() => {});
      return open();
    }
    const hindrance = cluster.hindrance(service, used.doubtful.pods);
    if (!hindrance?.isHopeless) return false;
    if (wokenSince !== undefined) await store.failed(service, hindrance.reason).catch(() => {});
    return refuseAll(`${service} does not start: ${hindrance.reason}`);
  }

  function open(): true {
    const [first] = waiting;
    const known = cluster.find(service);
    // Copies are in no hurry.
    if (first && wokenSince !== undefined && known && known.role !== "shadow")
      onWoken?.(known.model, (now() - first.since) / 1000);
    for (const each of [...waiting]) each.open();
    return true;
  }

  function refuseAll(message: string): true {
    for (const each of [...waiting]) each.refuse(new ApiError("model_unavailable", message));
    return true;
  }

  function pause(): Promise<void> {
    return Promise.race([
      cluster.changed(askAgainMs),
      new Promise<void>((resolve) => {
        used.nudge = resolve;
      }),
    ]);
  }
}
