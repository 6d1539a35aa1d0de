import { describe, expect, it } from "vitest";
import { difference, type EndedAs, type GatewaySnapshot } from "../../../../src/domain/traffic/counters.ts";
import { coverage, coverageOfEnds, silentSources } from "../../../../src/domain/traffic/coverage.ts";
import {
  bucketOf,
  emptyLatency,
  latencyBounds,
  latencyOf,
  latencyQuantile,
  timed,
} from "../../../../src/domain/traffic/latency.ts";
import { outcomeOf, outcomeOfEnd } from "../../../../src/domain/traffic/outcome.ts";
import { length, spread, union, within, without } from "../../../../src/domain/traffic/seconds.ts";
import { pathTraffic, summarize, type TrafficRow } from "../../../../src/domain/traffic/traffic.ts";

const interval = (since: number, until: number) => ({ since, until });

describe("intervals", () => {
  it("are joined, cut and subtracted", () => {
    expect(union([interval(5, 7), interval(0, 2), interval(2, 3), interval(6, 9), interval(4, 4)])).toEqual([
      interval(0, 3),
      interval(5, 9),
    ]);
    expect(without([interval(0, 10)], [interval(2, 3), interval(8, 12), interval(-5, 1)])).toEqual([
      interval(1, 2),
      interval(3, 8),
    ]);
    expect(within([interval(0, 4), interval(6, 20)], interval(3, 10))).toEqual([interval(3, 4), interval(6, 10)]);
    expect(length([interval(3, 4), interval(6, 10)])).toBe(5);
  });

  it("agree with counting second by second", () => {
    const inside = (all: readonly { since: number; until: number }[], second: number) =>
      all.some(({ since, until }) => second >= since && second < until);
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % below;
    };
    const some = () => Array.from({ length: random(5) }, () => interval(random(20), random(20)));
    for (let turn = 0; turn < 500; turn += 1) {
      const [one, other] = [some(), some()];
      const left = without(one, other);
      for (let second = 0; second < 20; second += 1)
        expect(inside(left, second)).toBe(inside(one, second) && !inside(other, second));
    }
  });
});

describe("a count between two scrapes", () => {
  it.each([
    [0, 3, [0, 0, 0]],
    [1, 3, [0, 0, 1]],
    [10, 4, [2, 3, 2, 3]],
    [7, 1, [7]],
  ])("of %i over %i seconds is spread evenly and whole", (count, parts, expected) => {
    expect(spread(count, parts)).toEqual(expected);
    expect(spread(count, parts).reduce((sum, each) => sum + each, 0)).toBe(count);
  });
});

describe("coverage", () => {
  const source = (name: string, since: number, ended: number | undefined, ...observed: [number, number][]) => ({
    name,
    since,
    ended,
    observed: observed.map(([from, to]) => interval(from, to)),
    told: [],
  });

  it("is what all who answered have counted", () => {
    const one = source("one", 0, undefined, [0, 20]);
    const two = source("two", 5, 15, [5, 9], [11, 15]);
    expect(coverage(interval(0, 20), [one, two])).toMatchObject({
      known: [interval(0, 9), interval(11, 20)],
      missing: [interval(9, 11)],
    });
    expect(silentSources(interval(0, 20), [one, two])).toEqual(["two"]);
    expect(silentSources(interval(0, 9), [one, two])).toEqual([]);
  });

  it("of how requests ended is what all have told, and no more than what they counted", () => {
    const one = { ...source("one", 0, undefined, [0, 20]), told: [interval(3, 20)] };
    const two = { ...source("two", 0, 10, [0, 10]), told: [interval(0, 6)] };
    expect(coverage(interval(0, 20), [one, two]).missing).toEqual([]);
    expect(coverageOfEnds(interval(0, 20), [one, two])).toMatchObject({
      known: [interval(3, 6), interval(10, 20)],
      missing: [interval(0, 3), interval(6, 10)],
    });
  });

  it("is nothing where nobody counts", () => {
    expect(coverage(interval(0, 20), [])).toMatchObject({ known: [], missing: [interval(0, 20)] });
    expect(coverage(interval(0, 20), [source("one", 0, undefined)])).toMatchObject({ known: [] });
  });
});

