/**
 * What is known of a version that may sleep, as its row has it; all times are seconds of the database's clock, so clocks of pods may
 * differ. Each change is made while the row is locked.
 */
export interface SleepRecord {
  /**
   * `stopping`: nobody has used it for its idle time, and it is stopped unless a request comes. `waking`: a request wants it, and nothing
   * has seen it answer since it slept.
   */
  readonly phase: "awake" | "stopping" | "asleep" | "waking";
  /** Rises with each change that the cluster must be told of: a message with an older number must not win. */
  readonly generation: number;
  /** When it was used last. */
  readonly usedAt: number;
  /** Since when it has its phase. */
  readonly since: number;
  /** The process that woke it last, and until when the others leave it to that one to tell the cluster. */
  readonly waker: { readonly holder: string; readonly until: number } | null;
  /** Why it did not start the last time, and when that was found. */
  readonly failure: { readonly reason: string; readonly at: number } | null;
  /** How often it was woken, how often it did not start, and how long it has slept, in seconds. */
  readonly wakes: number;
  readonly failures: number;
  readonly slept: number;
}

/** One process's word that requests for a version are under way in it. */
export interface SleepLease {
  readonly holder: string;
  /** Until when it holds without a renewal. */
  readonly until: number;
  /** Requests that wait in this process until the version answers. */
  readonly held: number;
}

/** What the state machine goes by. Times in seconds. */
export interface SleepRules {
  /** How long a lease holds without a renewal. */
  readonly leaseSeconds: number;
  /** How long others leave it to the waker to tell the cluster. */
  readonly wakerSeconds: number;
  /** For how long requests are answered at once with why a version did not start. */
  readonly failureSeconds: number;
  /** Requests that may wait for one version at once, in all processes together. */
  readonly maxHeld: number;
}

export const sleepRules: SleepRules = { leaseSeconds: 30, wakerSeconds: 5, failureSeconds: 10, maxHeld: 256 };

/** What a process wants with a version. */
export interface SleepUse {
  readonly holder: string;
  /** Requests that wait in it: where none does, a version that sleeps is left asleep. */
  readonly held: number;
  /** The cluster says that the version is stopped, as after a stop by hand. */
  readonly isStopped: boolean;
}

/** What a process may do. */
export type SleepAnswer =
  /** Requests may go to the version as soon as it answers; `granted` of them may wait until then. It has had the phase for `seconds`. */
  | {
      readonly kind: "go";
      readonly phase: "awake" | "waking";
      readonly generation: number;
      readonly granted: number;
      readonly seconds: number;
    }
  /** The same, and this process tells the cluster to run it, by `generation`. */
  | { readonly kind: "wake"; readonly generation: number; readonly granted: number }
  /** It did not start a moment ago. */
  | { readonly kind: "failed"; readonly reason: string }
  /** Nobody waits for it, and it sleeps. */
  | { readonly kind: "asleep" };

export interface Used {
  readonly record: SleepRecord;
  /** The holder's own lease; undefined where it gets none. */
  readonly lease: SleepLease | undefined;
  readonly answer: SleepAnswer;
}

/** A version that nothing is known of: it counts as used now. */
export function firstRecord(now: number): SleepRecord {
  return {
    phase: "awake",
    generation: 0,
    usedAt: now,
    since: now,
    waker: null,
    failure: null,
    wakes: 0,
    failures: 0,
    slept: 0,
  };
}

/**
 * A process uses a version, or goes on using it: it gets a lease, a stop that was only marked is over, and one process wakes a version that
 * sleeps.
 */
