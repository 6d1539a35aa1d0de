import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { differenceBounds, logEvidenceOfBad, logEvidenceOfGood } from "../../../../src/domain/judgement/coin.ts";
import { logIncompleteBeta } from "../../../../src/domain/judgement/incompleteBeta.ts";
import {
  anytimeInterval,
  anytimeUpperBound,
  logEvidenceAbove,
  logEvidenceBelow,
} from "../../../../src/domain/judgement/share.ts";

const published = JSON.parse(readFileSync(new URL("../../../fixtures/judge/confseq.json", import.meta.url), "utf8"));
const noPairs = { newFailed: 0, oldFailed: 0, alike: 0 };

describe("bounds agree with confseq to 1e-6", () => {
  test("evidence that a share is above a limit", () => {
    for (const [limit, a, b, trials, hits, log] of published.betaBinomial.rows) {
      const own = logEvidenceAbove(hits, trials, limit, { a, b });
      expect(Math.abs(own - log) / Math.max(1, Math.abs(log)), `${hits} of ${trials} above ${limit}`).toBeLessThan(
        1e-6,
      );
    }
  });

  test("bets on the router's coin", () => {
    for (const [weight, margin, newFailed, newAnswered, oldFailed, oldAnswered, bad, good] of published.betting.rows) {
      const counts = { routed: [{ weight, newFailed, newAnswered, oldFailed, oldAnswered }], pairs: noPairs };
      expect(logEvidenceOfBad(counts, margin)).toBeCloseTo(bad, 6);
      expect(logEvidenceOfGood(counts, margin)).toBeCloseTo(good, 6);
    }
  });
});

describe("bounds of a share", () => {
  test("an incomplete beta function of whole numbers is a binomial tail", () => {
    const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k);
    for (const [n, k, x] of [
      [12, 3, 0.2],
      [30, 20, 0.5],
      [40, 39, 0.9],
    ] as const) {
      let tail = 0;
      for (let hits = k; hits <= n; hits += 1) tail += choose(n, hits) * x ** hits * (1 - x) ** (n - hits);
      const whole = logIncompleteBeta(k, n - k + 1, 1);
      expect(Math.exp(logIncompleteBeta(k, n - k + 1, x) - whole)).toBeCloseTo(tail, 10);
    }
  });

  test("enclose the share, are wider than at one look, and close with trials", () => {
    expect(anytimeInterval(0, 0, 0.05)).toEqual({ rate: 0, low: 0, high: 1 });
    expect(anytimeUpperBound(7, 7, 0.05)).toBe(1);
    const [few, many] = [anytimeInterval(5, 100, 0.05), anytimeInterval(500, 10_000, 0.05)];
    expect(few.low).toBeLessThan(0.05);
    expect(few.high).toBeGreaterThan(0.118);
    expect(many.low).toBeGreaterThan(few.low);
    expect(many.high).toBeLessThan(few.high);
    expect(anytimeInterval(0, 500, 0.05).low).toBe(0);
  });

  test("are where evidence reaches the risk", () => {
    const high = anytimeUpperBound(3, 1_000, 0.05);
    expect(logEvidenceBelow(3, 1_000, high)).toBeCloseTo(Math.log(20), 6);
  });

  // Exactly: every sequence of up to 14 trials, stopped where the evidence is enough.
  test.each([0.1, 0.5])("of trials with a share of %s, at most the risk ever seems above it", (share) => {
    const enough = Math.log(1 / 0.1);
    const everAbove = (trials: number, hits: number): number => {
      if (trials > 0 && logEvidenceAbove(hits, trials, share) >= enough) return 1;
      return trials === 14 ? 0 : share * everAbove(trials + 1, hits + 1) + (1 - share) * everAbove(trials + 1, hits);
    };
    const wrong = everAbove(0, 0);
    expect(wrong).toBeGreaterThan(0);
    expect(wrong).toBeLessThanOrEqual(0.1);
  });
});

