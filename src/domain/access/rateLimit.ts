import { keepRecent } from "../recentlyUsed.ts";

/** How often one subject may ask. */
export interface RateLimit {
  /** Over time. */
  readonly perSecond: number;
  /** At once, before that rate holds. */
  readonly burst: number;
}

/** Subjects that are remembered; those that have been silent for longest are forgotten first, with full rights. */
const mostSubjects = 100_000;

/**
 * A token bucket for each subject, such as an API key. Answers 0 for a request that may go on, else the milliseconds until
 * one may. `now` is a monotonic clock in milliseconds.
 */
export function rateLimiter({ perSecond, burst }: RateLimit, now: () => number) {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (subject: string): number => {
    const time = now();
    const kept = buckets.get(subject);
    const tokens = kept ? Math.min(burst, kept.tokens + ((time - kept.at) / 1000) * perSecond) : burst;
    // Who waits as long as told may pass, whatever the fractions add up to.
    const allowed = tokens >= 1 - 1e-9;
    keepRecent(buckets, subject, { tokens: allowed ? tokens - 1 : tokens, at: time }, mostSubjects);
    return allowed ? 0 : Math.ceil(((1 - tokens) / perSecond) * 1000 - 1e-6);
  };
}