describe("durations", () => {
  it("belong to the first bound that they do not exceed", () => {
    expect([0, 0.5, 0.6, 1, 3_600_000, 3_600_001].map(bucketOf)).toEqual([0, 0, 1, 1, 18, 19]);
  });

  it("have quantiles that are never outside the bucket that holds them", () => {
    const latency = emptyLatency();
    expect(latencyQuantile(latency, 0.5)).toBeUndefined();
    latency[bucketOf(7)] = 98;
    latency[bucketOf(2_000)] = 1;
    latency[bucketOf(9_999_999)] = 1;
    expect(latencyQuantile(latency, 0.5)).toBeCloseTo(5 + (5 * 50) / 98);
    expect(latencyQuantile(latency, 0.99)).toBe(2_500);
    expect(latencyQuantile(latency, 1)).toBe(3_600_000);
    expect(latencyQuantile(latency, 0)).toBe(5);
  });

  it("of other bounds are never told shorter, and none is lost", () => {
    const latency = latencyOf([
      [Number.POSITIVE_INFINITY, 30],
      [10, 4],
      [20, 9],
      [700, 29],
    ]);
    expect(timed(latency)).toBe(30);
    expect(latency[bucketOf(10)]).toBe(4);
    expect(latency[bucketOf(20)]).toBe(5);
    expect(latency[bucketOf(1_000)]).toBe(20);
    expect(latency[latencyBounds.length]).toBe(1);
  });
});

describe("an HTTP status", () => {
  it.each([
    [101, "1xx"],
    [200, "2xx"],
    [304, "3xx"],
    [400, "4xx_rejected"],
    [401, "4xx_denied"],
    [403, "4xx_denied"],
    [404, "4xx_denied"],
    [422, "4xx_rejected"],
    [429, "4xx_denied"],
    [499, "4xx_rejected"],
    [500, "5xx"],
    [502, "5xx"],
    [503, "unavailable"],
    [504, "timeout"],
    [599, "5xx"],
    [0, undefined],
    [600, undefined],
  ])("%i is %s", (status, outcome) => {
    expect(outcomeOf(status)).toBe(outcome);
  });
});

describe("a request that is over", () => {
  it.each([
    [200, "-", "2xx"],
    [404, "-", "4xx_denied"],
    [400, "-", "4xx_rejected"],
    [0, "DC", "client_gone"],
    [200, "DC", "client_gone"],
    [200, "DR", "client_gone"],
    [200, "UC", "broken"],
    [200, "UT", "broken"],
    [404, "UPE", "broken"],
    [0, "-", "broken"],
    // Whole answers of the gateway's own.
    [503, "UH", "unavailable"],
    [503, "UC", "unavailable"],
    [503, "UF,URX", "unavailable"],
    [502, "UPE", "5xx"],
    [504, "UT", "timeout"],
    [504, "SI", "timeout"],
    [101, "-", "1xx"],
    [101, "DC", "1xx"],
    [101, "UC", "1xx"],
    // Nobody was asked.
    [401, "UAEX", undefined],
    [0, "DC,UAEX", undefined],
    [429, "RL", undefined],
    [404, "NR", undefined],
  ])("with status %i and flags %s is %s", (status, flags, outcome) => {
    expect(outcomeOfEnd(status, flags)).toBe(outcome);
  });
});