export function use(
  record: SleepRecord,
  { holder, held, isStopped }: SleepUse,
  { leases, now, rules }: { readonly leases: readonly SleepLease[]; readonly now: number; readonly rules: SleepRules },
): Used {
  const others = leases.filter((lease) => lease.holder !== holder && lease.until > now);
  const granted = Math.max(0, Math.min(held, rules.maxHeld - others.reduce((sum, lease) => sum + lease.held, 0)));
  const lease = { holder, until: now + rules.leaseSeconds, held: granted };
  const { failure } = record;
  // The cluster may have been told to stop it, though this process has not seen that yet.
  if (held === 0 && (isStopped || record.phase === "asleep"))
    return { record, lease: undefined, answer: { kind: "asleep" } };
  if (held > 0 && record.phase === "waking" && failure && now - failure.at < rules.failureSeconds) {
    return { record: { ...record, usedAt: now }, lease: undefined, answer: { kind: "failed", reason: failure.reason } };
  }
  const slept = record.slept + (record.phase === "asleep" ? Math.max(0, now - record.since) : 0);
  const used = { ...record, usedAt: now, slept };
  // What the waker tells the cluster takes a moment to be seen; when that is over, another process tells it again.
  const isTold = record.phase === "waking" && (record.waker?.until ?? 0) > now;
  const sleeps = record.phase === "asleep" || (isStopped && !isTold);
  if (sleeps && held > 0) {
    const generation = record.generation + 1;
    const isNew = record.phase !== "waking";
    return {
      record: {
        ...used,
        phase: "waking",
        generation,
        waker: { holder, until: now + rules.wakerSeconds },
        failure: null,
        since: isNew ? now : record.since,
        wakes: record.wakes + (isNew ? 1 : 0),
      },
      lease,
      answer: { kind: "wake", generation, granted },
    };
  }
  if (record.phase === "stopping") {
    // Whoever marked it finds another number when it comes to confirm the stop.
    const generation = record.generation + 1;
    const awake = { ...used, phase: "awake", generation, since: now } as const;
    return { record: awake, lease, answer: { kind: "go", phase: "awake", generation, granted, seconds: 0 } };
  }
  const phase = record.phase === "waking" ? "waking" : "awake";
  const seconds = now - record.since;
  const kept = held > 0 ? null : failure;
  const { generation } = record;
  return { record: { ...used, failure: kept }, lease, answer: { kind: "go", phase, generation, granted, seconds } };
}

/** Somebody has seen it answer since it was woken. */
export function answered(record: SleepRecord, now: number): SleepRecord {
  if (record.phase !== "waking") return record;
  return { ...record, phase: "awake", since: now, waker: null, failure: null };
}

/** Somebody has found that it does not start. */
export function failed(record: SleepRecord, reason: string, now: number): SleepRecord {
  if (record.phase !== "waking") return record;
  return { ...record, failure: { reason, at: now }, failures: record.failures + 1 };
}

/** What a stop is judged by. */
export interface StopView {
  readonly leases: readonly SleepLease[];
  readonly now: number;
  readonly idleSeconds: number;
  /** Since when nothing has kept processes from renewing their leases, as far as the one that stops can know. */
  readonly quietSince: number;
  readonly rules: SleepRules;
}

/** Marks a version that nobody has used for its idle time; undefined where it stays as it is. */
export function markStopping(record: SleepRecord, view: StopView): SleepRecord | undefined {
  // A mark that nobody confirmed, as when the process that made it is gone, is made again.
  if (record.phase === "asleep") return undefined;
  if (view.now - record.usedAt < view.idleSeconds || !isQuiet(view)) return undefined;
  return { ...record, phase: "stopping", generation: record.generation + 1, since: view.now, waker: null };
}

/** The version sleeps, if nothing has come since it was marked with `generation`: only then may the cluster be told. */
export function confirmStop(record: SleepRecord, generation: number, view: StopView): SleepRecord | undefined {
  if (record.phase !== "stopping" || record.generation !== generation || !isQuiet(view)) return undefined;
  return { ...record, phase: "asleep", since: view.now, failure: null };
}

/**
 * Whether nothing is under way. A lease that ran out was not given back: its process is gone, or cannot reach the database and may still
 * answer requests, so it counts for one whole lease more; and so does any time in which leases could not be renewed.
 */
function isQuiet({ leases, now, quietSince, rules }: StopView): boolean {
  return now - quietSince >= rules.leaseSeconds && leases.every(({ until }) => now - until >= rules.leaseSeconds);
}
