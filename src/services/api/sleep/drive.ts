import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { SleepStore } from "../../../adapters/postgres/sleep/sleepStore.ts";
import { messageOf } from "../../../domain/errors.ts";
import type { Prepared, SleepCluster, SleepingService } from "../../../domain/sleep/ports.ts";
import type { SleepAnswer } from "../../../domain/sleep/record.ts";
import { ApiError } from "../apiError.ts";

/** A request that waits until its version answers. */
export interface Waiter {
  /** By the process's clock, in milliseconds. */
  readonly since: number;
  /** Nobody waits for its answer. */
  readonly isCopy: boolean;
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
  /** Until when nobody stops it, whatever becomes of the lease: one that ran out counts for as long again. */
  keptUntil: number;
  /** The wake, by its generation, that this process was to tell the cluster of and has not told it yet. */
  toRun: number | undefined;
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
  /**
   * Brings a version that the cluster runs to where requests may go to it, if that can be done now.
   *
   * @param ignored - names of pods that are not looked at: they may be about to end
   */
  readonly prepare: (service: SleepingService, ignored: ReadonlySet<string>) => Promise<Prepared>;
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
      // Where nobody waits, as at a patch, nothing is woken.
      const answer = await store.use(service, { holder, held: used.waiting.size, isStopped });
      used.isUnknown = false;
      const held = answer.kind === "asleep" ? Number.NEGATIVE_INFINITY : begun + leaseMs * surely;
      if (answer.kind !== "failed") {
        used.leaseUntil = held;
        used.keptUntil = held + leaseMs * surely;
      }
      if (answer.kind === "wake") used.toRun = answer.generation;
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
  // An answer came after this process had stopped waiting for it.
  let isDue = false;
  let isToRun = false;
  // Whether requests may go to the version at all: it is not stopped meanwhile.
  let isKept = false;
  let wokenSince: number | undefined;
  // Its pods have answered before, and nothing has happened to them since.
  let isKnown = isReady();
  let preparation: { found?: Prepared } | undefined;

  while (waiting.size > 0) {
    const isSettled = await settled();
    if (isSettled) continue;
    isKnown &&= isReady();
    // Who came while nobody paused has nudged nobody.
    if (!preparation?.found && waiting.size <= askedFor && !isDue) await pause();
  }

  function doubtful(): ReadonlySet<string> {
    return used.doubtful.until > now() ? used.doubtful.pods : noPods;
  }

  function isReady(): boolean {
    return cluster.find(service)?.isStopped === false && cluster.readyPods(service, doubtful()).length > 0;
  }

  /** One look; answers whether those who waited are through with it. */
  async function settled(): Promise<boolean> {
    if (isDue || waiting.size > askedFor || now() - askedAt >= askAgainMs) {
      isDue = false;
      askedAt = now();
      askedFor = waiting.size;
      const answer = await answeredSoon();
      if (answer === "late" || answer.kind === "unknown") isKept = await isLeft();
      else if (take(answer)) return true;
    }
    if (isToRun) await run();
    return isKept ? opened() : refusedAsHopeless();
  }

  /**
   * Whether a version keeps running although no answer came: nothing is stopped while the database is away. A database that answers other
   * questions waits for whoever has locked the version's row, and that process may be telling the cluster to stop it.
   */
  async function isLeft(): Promise<boolean> {
    if (now() < used.keptUntil) return true;
    const heard = store.hear().then(
      () => true,
      () => false,
    );
    return !(await Promise.race([heard, delay(patienceMs, false)]));
  }

  async function answeredSoon(): Promise<Asked | "late"> {
    const asked = ask(parts, used);
    if (!(isKnown && isReady())) return asked;
    const answer = await Promise.race([asked, delay(patienceMs, "late" as const)]);
    if (answer === "late") {
      void asked.then(() => {
        isDue = true;
        used.nudge();
      });
    }
    return answer;
  }

  /** Answers whether everybody was refused. */
  function take(answer: Asked): boolean {
    if (answer.kind === "failed") return refuseAll(answer.reason);
    isKept = answer.kind === "go" || answer.kind === "wake";
    // Nobody waited any more when the database was asked.
    if (!(answer.kind === "go" || answer.kind === "wake")) return false;
    const isWaking = answer.kind === "wake" || answer.phase === "waking";
    if (isWaking && wokenSince === undefined) {
      wokenSince = now();
      isKnown = false;
      preparation = undefined;
      const age = answer.kind === "wake" ? 0 : answer.seconds * 1000;
      used.doubtful = { pods: new Set(cluster.pods(service)), until: now() + doubtMs - age };
    }
    // The answer that told it to may have come when nobody listened any more.
    if (answer.generation === used.toRun) isToRun = true;
    // A version that answers already takes everybody: only a wait is bounded.
    if (!isToRun && isKnown && isReady()) return open();
    const refused = [...waiting].slice(0, askedFor).slice(answer.granted);
    const full = new ApiError("model_unavailable", `${answer.granted} requests wait for ${service} already; try again`);
    for (const each of refused) each.refuse(full);
    return false;
  }

  async function run(): Promise<void> {
    try {
      await cluster.setStopped(service, false);
      isToRun = false;
      used.toRun = undefined;
      log.info({ version: service }, "woken");
    } catch (error) {
      log.warn({ version: service, err: error }, `the cluster was not told to run a version: ${messageOf(error)}`);
    }
  }

  async function opened(): Promise<boolean> {
    if (isKnown && isReady()) return open();
    const known = cluster.find(service);
    if (known?.isStopped === false) {
      const found = preparation?.found;
      if (found) preparation = undefined;
      if (found?.kind === "answers") {
        if (wokenSince !== undefined) await store.answered(service).catch(() => {});
        return open();
      }
      if (found?.kind === "broken") return broken(found.reason);
      if (!preparation) prepare(known);
    } else preparation = undefined;
    return refusedAsHopeless();
  }

  async function refusedAsHopeless(): Promise<boolean> {
    const hindrance = cluster.hindrance(service, used.doubtful.pods);
    return hindrance?.isHopeless ? broken(hindrance.reason) : false;
  }

  /** Beside the looks: a development version's patches may take as long as a request waits. */
  function prepare(known: SleepingService): void {
    const own: NonNullable<typeof preparation> = {};
    preparation = own;
    const prepared = parts.prepare(known, doubtful()).catch((error: unknown): Prepared => {
      log.warn({ version: service, err: error }, `a version is not prepared: ${messageOf(error)}`);
      return { kind: "starting" };
    });
    void prepared.then((found) => {
      if (preparation !== own) return;
      if (found.kind === "starting") preparation = undefined;
      else {
        own.found = found;
        used.nudge();
      }
    });
  }

  async function broken(reason: string): Promise<true> {
    if (wokenSince !== undefined) await store.failed(service, reason).catch(() => {});
    return refuseAll(reason);
  }

  function open(): true {
    // Copies are in no hurry.
    const first = [...waiting].find(({ isCopy }) => !isCopy);
    const known = cluster.find(service);
    if (first && wokenSince !== undefined && known) onWoken?.(known.model, (now() - first.since) / 1000);
    for (const each of [...waiting]) each.open();
    return true;
  }

  function refuseAll(reason: string): true {
    const error = new ApiError("model_unavailable", `${service} does not start: ${reason}`);
    for (const each of [...waiting]) each.refuse(error);
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
