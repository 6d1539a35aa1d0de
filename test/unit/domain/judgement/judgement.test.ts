import { describe, expect, test, vi } from "vitest";
import { beginJudgement, foldRow } from "../../../../src/domain/judgement/judgement.ts";
import {
  isFailure,
  type JudgementRow,
  type PairsRow,
  type RecordedRow,
  type RoutedRow,
  type SideCounts,
} from "../../../../src/domain/judgement/rows.ts";
import { type JudgeSettings, metricsOf, riskShareOf } from "../../../../src/domain/judgement/settings.ts";
import type { Judgement } from "../../../../src/domain/judgement/state.ts";
import { verdictOf } from "../../../../src/domain/judgement/verdict.ts";
import { randomOf } from "../../../support/judge/random.ts";

const settings: JudgeSettings = { risk: 0.01, maxErrorIncrease: 0.01, minRequests: 100, control: 5 };

function side(requests: number, failed = 0, more: Partial<SideCounts> = {}): SideCounts {
  return { requests, failed, timed: [], ...more };
}

function routed(weight: number | null, ofNew: SideCounts, ofOld: SideCounts, second = 0): RoutedRow {
  return { kind: "routed", second, path: "route", weight, new: ofNew, old: ofOld };
}

function pairs(more: Partial<PairsRow>): PairsRow {
  const none = { newFailed: 0, oldFailed: 0, bothFailed: 0, neitherFailed: 0, compared: 0, mismatches: 0 };
  return { kind: "pairs", second: 0, ...none, newTimed: [], oldTimed: [], ...more };
}

function fold(rows: readonly JudgementRow[], by = settings, from = beginJudgement(by.risk)): Judgement {
  return rows.reduce((judgement, row) => foldRow(judgement, row, by), from);
}

function took(milliseconds: number, count: number) {
  return [{ atLeast: milliseconds, atMost: milliseconds, count }];
}

