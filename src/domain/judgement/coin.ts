/**
 * What the router's coin tells about errors, of requests with one weight. The integers are all that a bound needs, so a cursor stays exact.
 */
export interface CoinCounts {
  /** Probability that a request went to the new version, 0 to 1, both excluded. */
  readonly weight: number;
  readonly newFailed: number;
  readonly newAnswered: number;
  readonly oldFailed: number;
  readonly oldAnswered: number;
}

/** Requests that both versions answered. */
export interface PairCounts {
  readonly newFailed: number;
  readonly oldFailed: number;
  /** Both or neither. */
  readonly alike: number;
}

/** Users of one version by the share of their requests that failed, for each of {@link failureShares}. */
export type UserShares = readonly number[];

/** Shares by which users are counted. One between two of them counts for both, by how near it is. */
export const failureShares = [0, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1] as const;

/** Users who were drawn with one weight. */
export interface UserCounts {
  /** As of {@link CoinCounts}. */
  readonly weight: number;
  readonly new: UserShares;
  readonly old: UserShares;
}

export interface ErrorCounts {
  readonly routed: readonly CoinCounts[];
  readonly pairs: PairCounts;
  /** @default none was drawn */
  readonly users?: readonly UserCounts[] | undefined;
}

/** Users by their shares as they are counted. */
export function countShares(shares: readonly { readonly share: number; readonly users: number }[]): UserShares {
  const counts = failureShares.map(() => 0);
  for (const { share, users } of shares) {
    const above = Math.max(
      1,
      failureShares.findIndex((each) => each >= share),
    );
    const [low, high] = [failureShares[above - 1] ?? 0, failureShares[above] ?? 1];
    const near = (share - low) / (high - low);
    counts[above] = (counts[above] ?? 0) + users * near;
    counts[above - 1] = (counts[above - 1] ?? 0) + users * (1 - near);
  }
  return counts;
}

/**
 * The bets of one side, with their shares of the first capital. `wary` bets win on failures alone: they are sharp where few requests fail.
 * `sure` bets win on every answer of the old version too: they are sharp where nearly all of the new version's requests fail, at weights where
 * the coin alone says little (at 50 %, ten failures in a row are a thousand to one).
 */
export interface Bet {
  readonly kind: "wary" | "sure";
  /** Share of the capital that one failure of the old version can cost, in units of 1 / (1 + margin). */
  readonly stake: number;
  readonly share: number;
}

const small = Array.from({ length: 13 }, (_, place) => 0.5 / 2 ** place);
/** What the capital is spread over, on each of the two sides. */
export const betsOn: Readonly<Record<"bad" | "good", readonly Bet[]>> = {
  bad: [
    { kind: "sure", stake: 0.98, share: 0.3 },
    { kind: "sure", stake: 0.5, share: 0.1 },
    { kind: "wary", stake: 0.98, share: 0.25 },
    ...small.map((stake): Bet => ({ kind: "wary", stake, share: 0.35 / small.length })),
  ],
  good: [0.98, ...small].map((stake): Bet => ({ kind: "wary", stake, share: 1 / (small.length + 1) })),
};

/**
 * Evidence that the new version fails more often than the old one by over `margin`, as the logarithm of an e-value: of rollouts in which it
 * does not, at most one in `1/risk` ever sees this reach `log(1/risk)`, at whatever time one looks (Ville's inequality).
 *
 * The only chance that is used is the coin that sends a request to the new version with probability w (design-based, as Ham, Bojinov, Lindon,
 * Tingley, arXiv:2210.08639). Both outcomes of a request may be anything: dependent, in bursts, changing with time, or a result of earlier
 * requests, as long as the coin is thrown apart from them. With Z the coin and Y the failure, their estimate is
 * X = Z(Y−m)/w − (1−Z)(Y−m)/(1−w), whose mean over the coin is the effect on this request for every m. Their bound of the sum of X is a normal
 * mixture, right for many requests; here each X is betted on: the capital is multiplied by 1 + θ(c X − c·margin). A failure of the new version at
 * w = 0.01 is worth up to 100 in X, so few of them decide, where a bound that pays for X² needs hundreds.
 *
 * θ is constant within a bet, and the capital is shared over bets that are declared here: the product of 1 + θc(τ_i − margin) is at most
 * exp(θ Σ c(τ_i − margin)), so the claim is about the running mean of the effects τ_i, not about each. Wary bets have m = 0 and count a request
 * by c = 1 − w; sure bets have m = w and c = 1. So "within the margin" means: the mean effect of all requests so far, counted alike and counted by
 * the old version's share, is at most `margin`. Weights may change between requests.
 *
 * Sides are not matched second by second. The factor of a request depends on its weight, its side and its outcome alone, so the product over all requests of
 * one weight is a function of four sums, whatever second they are of: waves and outages are in the τ_i, and the coin is as fair in a bad second as in a good one.
 * How many requests of a second each side got is the coin's doing, and part of what is betted on. Seconds matter in one way: a row holds both sides of its
 * second, so that no look sees the failures of one side before the answers of the other.
 *
 * Where a cookie keeps users on their side, what counts is a draw. Of a user that is counted by all requests within a time from the draw, Y is the share
 * that failed. The factor is linear in Y and the logarithm concave, so a user between two shares that counts for both gets never more than the user's
 * own factor. Such users count in the order of their draws, not in that in which they are known: users of a version that fails may leave, or come
 * again, so when a user is known may tell the side. That adds one condition: what a user gets does not depend on the sides of those who are drawn
 * within the same time. Where the hash of a header does, the coin is that of hashedUsers.ts.
 *
 * Alternatives: 2×2 blocks (Turner, Ly, Grünwald 2024, arXiv:2106.02693) need independent requests with constant probabilities in each
 * version, blocks of declared size, and are no sharper here; adaptive bets (Waudby-Smith, Ramdas 2024, arXiv:2010.09686) need every single
 * effect to be within the margin.
 */
