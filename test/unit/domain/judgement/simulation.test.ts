import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { logEvidenceOfBad, logEvidenceOfGood } from "../../../../src/domain/judgement/coin.ts";
import type { Metric } from "../../../../src/domain/judgement/settings.ts";
import {
  type ErrorResult,
  type ErrorScenario,
  Evidence,
  enoughForBad,
  errorRollout,
  margin,
  type Rule,
  risk,
} from "../../../support/judge/errorRollout.ts";
import { type FoldResult, type FoldScenario, foldRollout } from "../../../support/judge/foldRollout.ts";
import { latencyRollout, maxMismatch, mismatchRollout } from "../../../support/judge/otherRollouts.ts";
import { binomial, randomOf } from "../../../support/judge/random.ts";
import {
  atMargin,
  beyondMargin,
  countedWrongly,
  equalVersions,
  withinMargin,
} from "../../../support/judge/scenarios.ts";
import {
  alarmHead,
  alarmLine,
  binomialTail,
  errorHead,
  errorLine,
  isGood,
  share,
} from "../../../support/judge/table.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

const rollouts = wholeMatrix ? 10_000 : 1_000;
/** They cost a tenth of a second each. */
const foldRollouts = wholeMatrix ? 1_000 : 20;
/** The risk of one of four metrics in the first judgement. */
const metricRisk = Math.exp(-enoughForBad);
const otherLines: string[] = [];

function every<Result>(run: (seed: number) => Result): Result[] {
  return Array.from({ length: rollouts }, (_, seed) => run(seed));
}

const errorResults = new Map<string, readonly ErrorResult[]>();

function errorsOf(scenario: ErrorScenario) {
  const results = errorResults.get(scenario.name) ?? every((seed) => errorRollout(scenario, seed));
  errorResults.set(scenario.name, results);
  const taken = (rule: Rule) => results.filter((result) => result[rule] !== null).length;
  return { results, taken };
}

/** So many false alarms are improbable, at one in a thousand, where each has at most the risk. */
function expectWithinRisk(alarms: number, atMost: number): void {
  expect(binomialTail(alarms, rollouts, atMost), `${alarms} of ${rollouts}, ${atMost} allowed`).toBeGreaterThan(0.001);
}

function expectAboveRisk(alarms: number, allowed: number): void {
  expect(binomialTail(alarms, rollouts, allowed), `${alarms} of ${rollouts}`).toBeLessThan(0.001);
}

// They compute for as long as the machine takes.
const timeout = 3_600_000;

describe(`${rollouts} rollouts of up to 100,000 requests, judged after each`, { timeout }, () => {
  test.each(equalVersions)("$name: not taken back, beyond the risk", (scenario) => {
    const { taken } = errorsOf(scenario);
    expectWithinRisk(taken("judge"), metricRisk);
  });

  test("errors within the margin are good, and not taken back", () => {
    const { results, taken } = errorsOf(withinMargin);
    expectWithinRisk(taken("judge"), metricRisk);
    expect(results.filter(isGood).length).toBeGreaterThan(0.8 * rollouts);
  });

  test("errors at the margin are neither, beyond the risks", () => {
    const { results, taken } = errorsOf(atMargin);
    expectWithinRisk(taken("judge"), metricRisk);
    expectWithinRisk(results.filter(isGood).length, risk / 2);
  });

  test.each(beyondMargin)("$name: taken back, never good beyond the risk", (scenario) => {
    const { results, taken } = errorsOf(scenario);
    expect(taken("judge")).toBeGreaterThan(0.9 * rollouts);
    expectWithinRisk(results.filter(isGood).length, risk / 2);
  });

  test("a version that fails every request harms ten requests at most", () => {
    const scenario = beyondMargin.at(-1);
    if (!scenario) throw new Error("no scenario");
    const harmed = errorsOf(scenario).results.map(({ judge }) => judge?.harmed ?? 1_000);
    expect(Math.max(...harmed)).toBeLessThanOrEqual(10);
  });

  test("a Wilson interval at every look takes equal versions back far more often than the risk", () => {
    for (const scenario of equalVersions.slice(0, 4)) {
      const alarms = errorsOf(scenario).results.filter(({ wilson }) => wilson && wilson.requests <= 60_000);
      expectAboveRisk(alarms.length, metricRisk);
    }
  });

  test("requests of users who keep their side must not be counted as if each had its coin", () => {
    const { taken } = errorsOf(countedWrongly);
    expectAboveRisk(taken("judge"), metricRisk);
  });

  test.each([
    { name: "pairs that differ: 1 %", rate: () => () => 0.01, expected: "good" },
    { name: "pairs that differ: 2 % (the limit)", rate: () => () => maxMismatch, expected: "neither" },
    {
      name: "pairs that differ: 1 %, in bursts",
      rate: () => (pair: number) => (pair % 5_000 > 4_500 ? 0.1 : 0),
      expected: "good",
    },
    { name: "pairs that differ: 5 %", rate: () => () => 0.05, expected: "bad" },
  ])("$name: $expected", ({ name, rate, expected }) => {
    const results = every((seed) => mismatchRollout(rate, seed));
    expectOther(name, results, expected, "pairs");
  });

  test.each([
    { name: "median latency 1 time", quantile: 0.5, times: 1, expected: "good" },
    { name: "median latency 1.2 times", quantile: 0.5, times: 1.2, expected: "good" },
    { name: "median latency 2 times", quantile: 0.5, times: 2, expected: "bad" },
    // Of a twentieth of the requests, the same number says less.
    { name: "p95 1 time", quantile: 0.95, times: 1, expected: "good", atLeast: 0.8 },
    { name: "p95 1.2 times", quantile: 0.95, times: 1.2, expected: "good", atLeast: 0.4 },
    { name: "p95 2 times", quantile: 0.95, times: 2, expected: "bad", atLeast: 0.25 },
    { name: "p95 3 times", quantile: 0.95, times: 3, expected: "bad", atLeast: 0.8 },
  ] as const)("$name: $expected", ({ name, expected, ...scenario }) => {
    const results = every((seed) => latencyRollout(scenario, seed));
    expectOther(name, results, expected, "requests", "atLeast" in scenario ? scenario.atLeast : undefined);
  });

  function expectOther(
    name: string,
    results: readonly { readonly bad: number | null; readonly good: boolean }[],
    expected: string,
    unit: string,
    atLeast = 0.95,
  ): void {
    const bad = results.flatMap((result) => result.bad ?? []).sort((a, b) => a - b);
    const good = results.filter((result) => result.good && result.bad === null).length;
    const at = (quantile: number) => (bad[Math.floor(quantile * (bad.length - 1))] ?? 0).toLocaleString("en-US");
    const when = bad.length === 0 ? "" : `; after ${at(0.5)}, ${at(0.95)} ${unit}`;
    otherLines.push(`| ${name} | ${share(bad.length, rollouts)}${when} | ${share(good, rollouts)} |`);
    if (expected === "bad") expect(bad.length).toBeGreaterThan(atLeast * rollouts);
    else expectWithinRisk(bad.length, metricRisk);
    if (expected === "good") expect(good).toBeGreaterThan(atLeast * rollouts);
    else expectWithinRisk(good, risk / 2);
  }

  test("docs/judge.md has this table (UPDATE_GOLDENS=1 writes it)", () => {
    const page = new URL("../../../../docs/judge.md", import.meta.url);
    const text = readFileSync(page, "utf8");
    const all = [...errorResults];
    const table = wholeMatrix
      ? [alarmHead, ...all.map(([name, results]) => alarmLine(name, results, metricRisk))]
      : [errorHead, ...all.map(([name, results]) => errorLine(name, results))];
    const others = ["", "| Rollouts | Judge says bad | Judge says good |", "| --- | --- | --- |", ...otherLines];
    const mark = `simulation of ${rollouts.toLocaleString("en-US")}`;
    const [begin, end] = [`<!-- ${mark} -->\n`, `<!-- ${mark}: end -->`];
    const written = [...table, ...others].join("\n");
    const wanted = `${text.slice(0, text.indexOf(begin))}${begin}\n${written}\n\n${text.slice(text.indexOf(end))}`;
    if (process.env.UPDATE_GOLDENS) writeFileSync(page, wanted);
    // The page is formatted: cells have spaces.
    const unpadded = (markdown: string) => markdown.replaceAll(/ +/g, " ").replaceAll(/-+/g, "-");
    if (!process.env.UPDATE_GOLDENS) expect(unpadded(text)).toBe(unpadded(wanted));
  });
});