describe("a rollout's errors", () => {
  test("a row costs the same after 100,000 as after 1,000: the state has as many numbers, and a decision takes as many logarithms", () => {
    const by: JudgeSettings = {
      ...settings,
      recorded: true,
      maxMismatch: 0.02,
      maxLatencyRatio: { p50: 1.5, p95: 2 },
    };
    const random = randomOf(7);
    const answered = () => side(10, Number(random() < 0.05), { timed: took(20 + 100 * random(), 10) });
    const row = (_: unknown, place: number): JudgementRow => {
      if (place % 3 === 0) return routed(0.5, answered(), answered());
      if (place % 3 === 1) return pairs({ neitherFailed: 9, newFailed: Number(random() < 0.01), compared: 9 });
      const open = { new: took(900, 1), old: [] };
      return { kind: "recorded", second: place, weight: 0.5, new: answered(), old: answered(), open };
    };
    const numbers = (value: unknown): number =>
      typeof value === "object" && value !== null
        ? Object.values(value).reduce((sum: number, each) => sum + numbers(each), 0)
        : 1;
    const logarithms = vi.spyOn(Math, "log");
    const cost = (from: Judgement) => {
      logarithms.mockClear();
      const judgement = fold(Array.from({ length: 100 }, row), by, from);
      return { judgement, logarithms: logarithms.mock.calls.length, numbers: numbers(judgement) };
    };
    const early = cost(fold(Array.from({ length: 900 }, row), by));
    const late = cost(fold(Array.from({ length: 98_900 }, row), by, early.judgement));
    logarithms.mockRestore();
    expect(late.judgement.decided).toBeNull();
    expect(late.numbers).toBe(early.numbers);
    expect(late.logarithms).toBeLessThanOrEqual(2 * early.logarithms);
  });

  test("a version that fails every request is bad within ten, however small its weight, long before minRequests", () => {
    for (const weight of [0.01, 0.1, 0.5]) {
      let judgement = beginJudgement(settings.risk);
      let failed = 0;
      while (!judgement.decided && failed < 50) {
        failed += 1;
        judgement = foldRow(judgement, routed(weight, side(1, 1), side(Math.round(1 / weight) - 1)), settings);
      }
      expect(failed, `at ${weight}`).toBeLessThanOrEqual(10);
      expect(judgement.decided?.decision).toBe("bad");
      expect(judgement.decided?.because[0]).toMatch(/^errors \d+ of \d+ against 0 of \d+, at least .* points more/);
    }
  });

  test("equal versions are good after enough requests on both sides, and undecided before, with what is missing", () => {
    const few = fold([routed(0.5, side(99), side(120))]);
    expect(verdictOf(few, settings)).toMatchObject({
      decision: "undecided",
      because: [expect.stringContaining("at least 100 are needed on each side")],
    });
    const many = fold([routed(0.5, side(3_000, 10), side(3_000, 10))]);
    expect(verdictOf(many, settings)).toMatchObject({ decision: "good", because: [] });
  });

  test("sides are compared within a weight: an outage of both while the new version had 1 % is not held against it", () => {
    // Of all requests, 4.9 % of the new version's failed and 33.7 % of the old one's; within each weight they are alike, or worse.
    const rows = [routed(0.01, side(10, 5), side(990, 495)), routed(0.5, side(500, 20), side(500, 0))];
    expect(verdictOf(fold(rows), settings).metrics[0]?.sentence).toContain("errors 25 of 510 against 495 of 1,490");
    const worse = [
      routed(0.01, side(10, 5), side(990, 495)),
      ...Array.from({ length: 20 }, () => routed(0.5, side(500, 50), side(500))),
    ];
    expect(verdictOf(fold(worse), settings).decision).toBe("bad");
  });

  test("both versions failing alike are held, and the verdict says so", () => {
    const verdict = verdictOf(fold([routed(0.5, side(2_000, 1_000), side(2_000, 1_000))]), settings);
    expect(verdict.decision).toBe("undecided");
    expect(verdict.because).toContain("both versions fail: errors 1,000 of 2,000 against 1,000 of 2,000");
  });

  test("a second in which the weight changed counts for no comparison", () => {
    const judgement = fold([routed(null, side(500, 500), side(500))]);
    expect(judgement.decided).toBeNull();
    expect(judgement.errors.routed).toEqual([]);
    expect(judgement.total.new).toEqual({ requests: 500, failed: 500 });
  });

  test("no traffic is undecided, and so is a request an hour", () => {
    expect(verdictOf(fold([]), settings).decision).toBe("undecided");
    expect(verdictOf(fold([routed(0.1, side(1), side(0))]), settings).decision).toBe("undecided");
  });

  test.each([
    [200, false],
    [400, true],
    [401, false],
    [403, false],
    [404, false],
    [422, true],
    [429, false],
    [500, true],
    [504, true],
  ])("status %s is a failure of the version: %s", (status, expected) => {
    expect(isFailure(status)).toBe(expected);
  });
});

describe("what is not known", () => {
  test("a missing source is undecided by name, also while the new version fails; what it tells later counts", () => {
    const failing = routed(0.5, side(10, 10), side(10));
    const held = fold([{ kind: "source", source: "gateway pod ingress-5d8f", isMissing: true }, failing, failing]);
    expect(verdictOf(held, settings).decision).toBe("undecided");
    expect(verdictOf(held, settings).because[0]).toBe("gateway pod ingress-5d8f does not report");
    const back = fold(
      [{ kind: "source", source: "gateway pod ingress-5d8f", isMissing: false }, failing],
      settings,
      held,
    );
    expect(back.decided?.decision).toBe("bad");
  });

  test("a share that the router's coin cannot give is undecided, whatever else is counted", () => {
    const judgement = fold([routed(0.5, side(99, 50), side(5_000))]);
    expect(verdictOf(judgement, settings).because[0]).toBe(
      "the new version got 99 of 5,099 requests at a weight of 50 %",
    );
    expect(judgement.decided).toBeNull();
  });

  test("without a control only maxErrors is judged", () => {
    const by = { ...settings, control: 0, maxErrors: 0.05, maxMismatch: 0.02 };
    const failing = verdictOf(fold([routed(1, side(10, 10), side(0))], by), by);
    expect(failing).toMatchObject({ decision: "bad", notes: ["no control"] });
    expect(failing.metrics.map(({ metric }) => metric)).toEqual(["maxErrors"]);
    const healthy = verdictOf(fold([routed(1, side(2_000, 10), side(0))], by), by);
    expect(healthy).toMatchObject({ decision: "good", notes: ["no control"] });
    const nothing = { ...settings, control: 0 };
    expect(verdictOf(fold([routed(1, side(10, 10), side(0))], nothing), nothing)).toMatchObject({
      decision: "undecided",
      because: ["no control, and no maxErrors: nothing is judged"],
    });
  });
});

