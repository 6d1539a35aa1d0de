/** Who counted: the gateway, by the version that its route led to, or the API service, for whatever came to a version through it. */
export const trafficPaths = ["route", "app"] as const;
export type TrafficPath = (typeof trafficPaths)[number];

/**
 * How a request ended, as its client saw it. A gateway counts an answer by the status in its head: it knows neither `broken` nor who left
 * in the middle of an answer.
 */
export const outcomes = [
  /** Upgraded to another protocol, such as a WebSocket. */
  "1xx",
  "2xx",
  "3xx",
  "4xx",
  /** Other than the two that follow. */
  "5xx",
  /** 503: no pod, no connection, or the model says so itself. */
  "unavailable",
  /** 504. */
  "timeout",
  /** The answer broke off after its head. */
  "broken",
  /** The client left before its answer was over. */
  "client_gone",
] as const;
export type Outcome = (typeof outcomes)[number];

/** What counts as a failure of the version. Who leaves is not told why. */
export const failedOutcomes: ReadonlySet<Outcome> = new Set(["5xx", "unavailable", "timeout", "broken"]);

const byClass: readonly (Outcome | undefined)[] = [undefined, "1xx", "2xx", "3xx", "4xx", "5xx"];

/** The outcome of an answer with this HTTP status; undefined for what is none. */
export function outcomeOf(status: number): Outcome | undefined {
  if (status === 503) return "unavailable";
  if (status === 504) return "timeout";
  return byClass[Math.floor(status / 100)];
}
