/** Bounds of a batch, in rows. */
export const batchLimits = { first: 500, least: 1, most: 5_000 } as const;

/** How long one transaction holds its rows, in milliseconds: a writer of one of them waits that long at most. */
export const batchTarget = 200;

/** Rows per second that a plan reckons with where nothing was measured yet. */
export const assumedRate = 8_000;

/** Times that one batch is tried before its error is told. */
export const mostTries = 12;

/**
 * Rows of the next batch: what the last one's speed would do in {@link batchTarget}, at most twice or half as many, so that
 * one slow moment does not decide. With a rate, `most` is a second's worth.
 */
export function nextBatch(rows: number, elapsedMs: number, most: number = batchLimits.most): number {
  const wanted = Math.round((rows * batchTarget) / Math.max(elapsedMs, 1));
  const near = Math.min(Math.max(wanted, Math.floor(rows / 2)), rows * 2);
  return Math.max(batchLimits.least, Math.min(near, most, batchLimits.most));
}

/** How long to wait after a batch, so that `rows` in all have not been moved faster than the rate; in milliseconds. */
export function throttleDelay(rows: number, elapsedMs: number, rowsPerSecond?: number): number {
  return rowsPerSecond === undefined ? 0 : Math.max(0, (rows / rowsPerSecond) * 1_000 - elapsedMs);
}

/** What a run does after PostgreSQL refused a batch: again with fewer rows after a pause, or tell the error. */
export type AfterFailure = { readonly retryAfterMs: number; readonly batch: number } | "fail";

/**
 * Deadlock, lock timeout, statement timeout and serialization failure left nothing behind and are tried again, with fewer
 * rows, so that the one that is in the way alone is waited for.
 *
 * @param state - SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)
 * @param tries - how often the batch was tried
 */
export function afterFailure(state: string | undefined, tries: number, batch: number): AfterFailure {
  const passing = ["40P01", "55P03", "57014", "40001"];
  if (state === undefined || !passing.includes(state) || tries >= mostTries) return "fail";
  return { retryAfterMs: Math.min(50 * 2 ** (tries - 1), 2_000), batch: Math.max(1, Math.floor(batch / 4)) };
}

/** Time that moving `rows` takes at the measured rate or, where none was, the assumed one; in seconds. */
export function estimateSeconds(rows: number, rate: number | undefined, rowsPerSecond?: number): number {
  const speed = Math.min(rate ?? assumedRate, rowsPerSecond ?? Number.POSITIVE_INFINITY);
  return rows === 0 ? 0 : Math.max(1, rows / speed);
}

/** `1200 of 5000 rows, 8100 rows/s, 1 s left` */
export function describePace(moved: number, total: number, elapsedMs: number): string {
  if (moved === 0 && total === 0) return "no row had to move";
  const rate = (moved * 1_000) / Math.max(elapsedMs, 1);
  const left = rate > 0 ? `${Math.ceil(Math.max(0, total - moved) / rate)} s left` : "not known how long";
  return `${moved} of ${Math.max(total, moved)} rows, ${Math.round(rate)} rows/s, ${left}`;
}
