import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { differenceBounds, logEvidenceOfBad, logEvidenceOfGood } from "../../../../src/domain/judgement/coin.ts";
import { logIncompleteBeta } from "../../../../src/domain/judgement/incompleteBeta.ts";
import { type JudgeSettings, riskShareOf } from "../../../../src/domain/judgement/settings.ts";
import {
  anytimeInterval,
  anytimeUpperBound,
  logEvidenceAbove,
  logEvidenceBelow,
} from "../../../../src/domain/judgement/share.ts";

const published = JSON.parse(readFileSync(new URL("../../../fixtures/judge/confseq.json", import.meta.url), "utf8"));
const usual: JudgeSettings = { risk: 0.01, maxErrorIncrease: 0.01, maxMismatch: 0.02, minRequests: 100, control: 5 };
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

  const weights = [0.01, 0.1, 0.5, 0.6, 0.75, 0.9, 0.99];
  /** Of errors, of two declared metrics: what recordings may tell besides has its part of it. */
  const shareOfErrors = 0.005 * riskShareOf("errors", { ...usual, recorded: true });
  /** Requests of the old version beside so many of the new one, as the coin throws them on average. */
  const ofOld = (ofNew: number, weight: number) => Math.floor((ofNew * (1 - weight)) / weight + 1e-9);
  const least = (isEnough: (failed: number) => boolean): number => {
    let failed = 1;
    while (!isEnough(failed)) failed += 1;
    return failed;
  };
  const taken = (weight: number) =>
    least((newFailed) => {
      const oldAnswered = ofOld(newFailed, weight);
      const routed = [{ weight, newFailed, newAnswered: 0, oldFailed: 0, oldAnswered }];
      return logEvidenceOfBad({ routed, pairs: noPairs }, 0.01) >= -Math.log(shareOfErrors);
    });
  /**
   * Any rule that takes the new version back by then takes back one that is equal, for the same requests fail on whatever side, where the coin sends
   * those to the new version and all others to the old one.
   */
  const falseAlarm = (failed: number, weight: number) => weight ** failed * (1 - weight) ** ofOld(failed, weight);
  const fewest = (weight: number) => least((failed) => falseAlarm(failed, weight) <= shareOfErrors);

  test("docs/judge.md has how many requests of a version that fails them all it takes, and of any rule (UPDATE_GOLDENS=1 writes it)", () => {
    const page = join(import.meta.dirname, "../../../../docs/judge.md");
    const text = readFileSync(page, "utf8");
    const percent = (share: number) => (share < 1e-5 ? "under 0.001 %" : `${Number((share * 100).toPrecision(2))} %`);
    const lines = weights.map(
      (weight) => `| ${percent(weight)} | ${taken(weight)} | ${fewest(weight)} | ${percent(weight ** 10)} |`,
    );
    const head =
      "| Weight | It takes | No rule does with fewer than | Ten requests in a row are the new version's in |";
    const [begin, end] = ["<!-- requests of a version that fails them all -->\n", "<!-- requests: end -->"];
    const table = [head, "| --- | ---: | ---: | ---: |", ...lines].join("\n");
    const wanted = `${text.slice(0, text.indexOf(begin))}${begin}\n${table}\n\n${text.slice(text.indexOf(end))}`;
    if (process.env.UPDATE_GOLDENS) writeFileSync(page, wanted);
    const unpadded = (markdown: string) => markdown.replaceAll(/ +/g, " ").replaceAll(/-+/g, "-").replaceAll("-:", "-");
    if (!process.env.UPDATE_GOLDENS) expect(unpadded(text)).toBe(unpadded(wanted));
  });

  test("within ten at every weight up to 60 %; above it no rule can promise ten, and at 90 % none can do with ten", () => {
    for (const weight of weights) {
      expect(taken(weight)).toBeGreaterThanOrEqual(fewest(weight));
      if (weight <= 0.6) expect(taken(weight)).toBeLessThanOrEqual(10);
      // Whatever the coin throws: also where the first ten are all the new version's.
      else expect(weight ** 10).toBeGreaterThan(shareOfErrors);
    }
    expect(fewest(0.9)).toBeGreaterThan(10);
  });

  test("ten pairs of which only the new version's fail are bad with half of half of 1 %", () => {
    const pairs = { newFailed: 10, oldFailed: 0, alike: 0 };
    expect(logEvidenceOfBad({ routed: [], pairs }, 0.01)).toBeGreaterThan(-Math.log(shareOfErrors));
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