describe("pairs", () => {
  test("at full weight the mirrored control shows a version that fails every request within ten pairs", () => {
    const by = { ...settings, maxMismatch: 0.02 };
    const judgement = fold(
      [routed(1, side(200, 200), side(0)), pairs({ newFailed: 10, compared: 10, mismatches: 10 })],
      by,
    );
    expect(judgement.decided?.decision).toBe("bad");
    expect(judgement.total.old).toEqual({ requests: 10, failed: 0 });
  });

  test("below full weight a rollout without a pair may be good, and says that answers are not compared yet", () => {
    const by = { ...settings, maxMismatch: 0.02 };
    const verdict = verdictOf(fold([routed(0.5, side(3_000), side(3_000))], by), by);
    expect(verdict).toMatchObject({
      decision: "good",
      notes: ["answers are compared once the new version answers all requests"],
    });
    expect(verdictOf(fold([routed(1, side(3_000), side(0))], by), by).decision).toBe("undecided");
  });

  test("mismatches above the limit are bad, few of them good", () => {
    const by = { ...settings, maxMismatch: 0.02 };
    const healthy = [
      routed(0.5, side(3_000), side(3_000)),
      pairs({ compared: 2_000, mismatches: 10, neitherFailed: 2_000 }),
    ];
    expect(verdictOf(fold(healthy, by), by).decision).toBe("good");
    expect(fold([pairs({ compared: 100, mismatches: 20, neitherFailed: 100 })], by).decided?.because).toEqual([
      expect.stringMatching(/^20 of 100 pairs differ, at least .* %, 2 % is allowed$/),
    ]);
  });
});

