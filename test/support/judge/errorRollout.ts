import { betsOn, logEvidenceOfBad, logEvidenceOfGood } from "../../../src/domain/judgement/coin.ts";
import { binomial, randomOf } from "./random.ts";
import { wilsonInterval } from "./wilson.ts";

export const margin = 0.01;
export const risk = 0.01;
/** Of the first judgement, with four metrics: errors, mismatches, two quantiles. */
export const enoughForBad = Math.log(4 / (risk / 2));
const enoughForGood = Math.log(1 / (risk / 2));

/** Requests until which a weight holds: 1, 10 and 50 %, then the new version alone with 5 % of pairs. */
export const steps: readonly (readonly [until: number, weight: number])[] = [
  [10_000, 0.01],
  [30_000, 0.1],
  [60_000, 0.5],
  [100_000, 1],
];
export const control = 0.05;
/** Requests for which a scenario has one rate. */
export const stretch = 100;
/** Flagger asks once for so many requests, a minute of 17 a second, and gives up at the fifth failed check. */
const flagger = { interval: 1_000, threshold: 5, leastSuccess: 0.99 };

/** Probabilities that a request fails, for each side, during 100 requests. */
export type Rates = readonly [ofNew: number, ofOld: number];
export interface ErrorScenario {
  readonly name: string;
  /** @param stretch - number of the 100 requests */
  readonly rates: (random: () => number) => (stretch: number) => Rates;
  /** Requests of one user in a row, which fail or succeed together and go to one side; the judge counts users. @default 1 */
  readonly perUser?: number;
  /** Counts each request of a user, as if a coin had been thrown for it. @default false */
  readonly countsRequests?: boolean;
}

/** When each rule took the rollout back, in requests, and how many had failed on the new version until then; null for never. */
export interface Detection {
  readonly requests: number;
  readonly harmed: number;
}
export type Rule = "judge" | "wilson" | "flagger";
export interface ErrorResult extends Readonly<Record<Rule, Detection | null>> {
  /** Requests, to the next 1,000, after which the evidence was good. */
  readonly good: number | null;
}

/**
 * Everything after each of up to 100,000 requests. A judge may only find a version bad when it fails, so what lies between two failures of it is
 * drawn as a number: the looks are the same, at a hundredth of the time.
 */
export function errorRollout(scenario: ErrorScenario, seed: number, until = 100_000): ErrorResult {
  const random = randomOf(seed);
  const ratesAt = scenario.rates(random);
  const perUser = scenario.perUser ?? 1;
  const evidence = new Evidence();
  const totals = { newFailed: 0, new: 0, oldFailed: 0, old: 0 };
  const found: Record<Rule, Detection | null> = { judge: null, wilson: null, flagger: null };
  const unit = scenario.countsRequests ? perUser : 1;
  let good: number | null = null;
  let checks = 0;
  let since = { failed: 0, all: 0 };
  for (let at = 0; at < until; at += stretch * perUser) {
    const weight = steps.find(([end]) => at < end)?.[1] ?? 1;
    const [p1, p0] = ratesAt(at / stretch);
    const before = { ...totals };
    let left = stretch;
    while (left > 0) {
      const isCoin = weight < 1;
      const chance = isCoin ? weight * p1 : control * p1 * (1 - p0);
      const gap =
        chance <= 0
          ? left
          : Math.min(left, Math.floor(Math.log(1 - random()) / Math.log1p(-Math.min(chance, 1 - 1e-12))));
      if (isCoin) {
        const ofOld = binomial(random, gap, (1 - weight) / (1 - chance));
        const oldFailed = binomial(random, ofOld, p0);
        evidence.add(weight, 0, (gap - ofOld) * unit, oldFailed * unit, (ofOld - oldFailed) * unit);
        totals.new += (gap - ofOld) * unit;
        totals.old += ofOld * unit;
        totals.oldFailed += oldFailed * unit;
      } else {
        const inPairs = binomial(random, gap, (control - chance) / (1 - chance));
        const oldFailed = binomial(random, inPairs, (p0 * (1 - p1)) / (1 - p1 * (1 - p0)));
        evidence.add(1, 0, (inPairs - oldFailed) * unit, oldFailed * unit, 0);
        const failed = binomial(random, gap, p1);
        totals.new += gap;
        totals.newFailed += failed;
        totals.old += inPairs;
        totals.oldFailed += oldFailed;
      }
      left -= gap;
      if (left === 0) break;
      left -= 1;
      evidence.add(weight, unit, 0, 0, 0);
      totals.new += unit;
      totals.newFailed += unit;
      if (!isCoin) totals.old += unit;
      const seen = (): Detection => ({
        requests: at + (stretch - left) * perUser,
        harmed: totals.newFailed * (perUser / unit),
      });
      if (!found.judge && evidence.bad() >= enoughForBad) found.judge = seen();
      if (!found.wilson && wilsonSaysBad(totals)) found.wilson = seen();
    }
    since = {
      failed: since.failed + totals.newFailed - before.newFailed,
      all: since.all + totals.new - before.new,
    };
    if ((at + stretch * perUser) % flagger.interval === 0) {
      if (since.all > 0 && 1 - since.failed / since.all < flagger.leastSuccess) checks += 1;
      if (checks === flagger.threshold)
        found.flagger ??= { requests: at + stretch * perUser, harmed: totals.newFailed * (perUser / unit) };
      since = { failed: 0, all: 0 };
      if (good === null && evidence.good() >= enoughForGood && totals.new >= 100) good = at + stretch * perUser;
    }
    if (found.judge && found.wilson && found.flagger) break;
  }
  return { ...found, good };
}

