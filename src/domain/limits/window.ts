import { type LimitKind, windowMs } from "./limits.ts";

/** A window as one process sees it. */
export interface Window {
  /** When it began by the database's clock, in milliseconds since 1970. */
  readonly since: number;
  /** When it ends by the process's own monotonic clock, in milliseconds; never later than it really does. */
  readonly endsAt: number;
}

/**
 * The window of a moment.
 *
 * @param databaseTime - milliseconds since 1970 by the database's clock, at the process's moment `now`
 */
export function windowAt(kind: LimitKind, databaseTime: number, now: number): Window {
  const since = Math.floor(databaseTime / windowMs[kind]) * windowMs[kind];
  return { since, endsAt: now + (since + windowMs[kind] - databaseTime) };
}

/** The window that `now` is in, of which an earlier one was known. */
export function windowAfter(kind: LimitKind, { since, endsAt }: Window, now: number): Window {
  const passed = now < endsAt ? 0 : (Math.floor((now - endsAt) / windowMs[kind]) + 1) * windowMs[kind];
  return { since: since + passed, endsAt: endsAt + passed };
}