describe("latency", () => {
  const by: JudgeSettings = { ...settings, maxLatencyRatio: { p50: 1.5, p95: 2 } };
  const healthy = (more: Partial<SideCounts>) => side(2_000, 0, { timed: took(100, 2_000), pods: 2, ...more });

  test("twice as slow is bad for the median, equal is good, and coarse buckets decide less", () => {
    const slow = fold([routed(0.5, healthy({ timed: took(200, 2_000) }), healthy({}))], by);
    expect(slow.decided?.because).toEqual(["p50 is more than 1.5 times the old version's"]);
    const equal = fold([routed(0.5, healthy({}), healthy({}))], by);
    expect(verdictOf(equal, by).metrics).toMatchObject([
      { metric: "errors", decision: "good" },
      { metric: "p50", decision: "good" },
      { metric: "p95", decision: "good" },
    ]);
    const coarse = [{ atLeast: 100, atMost: 250, count: 2_000 }];
    const unknown = fold([routed(0.5, healthy({ timed: coarse }), healthy({ timed: coarse }))], by);
    expect(unknown.decided).toBeNull();
    expect(verdictOf(unknown, by).metrics[1]?.decision).toBe("undecided");
  });

  test("requests that have not ended count as at least their age", () => {
    const stuck = [{ atLeast: 5_000, atMost: Number.POSITIVE_INFINITY, count: 300 }];
    expect(fold([routed(0.5, healthy({ timed: stuck }), healthy({}))], by).decided?.decision).toBe("bad");
  });

  test("begins again where the weight changes, with less of the risk", () => {
    const judgement = fold([routed(0.1, healthy({}), healthy({})), routed(0.5, side(1), side(1))], by);
    expect(judgement.latency).toMatchObject({ under: 0.5, number: 2, load: { new: { requests: 0 } } });
    expect(judgement.latency.counts.p50.fresh.surely.reduce((sum, each) => sum + each, 0)).toBe(0);
  });

  test("where load differs more than twofold it cannot be bad, and says so", () => {
    const slow = routed(0.5, healthy({ timed: took(900, 2_000), pods: 1 }), healthy({ pods: 3 }));
    const judgement = fold([slow], by);
    expect(judgement.decided).toBeNull();
    const verdict = verdictOf(judgement, by);
    expect(verdict).toMatchObject({
      decision: "undecided",
      notes: ["whole stream", "no warm-up", "load differs"],
    });
    expect(verdict.because[0]).toBe("p50: load differs, requests per pod are over twice as many on one side");
    // Errors are judged whatever the load is.
    expect(fold([routed(0.5, side(20, 20, { pods: 1 }), side(20, 0, { pods: 3 }))], by).decided?.decision).toBe("bad");
  });

  test("of copies, those of the old version's pods count for its load", () => {
    const seconds = (oldPods: number) => [
      routed(1, side(2_000, 0, { pods: 4 }), side(0, 0, { pods: oldPods })),
      pairs({ weight: 1, neitherFailed: 1_000, newTimed: took(900, 1_000), oldTimed: took(100, 1_000) }),
    ];
    expect(fold(seconds(2), by).decided?.because[0]).toMatch(/^p50 is more than/);
    expect(verdictOf(fold(seconds(5), by), by).notes).toEqual(["load differs"]);
  });

  test("is neither bad nor good where nobody counted the pods, and the verdict says so", () => {
    for (const times of [1, 9]) {
      const timed = took(100 * times, 2_000);
      const unknown = fold([routed(0.5, healthy({ timed, pods: undefined }), healthy({ pods: undefined }))], by);
      expect(verdictOf(unknown, by)).toMatchObject({
        decision: "undecided",
        because: [
          "p50: the pods of both versions were not counted under this weight",
          "p95: the pods of both versions were not counted under this weight",
        ],
      });
    }
  });
});

