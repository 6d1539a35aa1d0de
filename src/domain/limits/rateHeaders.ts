import type { LimitState } from "./limiter.ts";
import { isOfTokens } from "./limits.ts";

/**
 * Headers that tell a client how its limits stand, as OpenAI's API does: of requests and of tokens the limit of which the smallest share
 * is left. Numbers are whole; durations are written such as `1m12.5s` or `17ms`.
 */
export function rateHeaders(states: readonly LimitState[]): Record<string, string> {
  const of = (what: "requests" | "tokens") => {
    const tightest = tightestOf(states.filter(({ kind }) => isOfTokens(kind) === (what === "tokens")));
    if (!tightest) return {};
    return {
      [`x-ratelimit-limit-${what}`]: String(tightest.limit),
      [`x-ratelimit-remaining-${what}`]: String(tightest.remaining),
      [`x-ratelimit-reset-${what}`]: durationText(tightest.resetMs),
    };
  };
  return { ...of("requests"), ...of("tokens") };
}

/** Headers that say when to ask again: in whole seconds, at least one (RFC 9110, 10.2.3), and in milliseconds. */
export function retryHeaders(waitMs: number): Record<string, string> {
  return {
    "retry-after": String(Math.max(1, Math.ceil(waitMs / 1000))),
    "retry-after-ms": String(Math.max(1, Math.ceil(waitMs))),
  };
}

function tightestOf(states: readonly LimitState[]): LimitState | undefined {
  const share = ({ remaining, limit }: LimitState) => remaining / limit;
  return states.reduce<LimitState | undefined>(
    (tightest, state) => (tightest && share(tightest) <= share(state) ? tightest : state),
    undefined,
  );
}

/** Rounded up to milliseconds, so that nobody comes too early. */
export function durationText(milliseconds: number): string {
  const whole = Math.ceil(milliseconds);
  if (whole < 1000) return `${whole}ms`;
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = `${(whole % 60_000) / 1000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