describe(`${foldRollouts} rollouts of 40,000 requests through the judge's own fold, with four metrics at once`, {
  timeout,
}, () => {
  const found = new Map<string, readonly FoldResult[]>();
  const results = (scenario: FoldScenario) => {
    const known =
      found.get(scenario.name) ?? Array.from({ length: foldRollouts }, (_, seed) => foldRollout(scenario, seed));
    found.set(scenario.name, known);
    return known;
  };

  test.each<FoldScenario>([
    { name: "equal versions" },
    { name: "equal, outages of both", outages: true },
    { name: "errors +1 point (the margin)", moreErrors: margin },
    { name: "pairs that differ: 2 % (the limit)", mismatches: maxMismatch },
    { name: "latency 1.2 times", times: 1.2 },
  ])("$name: not taken back, beyond the risk of the whole judgement", (scenario) => {
    const alarms = results(scenario).filter(({ bad }) => bad !== null).length;
    expect(binomialTail(alarms, foldRollouts, risk / 2), `${alarms} of ${foldRollouts}`).toBeGreaterThan(0.001);
  });

  test("equal versions are good in the end", () => {
    const good = results({ name: "equal versions" }).filter((result) => result.good).length;
    expect(good).toBeGreaterThan(0.8 * foldRollouts);
  });

  test.each<[FoldScenario, Metric]>([
    [{ name: "errors +5 points", moreErrors: 0.05 }, "errors"],
    [{ name: "pairs that differ: 10 %", mismatches: 0.1 }, "mismatch"],
    [{ name: "latency 3 times", times: 3 }, "p50"],
  ])("taken back: %o, for %s", (scenario, metric) => {
    const found = results(scenario).filter(({ bad }) => bad?.includes(metric)).length;
    expect(found).toBeGreaterThan(0.95 * foldRollouts);
  });
});

test("running sums of bets are the judge's own bounds", () => {
  const random = randomOf(1);
  const evidence = new Evidence();
  const weights = [0.01, 0.1, 0.5] as const;
  const routed = weights.map((weight) => {
    const counts = {
      weight,
      newFailed: binomial(random, 40, 0.3),
      newAnswered: binomial(random, 4_000, weight),
      oldFailed: binomial(random, 400, 0.1),
      oldAnswered: binomial(random, 4_000, 1 - weight),
    };
    evidence.add(weight, counts.newFailed, counts.newAnswered, counts.oldFailed, counts.oldAnswered);
    return counts;
  });
  const pairs = { newFailed: 7, alike: 500, oldFailed: 3 };
  evidence.add(1, pairs.newFailed, pairs.alike, pairs.oldFailed, 0);
  expect(evidence.bad()).toBeCloseTo(logEvidenceOfBad({ routed, pairs }, margin), 6);
  expect(evidence.good()).toBeCloseTo(logEvidenceOfGood({ routed, pairs }, margin), 6);
});