describe("requests that the coin drew and recorders stored", () => {
  const by: JudgeSettings = { ...settings, recorded: true, maxMismatch: 0.02, maxLatencyRatio: { p50: 1.5 } };
  const recorded = (weight: number, ofNew: SideCounts, ofOld: SideCounts, more: Partial<RecordedRow> = {}) =>
    ({ kind: "recorded", second: 0, weight, new: ofNew, old: ofOld, ...more }) satisfies RecordedRow;
  const timedSide = (milliseconds: number, count = 1_000) => side(count, 0, { timed: took(milliseconds, count) });
  /** As gateways count them. */
  const answered = routed(0.5, side(2_000, 0, { pods: 2 }), side(2_000, 0, { pods: 2 }));
  const seen = ({ latency: { counts } }: Judgement) => ({
    new: counts.p50.fresh.surely.reduce((sum, each) => sum + each, 0),
    old: counts.p50.old.surely.reduce((sum, each) => sum + each, 0),
  });

  test("an error inside a stream of 200 is bad, which no gateway sees", () => {
    const judgement = fold([answered, recorded(0.5, side(100, 40), side(100))], by);
    expect(judgement.decided?.because).toEqual([
      expect.stringMatching(
        /^errors in recordings 40 of 100 against 0 of 100, at least .* more, 1.0 points are allowed$/,
      ),
    ]);
    // Both count the same requests: they are not added.
    expect(judgement.total.new).toEqual({ requests: 2_000, failed: 0 });
    expect(judgement.errors.routed).toHaveLength(1);
  });

  test("errors and errors in recordings have the share of one metric", () => {
    const metrics = metricsOf(by);
    expect(metrics).toEqual(["errors", "streams", "mismatch", "p50"]);
    const shares = metrics.map((metric) => riskShareOf(metric, by));
    expect(shares.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 12);
    expect((shares[0] ?? 0) + (shares[1] ?? 0)).toBeCloseTo(1 / 3, 12);
    // As many pairs as without.
    const failing = pairs({ newFailed: 10, neitherFailed: 0 });
    const { maxLatencyRatio: _, ...errorsAndAnswers } = by;
    expect(fold([routed(1, side(200, 200), side(0)), failing], errorsAndAnswers).decided?.decision).toBe("bad");
  });

  test("latency is theirs, until the first token, and the gateway's is not looked at", () => {
    const slowAtGateway = routed(
      0.5,
      side(2_000, 0, { pods: 2, timed: took(9_000, 2_000) }),
      side(2_000, 0, { pods: 2 }),
    );
    const same = fold([slowAtGateway, recorded(0.5, timedSide(100), timedSide(100))], by);
    expect(seen(same)).toEqual({ new: 1_000, old: 1_000 });
    expect(verdictOf(same, by).notes).not.toContain("whole stream");
    const slow = fold([answered, recorded(0.5, timedSide(200), timedSide(100))], by);
    expect(slow.decided?.because).toEqual(["p50 is more than 1.5 times the old version's"]);
  });

  test("one that has not ended counts as at least its age, once, and as what it took when it is over", () => {
    const hanging = recorded(0.5, timedSide(100, 700), timedSide(100, 1_000), {
      open: { new: [{ atLeast: 5_000, count: 300 }], old: [] },
    });
    const first = fold([answered, hanging], by);
    expect(seen(first)).toEqual({ new: 1_000, old: 1_000 });
    expect(first.decided).toBeNull();
    const later = recorded(0.5, side(0), side(0), { open: { new: [{ atLeast: 9_000, count: 300 }], old: [] } });
    const again: Judgement = JSON.parse(JSON.stringify(fold([later], by, first)));
    expect(seen(again)).toEqual({ new: 1_000, old: 1_000 });
    const over = fold([recorded(0.5, timedSide(100, 300), side(0), { open: { new: [], old: [] } })], by, again);
    const plain = fold([answered, recorded(0.5, timedSide(100), timedSide(100))], by);
    expect(over.latency).toEqual(plain.latency);
    // More than half of them: the median is one of them, whatever they will have taken.
    const most = recorded(0.5, timedSide(100, 200), timedSide(100, 1_000), {
      open: { new: [{ atLeast: 5_000, count: 800 }], old: [] },
    });
    expect(fold([answered, most], by).decided?.because).toEqual(["p50 is more than 1.5 times the old version's"]);
    // Of the old version it says nothing for the new one.
    const ofOld = recorded(0.5, timedSide(100), timedSide(100, 200), {
      open: { new: [], old: [{ atLeast: 5_000, count: 800 }] },
    });
    expect(fold([answered, ofOld], by).decided).toBeNull();
  });

  test("durations of an earlier weight come too late, and errors do not", () => {
    const later = routed(0.1, side(100, 0, { pods: 1 }), side(900, 0, { pods: 9 }));
    const judgement = fold([answered, later, recorded(0.5, timedSide(200), timedSide(100))], by);
    expect(seen(judgement)).toEqual({ new: 0, old: 0 });
    expect(judgement.recorded).toEqual([
      { weight: 0.5, newFailed: 0, newAnswered: 1_000, oldFailed: 0, oldAnswered: 1_000 },
    ]);
  });

  test.each([
    {
      gap: recorded(0.5, side(10, 10), side(400)),
      says: "the new version got 10 of 410 recorded requests at a weight of 50 %",
    },
    {
      gap: recorded(0.5, side(300, 150, { timed: took(900, 300) }), side(300, 0, { timed: took(100, 300) }), {
        lost: 3,
      }),
      says: "the recorders lost the records of 3 requests",
    },
  ])("where records are missing the judge says so, and judges what gateways count: $says", ({ gap, says }) => {
    const judgement = fold([answered, gap], by);
    expect(judgement.decided).toBeNull();
    const verdict = verdictOf(judgement, by);
    expect(verdict.decision).toBe("undecided");
    expect(verdict.because).toContain(says);
    const failing = fold([routed(0.5, side(200, 200, { pods: 1 }), side(200, 0, { pods: 1 }))], by, judgement);
    expect(failing.decided?.because).toEqual([expect.stringMatching(/^errors 200 of/)]);
    // Pairs have both of their records.
    const at100 = fold(
      [routed(1, side(9_000), side(0)), pairs({ weight: 1, neitherFailed: 3_000, compared: 3_000 })],
      { ...by, maxLatencyRatio: undefined },
      judgement,
    );
    expect(verdictOf(at100, { ...by, maxLatencyRatio: undefined }).decision).toBe("good");
  });

  test("are good once there are enough of them, and are not looked for where one version answers all", () => {
    const { maxLatencyRatio: _, ...errorsAlone } = by;
    const without = fold([answered], errorsAlone);
    expect(verdictOf(without, errorsAlone).because).toEqual([expect.stringMatching(/^errors in recordings 0 of 0/)]);
    const good = fold([recorded(0.5, side(2_000), side(2_000))], errorsAlone, without);
    expect(verdictOf(good, errorsAlone).decision).toBe("good");
    const full = fold([routed(1, side(9_000), side(0))], errorsAlone, without);
    expect(verdictOf(full, errorsAlone).because.join()).not.toContain("recordings");
  });

  test("what comes after the decision is counted by gateways alone", () => {
    const decided = fold([routed(0.5, side(20, 20), side(20))], by);
    expect(fold([recorded(0.5, side(9, 9), side(9))], by, decided)).toEqual(decided);
  });
});