/** Newcombe's interval of a difference, from the Wilson intervals of both shares, with the confidence that the judge has: right at one look. */
function wilsonSaysBad({
  newFailed,
  new: fresh,
  oldFailed,
  old,
}: Record<"newFailed" | "new" | "oldFailed" | "old", number>): boolean {
  if (old === 0 || newFailed / fresh - oldFailed / old <= margin) return false;
  const confidence = 1 - 2 * Math.exp(-enoughForBad);
  const [ofNew, ofOld] = [wilsonInterval(newFailed, fresh, confidence), wilsonInterval(oldFailed, old, confidence)];
  const below = Math.hypot(ofNew.rate - ofNew.low, ofOld.high - ofOld.rate);
  return ofNew.rate - ofOld.rate - below > margin;
}

/**
 * The judge's bets, kept as running sums: a look costs as many exponentials as there are bets. A test compares them with the judge's own.
 * `weight` 1 stands for pairs: then the numbers are new failed, alike, old failed.
 */
export class Evidence {
  readonly #sides = { bad: new Bets("bad"), good: new Bets("good") };

  add(weight: number, newFailed: number, newAnswered: number, oldFailed: number, oldAnswered: number): void {
    this.#sides.bad.add(weight, newFailed, newAnswered, oldFailed, oldAnswered);
    this.#sides.good.add(weight, newFailed, newAnswered, oldFailed, oldAnswered);
  }

  bad(): number {
    return this.#sides.bad.log();
  }

  good(): number {
    return this.#sides.good.log();
  }
}

class Bets {
  readonly #side: "bad" | "good";
  readonly #logs: Float64Array;

  constructor(side: "bad" | "good") {
    this.#side = side;
    this.#logs = Float64Array.from(betsOn[side], ({ share }) => Math.log(share));
  }

  add(weight: number, newFailed: number, newAnswered: number, oldFailed: number, oldAnswered: number): void {
    const factors = factorsOf(this.#side, weight);
    for (let bet = 0; bet < this.#logs.length; bet += 1) {
      this.#logs[bet] =
        (this.#logs[bet] ?? 0) +
        newFailed * (factors[4 * bet] ?? 0) +
        newAnswered * (factors[4 * bet + 1] ?? 0) +
        oldFailed * (factors[4 * bet + 2] ?? 0) +
        oldAnswered * (factors[4 * bet + 3] ?? 0);
    }
  }

  log(): number {
    let most = Number.NEGATIVE_INFINITY;
    for (const log of this.#logs) if (log > most) most = log;
    let sum = 0;
    for (const log of this.#logs) sum += Math.exp(log - most);
    return most + Math.log(sum);
  }
}

const known = { bad: new Map<number, Float64Array>(), good: new Map<number, Float64Array>() };

/** What one request of each kind adds to each bet, by the judge's own function of one bet. */
function factorsOf(side: "bad" | "good", weight: number): Float64Array {
  let factors = known[side].get(weight);
  if (!factors) {
    const kinds = ["newFailed", "newAnswered", "oldFailed", "oldAnswered"] as const;
    const evidence = side === "bad" ? logEvidenceOfBad : logEvidenceOfGood;
    factors = Float64Array.from(
      betsOn[side].flatMap((bet) =>
        kinds.map((kind) => {
          const none = { newFailed: 0, newAnswered: 0, oldFailed: 0, oldAnswered: 0 };
          const routed = weight < 1 ? [{ weight, ...none, [kind]: 1 }] : [];
          const alike = weight === 1 && kind === "newAnswered" ? 1 : 0;
          const failed = (which: string) => (weight === 1 && kind === which ? 1 : 0);
          const pairs = { newFailed: failed("newFailed"), oldFailed: failed("oldFailed"), alike };
          return evidence({ routed, pairs }, margin, [{ ...bet, share: 1 }]);
        }),
      ),
    );
    known[side].set(weight, factors);
  }
  return factors;
}
