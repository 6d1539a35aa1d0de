/** What may be limited, in fixed windows of the database's clock: a minute, or a UTC day. */
export const limitKinds = ["requestsPerMinute", "tokensPerMinute", "tokensPerDay"] as const;
export type LimitKind = (typeof limitKinds)[number];

/** Limits of one key or organization; a kind that is left out is not limited. */
export type Limits = Readonly<Partial<Record<LimitKind, number>>>;

/** Somebody whose requests are limited. */
export interface Limited {
  /** By which the database counts, such as `key 12` or `organization 3`. */
  readonly subject: string;
  readonly limits: Limits;
}

/** Of one limit. */
export const largestLimit = 1_000_000_000_000;

/** Length of a kind's window, in milliseconds. Windows begin where the time since 1970 is a multiple of it. */
export const windowMs: Readonly<Record<LimitKind, number>> = {
  requestsPerMinute: 60_000,
  tokensPerMinute: 60_000,
  tokensPerDay: 86_400_000,
};

export function isOfTokens(kind: LimitKind): boolean {
  return kind !== "requestsPerMinute";
}

/** Who of a key and an organization is limited at all. */
export function limitedSubjects(
  key: { readonly id: string; readonly limits: Limits } | undefined,
  organization: { readonly id: string; readonly limits: Limits },
): readonly Limited[] {
  const ofKey = key && hasLimits(key.limits) ? [{ subject: `key ${key.id}`, limits: key.limits }] : [];
  const { id, limits } = organization;
  return hasLimits(limits) ? [...ofKey, { subject: `organization ${id}`, limits }] : ofKey;
}

export function hasLimits(limits: Limits): boolean {
  return limitKinds.some((kind) => limits[kind] !== undefined);
}

/** Whether anybody's tokens are limited. */
export function limitsTokens(limited: readonly Limited[]): boolean {
  return limited.some(({ limits }) => limits.tokensPerMinute !== undefined || limits.tokensPerDay !== undefined);
}

/** Such as `60 requests/min, 100000 tokens/day`; `no limits` without any. */
export function limitsText({ requestsPerMinute, tokensPerMinute, tokensPerDay }: Limits): string {
  const each = [
    requestsPerMinute === undefined ? "" : `${requestsPerMinute} requests/min`,
    tokensPerMinute === undefined ? "" : `${tokensPerMinute} tokens/min`,
    tokensPerDay === undefined ? "" : `${tokensPerDay} tokens/day`,
  ];
  return each.filter(Boolean).join(", ") || "no limits";
}