describe("bounds by the router's coin", () => {
  // Exactly: every throw of 12 coins for fixed outcomes, stopped where the evidence is enough, with the weight changing halfway.
  test.each([0.05, 0.5])("hold for any fixed outcomes, at a weight of %s", (weight) => {
    const outcomes = [1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 1, 1];
    const enough = Math.log(1 / 0.05);
    const later = 0.5;
    const none = { newFailed: 0, newAnswered: 0, oldFailed: 0, oldAnswered: 0 };
    const everBad = (at: number, first: typeof none, second: typeof none): number => {
      const routed = [
        { weight, ...first },
        { weight: later, ...second },
      ];
      if (logEvidenceOfBad({ routed, pairs: noPairs }, 0) >= enough) return 1;
      if (at === outcomes.length) return 0;
      const isEarly = at < 6;
      const throwTo = (side: "new" | "old"): number => {
        const key = `${side}${outcomes[at] === 1 ? "Failed" : "Answered"}` as const;
        const now = isEarly ? first : second;
        const next = { ...now, [key]: now[key] + 1 };
        return isEarly ? everBad(at + 1, next, second) : everBad(at + 1, first, next);
      };
      const chance = isEarly ? weight : later;
      return chance * throwTo("new") + (1 - chance) * throwTo("old");
    };
    const wrong = everBad(0, none, none);
    expect(wrong).toBeGreaterThan(0);
    expect(wrong).toBeLessThanOrEqual(0.05);
  });

  test.each([0.01, 0.05, 0.1, 0.25, 0.5])(
    "ten failures in a row are bad at a weight of %s, with a quarter of half of 1 %",
    (weight) => {
      const oldAnswered = Math.round((10 * (1 - weight)) / weight);
      const oldFailed = Math.round(oldAnswered / 100);
      const counts = {
        routed: [{ weight, newFailed: 10, newAnswered: 0, oldFailed, oldAnswered: oldAnswered - oldFailed }],
        pairs: noPairs,
      };
      expect(logEvidenceOfBad(counts, 0.01)).toBeGreaterThan(Math.log(4 / 0.005));
    },
  );

  /** As docs/judge.md has them, with two metrics. */
  const enough = [
    [0.01, 2],
    [0.1, 3],
    [0.5, 6],
    [0.6, 8],
    [0.75, 12],
    [0.9, 28],
    [0.99, 198],
  ] as const;

  test.each(enough)("at a weight of %s it takes %s requests that all fail, and the page says so", (weight, most) => {
    const evidenceAt = (newFailed: number) => {
      const oldAnswered = Math.floor((newFailed * (1 - weight)) / weight);
      const routed = [{ weight, newFailed, newAnswered: 0, oldFailed: 0, oldAnswered }];
      return logEvidenceOfBad({ routed, pairs: noPairs }, 0.01);
    };
    expect(evidenceAt(most)).toBeGreaterThanOrEqual(Math.log(2 / 0.005));
    expect(evidenceAt(most - 1)).toBeLessThan(Math.log(2 / 0.005));
    const page = readFileSync(join(import.meta.dirname, "../../../../docs/judge.md"), "utf8");
    expect(page.replaceAll(/ +/g, " ")).toContain(`| ${weight * 100} % | ${most} |`);
  });

  test("ten pairs of which only the new version's fail are bad with half of half of 1 %", () => {
    const pairs = { newFailed: 10, oldFailed: 0, alike: 0 };
    expect(logEvidenceOfBad({ routed: [], pairs }, 0.01)).toBeGreaterThan(Math.log(2 / 0.005));
  });

  test("bounds of the difference enclose it", () => {
    const routed = [{ weight: 0.5, newFailed: 300, newAnswered: 4_700, oldFailed: 50, oldAnswered: 4_950 }];
    const { low, high } = differenceBounds({ routed, pairs: noPairs }, 0.01);
    expect(low).toBeGreaterThan(0.03);
    expect(low).toBeLessThan(0.05);
    expect(high).toBeGreaterThan(0.05);
    expect(high).toBeLessThan(0.07);
  });
});
