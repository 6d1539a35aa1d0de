import { setTimeout as delay } from "node:timers/promises";
import { messageOf, OperatorError } from "../../domain/errors.ts";
import { refuse } from "./refusals.ts";
import { isApiError } from "./request.ts";

/** What one look found: an end, or why there is none yet. */
export type Looked<Outcome> = { readonly outcome: Outcome } | { readonly reason: string };

/** Something in a cluster that comes to an end by itself. */
export interface Watched<Outcome> {
  /** For sentences: `model iris`. */
  readonly what: string;
  look(): Promise<Looked<Outcome>>;
  /** Told each time the reason for waiting changes. */
  readonly report: (reason: string) => void;
  readonly signal: AbortSignal;
  /** Between two looks, in milliseconds. @default 500 */
  readonly interval?: number | undefined;
}

/**
 * Looks until there is an outcome. An API server that does not answer, as while it restarts, is waited for.
 * @throws OperatorError at once where the cluster refuses to show it; the signal's reason when that aborts.
 */
export async function watchUntil<Outcome>(watched: Watched<Outcome>): Promise<Outcome> {
  const { what, report, signal, interval = 500 } = watched;
  for (let last = ""; ; ) {
    signal.throwIfAborted();
    const looked = await patiently(what, () => watched.look());
    if ("outcome" in looked) return looked.outcome;
    // What is said of an aborted look is about the abort.
    if (!signal.aborted && looked.reason !== last) {
      last = looked.reason;
      report(last);
    }
    await delay(interval, undefined, { signal }).catch(() => {});
  }
}

/** One look of a {@link watchUntil}. */
export async function patiently<Outcome>(what: string, look: () => Promise<Looked<Outcome>>): Promise<Looked<Outcome>> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    // No waiting grants permissions; everything else may be an API server that is restarting.
    if (isApiError(error, 401) || isApiError(error, 403)) {
      throw refuse("cluster.not-shown", { what, reason: error.message }, error);
    }
    return { reason: `the API server does not answer: ${messageOf(error)}` };
  }
}