describe("counters of a gateway", () => {
  const ending = (uptime: number, own: Record<EndedAs, number>) => ({
    uptime,
    tellsEnds: true,
    destinations: new Map([
      [
        "a",
        {
          // What is in a head is not counted a second time.
          answers: new Map([[200, 900]]),
          ends: new Map(Object.entries(own) as [EndedAs, number][]),
          latency: undefined,
        },
      ],
    ]),
  });

  it("of requests that are over are told by how they ended, and each begins again by itself", () => {
    const before = ending(10, { "200 -": 5, "0 DC": 2, "200 UC": 1 });
    expect(counted(before, ending(11, { "200 -": 8, "200 DC": 1, "0 DC": 3, "200 UC": 1, "401 UAEX": 9 }))).toEqual({
      isRestart: false,
      a: { "2xx": 3, client_gone: 2 },
    });
    expect(counted(before, ending(11, { "200 -": 6, "200 UC": 3 }))).toEqual({
      isRestart: false,
      a: { "2xx": 1, broken: 2 },
    });
    expect(counted(before, ending(11, { "200 -": 6, "0 DC": 1, "200 UC": 1 }))).toMatchObject({
      a: { "2xx": 1, client_gone: 1 },
    });
    expect(difference(before, { ...ending(3, {}), tellsEnds: undefined }).tellsEnds).toBe(false);
    expect(difference(before, { ...ending(11, {}), tellsEnds: undefined }).tellsEnds).toBe(true);
  });

  const snapshot = (uptime: number | undefined, destinations: Record<string, Record<number, number>>) =>
    ({
      uptime,
      tellsEnds: false,
      destinations: new Map(
        Object.entries(destinations).map(([name, answers]) => [
          name,
          {
            answers: new Map(Object.entries(answers).map(([status, count]) => [Number(status), count])),
            ends: new Map(),
            latency: undefined,
          },
        ]),
      ),
    }) satisfies GatewaySnapshot;
  const counted = (before: GatewaySnapshot | undefined, after: GatewaySnapshot) => {
    const { isRestart, traffic } = difference(before, after);
    return {
      isRestart,
      ...Object.fromEntries(traffic.map(({ destination, byOutcome }) => [destination, Object.fromEntries(byOutcome)])),
    };
  };

  it("are told as what came since, by outcome; what did not change is nothing", () => {
    const before = snapshot(10, { a: { 200: 5, 503: 1 }, b: { 200: 7 } });
    expect(counted(before, snapshot(11, { a: { 200: 8, 201: 1, 503: 3, 504: 1, 502: 1 }, b: { 200: 7 } }))).toEqual({
      isRestart: false,
      a: { "2xx": 4, unavailable: 2, timeout: 1, "5xx": 1 },
    });
  });

  it("of a destination that was not there before come whole, and of one that was made again from zero", () => {
    const before = snapshot(10, { a: { 200: 5, 404: 1 } });
    expect(counted(before, snapshot(11, { a: { 200: 2 }, b: { 503: 3 } }))).toEqual({
      isRestart: false,
      a: { "2xx": 2 },
      b: { unavailable: 3 },
    });
  });

  it("start again with the process, also where they have passed what they were", () => {
    const before = snapshot(1000, { a: { 200: 5 } });
    expect(counted(before, snapshot(0, { a: { 200: 9 } }))).toEqual({ isRestart: true, a: { "2xx": 9 } });
    expect(counted(before, snapshot(1000, { a: { 200: 9 } }))).toEqual({ isRestart: false, a: { "2xx": 4 } });
  });

  it("that tell no age are taken for started again when one of them is less", () => {
    const before = snapshot(undefined, { a: { 200: 5 }, b: { 200: 5 } });
    expect(counted(before, snapshot(undefined, { a: { 200: 1 }, b: { 200: 6 } }))).toEqual({
      isRestart: true,
      a: { "2xx": 1 },
      b: { "2xx": 6 },
    });
  });

  it("of a process that was not there before are all its own", () => {
    expect(counted(undefined, snapshot(3, { a: { 200: 5 } }))).toEqual({ isRestart: false, a: { "2xx": 5 } });
  });
});

describe("a window in figures", () => {
  const row = (since: number, outcome: TrafficRow["outcome"], count: number, seconds = 1): TrafficRow => ({
    path: "app",
    since,
    seconds,
    outcome,
    count,
    latency: null,
  });
  const counted = [{ name: "one", since: 0, ended: undefined, observed: [interval(0, 10)], told: [] }];

  it("has rates of what is known, and says how much that is", () => {
    const rows = [row(0, "2xx", 30), row(9, "unavailable", 10), row(12, "2xx", 5)];
    expect(summarize(pathTraffic("app", interval(0, 60), rows, counted))).toMatchObject({
      knownSeconds: 10,
      windowSeconds: 60,
      requests: 45,
      perSecond: 4,
      errors: 10,
      errorShare: 0.25,
    });
  });

  it("knows no rate where nothing is known, and a rate of zero where nothing came", () => {
    expect(summarize(pathTraffic("app", interval(0, 60), [row(12, "2xx", 5)], []))).toMatchObject({
      requests: 5,
      perSecond: undefined,
      errorShare: undefined,
    });
    expect(summarize(pathTraffic("app", interval(0, 10), [], counted))).toMatchObject({
      requests: 0,
      perSecond: 0,
      errorShare: undefined,
    });
  });

  it("does not hold against a version that clients left", () => {
    const rows = [row(0, "client_gone", 8), row(1, "2xx", 1), row(1, "broken", 1)];
    expect(summarize(pathTraffic("app", interval(0, 10), rows, counted))).toMatchObject({
      requests: 10,
      errorShare: 0.5,
    });
  });

  it("leaves a path's rows to that path", () => {
    expect(summarize(pathTraffic("route", interval(0, 10), [row(0, "2xx", 3)], counted))).toMatchObject({
      requests: 0,
    });
  });
});