export function logEvidenceOfBad(counts: ErrorCounts, margin: number, bets = betsOn.bad): number {
  return logSum(bets, ({ kind, stake }) => {
    const bet = stake / (1 + Math.max(0, margin));
    return pairsLog(counts.pairs, bet, margin) + drawnLog(counts, (weight) => gainsOfBad(kind, bet, weight, margin));
  });
}

/**
 * The same for the opposite: the new version fails more often by less than `margin`. A request counts by w, so that only one failure
 * of the new version is what a bet can lose.
 */
export function logEvidenceOfGood(counts: ErrorCounts, margin: number, bets = betsOn.good): number {
  return logSum(bets, ({ stake }) => {
    const bet = stake / (1 + Math.max(0, -margin));
    const { newFailed, oldFailed, alike } = counts.pairs;
    return (
      pairsLog({ newFailed: oldFailed, oldFailed: newFailed, alike }, bet, -margin) +
      drawnLog(counts, (weight) => gainsOfGood(bet, weight, margin))
    );
  });
}

/** What a bet gains by one request of each kind, as a part of its capital. */
interface Gains {
  readonly newFailed: number;
  readonly newAnswered: number;
  readonly oldFailed: number;
  readonly oldAnswered: number;
}

function gainsOfBad(kind: Bet["kind"], bet: number, weight: number, margin: number): Gains {
  const odds = (1 - weight) / weight;
  if (kind === "wary") {
    const answered = -bet * (1 - weight) * margin;
    return {
      newFailed: bet * (odds - (1 - weight) * margin),
      newAnswered: answered,
      oldFailed: -bet * (1 + (1 - weight) * margin),
      oldAnswered: answered,
    };
  }
  const lost = -bet * (1 + margin);
  return {
    newFailed: bet * (odds - margin),
    newAnswered: lost,
    oldFailed: lost,
    oldAnswered: bet * (1 / odds - margin),
  };
}

function gainsOfGood(bet: number, weight: number, margin: number): Gains {
  const answered = bet * weight * margin;
  return {
    newFailed: bet * (weight * margin - 1),
    newAnswered: answered,
    oldFailed: bet * weight * (1 / (1 - weight) + margin),
    oldAnswered: answered,
  };
}

function drawnLog({ routed, users = [] }: ErrorCounts, gainsAt: (weight: number) => Gains): number {
  let log = 0;
  for (const { weight, newFailed, newAnswered, oldFailed, oldAnswered } of routed) {
    const gains = gainsAt(weight);
    log +=
      newFailed * Math.log1p(gains.newFailed) +
      newAnswered * Math.log1p(gains.newAnswered) +
      oldFailed * Math.log1p(gains.oldFailed) +
      oldAnswered * Math.log1p(gains.oldAnswered);
  }
  for (const { weight, new: fresh, old } of users) {
    const gains = gainsAt(weight);
    log += sharesLog(fresh, gains.newFailed, gains.newAnswered) + sharesLog(old, gains.oldFailed, gains.oldAnswered);
  }
  return log;
}

function sharesLog(counts: UserShares, failed: number, answered: number): number {
  return counts.reduce((log, count, place) => {
    const share = failureShares[place] ?? 0;
    return count === 0 ? log : log + count * Math.log1p(share * failed + (1 - share) * answered);
  }, 0);
}

/** The coin of a pair is thrown for both: its difference is known, 1, 0 or −1. */
function pairsLog({ newFailed, oldFailed, alike }: PairCounts, bet: number, margin: number): number {
  if (newFailed + oldFailed + alike === 0) return 0;
  return (
    newFailed * Math.log1p(bet * (1 - margin)) +
    alike * Math.log1p(-bet * margin) +
    oldFailed * Math.log1p(-bet * (1 + margin))
  );
}

function logSum(bets: readonly Bet[], logOf: (bet: Bet) => number): number {
  const logs = bets.map((bet) => Math.log(bet.share) + logOf(bet));
  const most = Math.max(...logs);
  return most === Number.NEGATIVE_INFINITY
    ? most
    : most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0));
}

/** Bounds of the difference new − old, each at `risk`: the margins that the evidence rules out. For sentences. */
export function differenceBounds(counts: ErrorCounts, risk: number): { readonly low: number; readonly high: number } {
  const enough = -Math.log(risk);
  return {
    low: lastWhere((margin) => logEvidenceOfBad(counts, margin) >= enough, -1, 1),
    high: -lastWhere((margin) => logEvidenceOfGood(counts, -margin) >= enough, -1, 1),
  };
}

/** Greatest value for which `holds`, by bisection; `from` where it never does. */
function lastWhere(holds: (value: number) => boolean, from: number, to: number): number {
  let [low, high] = [from, to];
  for (let step = 0; step < 30; step += 1) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