describe("a judgement", () => {
  test("stays as it was decided; what comes later is apart", () => {
    const decided = fold([routed(0.5, side(20, 20), side(20))]);
    const later = fold([routed(0.5, side(5_000), side(5_000, 2_000))], settings, decided);
    expect(verdictOf(later, settings)).toEqual(decided.decided);
    expect(later.afterDecision).toEqual({
      new: { requests: 5_000, failed: 0 },
      old: { requests: 5_000, failed: 2_000 },
    });
  });

  test("the next ones have half of what is left of the risk each", () => {
    let judgement = beginJudgement(0.01);
    const risks = [judgement.risk];
    for (let more = 0; more < 30; more += 1) {
      judgement = beginJudgement(0.01, judgement);
      risks.push(judgement.risk);
    }
    expect(risks.slice(0, 3)).toEqual([0.005, 0.0025, 0.00125]);
    expect(risks.reduce((sum, risk) => sum + risk, 0)).toBeLessThan(0.01);
  });

  test("killed after any row and read from JSON, it ends with the same verdict", () => {
    const by: JudgeSettings = { ...settings, maxLatencyRatio: { p50: 1.5, p95: 2 }, maxMismatch: 0.02 };
    const random = randomOf(3);
    const few = (most: number) => Math.floor(random() * most);
    const rows = Array.from({ length: 60 }, (_, second): JudgementRow => {
      const kind = random();
      if (kind < 0.1) return { kind: "source", source: `pod ${few(2)}`, isMissing: random() < 0.3 };
      if (kind < 0.3)
        return pairs({ second, newFailed: few(2), neitherFailed: few(9), compared: few(9), mismatches: few(2) });
      const requests = 5 + few(20);
      const failing = second > 40 ? few(requests) : few(2);
      return routed(
        second < 20 ? 0.1 : 0.5,
        side(requests, failing, { timed: took(100 + few(900), requests), pods: 1 }),
        side(second < 20 ? 9 * requests : requests, few(2), { timed: took(100 + few(90), requests), pods: 1 + few(9) }),
        second,
      );
    });
    const whole = fold(rows, by);
    expect(whole.decided?.decision).toBe("bad");
    for (let killed = 0; killed <= rows.length; killed += 1) {
      const stored: Judgement = JSON.parse(JSON.stringify(fold(rows.slice(0, killed), by)));
      expect(fold(rows.slice(killed), by, stored)).toEqual(whole);
    }
  });
});
