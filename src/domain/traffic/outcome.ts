/** Who counted: the gateway, by the version that its route led to, or the API service, for whatever came to a version through it. */
export const trafficPaths = ["route", "app"] as const;
export type TrafficPath = (typeof trafficPaths)[number];

/**
 * How a request ended, as its client saw it. A gateway that counts answers when their head comes knows neither `broken` nor `client_gone`:
 * {@link outcomeOfEnd} needs the flags that it has when a request is over.
 */
export const outcomes = [
  /** Upgraded to another protocol, such as a WebSocket. */
  "1xx",
  "2xx",
  "3xx",
  /** 401, 403, 404 or 429: the client may not, not yet or not there, whichever version answers. */
  "4xx_denied",
  /** Any other 4xx: this version did not take the request. */
  "4xx_rejected",
  /** Counted before the two were told apart: nobody knows which it was. */
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

/** Outcomes of which nobody knows whether they are the version's fault. */
export const unclearOutcomes: ReadonlySet<Outcome> = new Set(["4xx"]);

/** What a judge counts as a failure: a model's answer to a request that it does not take is one too. */
export const judgedFailures: ReadonlySet<Outcome> = new Set([...failedOutcomes, "4xx_rejected"]);

/** Answers by which a client is told that it may not, not yet, or not there: no version is at fault. */
const denials: ReadonlySet<number> = new Set([401, 403, 404, 429]);

const byClass: readonly (Outcome | undefined)[] = [undefined, "1xx", "2xx", "3xx", "4xx_rejected", "5xx"];

/** The outcome of an answer with this HTTP status; undefined for what is none. */
export function outcomeOf(status: number): Outcome | undefined {
  if (status === 503) return "unavailable";
  if (status === 504) return "timeout";
  if (denials.has(status)) return "4xx_denied";
  return byClass[Math.floor(status / 100)];
}

/** Envoy answered before a request could reach a version: keys and limits are checked, faults are injected, or there is no route. */
const flagsBeforeVersion: ReadonlySet<string> = new Set(["UAEX", "RL", "RLSE", "FI", "NR", "NC"]);
/** The client closed its connection, or its stream. */
const flagsOfLeaving: ReadonlySet<string> = new Set(["DC", "DR"]);
/** The answer was cut off, where its head has come: by the model, by the gateway, or by a time that is over. */
const flagsOfBreaking: ReadonlySet<string> = new Set(["UC", "UR", "LR", "UT", "SI", "UPE", "UMSDR", "OM", "DT"]);

/**
 * The outcome of a request that is over, by the status in the answer's head (0 without one) and Envoy's response flags, such as `UC` or `UF,URX`
 * (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage, `%RESPONSE_FLAGS%`). Undefined for one that
 * no version was asked for.
 */
export function outcomeOfEnd(status: number, responseFlags: string): Outcome | undefined {
  const flags = responseFlags.split(",");
  const has = (some: ReadonlySet<string>) => flags.some((flag) => some.has(flag));
  if (has(flagsBeforeVersion)) return undefined;
  // A WebSocket ends with its connection, by whichever side.
  if (status === 101) return "1xx";
  if (has(flagsOfLeaving)) return "client_gone";
  if (status === 0) return "broken";
  // An answer of the gateway's own has such a flag too: it is whole, and its status says what happened.
  if (status < 500 && has(flagsOfBreaking)) return "broken";
  return outcomeOf(status) ?? "5xx";
}
