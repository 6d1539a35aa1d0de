import { describe, expect, test } from "vitest";
import {
  type CountCursor,
  type CountedBin,
  type CountFacts,
  countRows,
  patience,
  type WeightStep,
  weightIn,
} from "../../../../src/domain/judgement/routedRows.ts";
import { fromStored, toStored } from "../../../../src/domain/judgement/storedRows.ts";
import type { TrafficSource } from "../../../../src/domain/traffic/coverage.ts";
import { bucketOf, emptyLatency } from "../../../../src/domain/traffic/latency.ts";
import type { Outcome } from "../../../../src/domain/traffic/outcome.ts";

const begun: CountCursor = { second: 100, missing: [], longest: 0 };
const tenPercent: WeightStep = { generation: 1, weight: 10, at: 0, appliedAt: 1, isSticky: false };

function source(name: string, ...observed: readonly (readonly [since: number, until: number])[]): TrafficSource {
  const intervals = observed.map(([since, until]) => ({ since, until }));
  return { name, since: 0, ended: undefined, observed: intervals, told: intervals };
}

function bin(
  side: "new" | "old",
  since: number,
  outcome: Outcome,
  count: number,
  more: Partial<CountedBin> = {},
): CountedBin {
  return { side, path: "route", since, seconds: 1, outcome, count, latency: null, ...more };
}

function took(side: "new" | "old", since: number, milliseconds: number): CountedBin {
  const latency = emptyLatency();
  latency[bucketOf(milliseconds)] = 1;
  return { ...bin(side, since, "2xx", 0), outcome: "timed", latency };
}

function read(more: Partial<CountFacts> & { readonly route?: readonly TrafficSource[] }, cursor = begun) {
  const { route = [source("gateway/one", [100, 110])], ...facts } = more;
  const sources = { route, app: [] };
  return countRows(cursor, {
    until: 200,
    now: 200,
    bins: [],
    paths: ["route"],
    steps: [tenPercent],
    sources,
    ...facts,
  });
}

describe("pods that are ready by now", () => {
  test("are of the last minute's seconds, and of no other", () => {
    const sides = (since: number) => [bin("new", since, "2xx", 1), bin("old", since, "2xx", 9)];
    const hour = [bin("new", 102, "2xx", 60, { seconds: 60 })];
    const pods = { new: 1, old: 3 };
    const { rows } = read({
      bins: [...sides(100), ...sides(101), ...hour],
      now: 161,
      pods,
      route: [source("gateway/one", [100, 161])],
    });
    expect(rows.map((row) => row.kind === "routed" && [row.second, row.new.pods, row.old.pods])).toEqual([
      [100, undefined, undefined],
      [101, 1, 3],
      [102, undefined, undefined],
    ]);
    const [, second] = rows;
    expect(second && fromStored(JSON.parse(JSON.stringify(toStored(second, {}))))).toEqual(second);
  });
});

describe("seconds of requests", () => {
  test("are rows of both versions in order of time; a second without a request is none", () => {
    const bins = [bin("old", 101, "2xx", 9), bin("new", 101, "5xx", 1), bin("new", 104, "4xx_rejected", 2)];
    const { rows, cursor } = read({ bins, now: 111 });
    expect(rows).toEqual([
      {
        kind: "routed",
        second: 101,
        path: "route",
        weight: 0.1,
        new: { requests: 1, failed: 1, timed: [] },
        old: { requests: 9, failed: 0, timed: [] },
      },
      expect.objectContaining({ second: 104, new: { requests: 2, failed: 2, timed: [] } }),
    ]);
    expect(cursor.second).toBe(110);
  });

  test("give the same rows however often they are read, and none twice", () => {
    const bins = [bin("old", 101, "2xx", 9), bin("new", 106, "2xx", 1)];
    const first = read({ bins, now: 105 });
    const second = read({ bins, now: 112 }, first.cursor);
    expect([...first.rows, ...second.rows]).toEqual(read({ bins, now: 112 }).rows);
    expect(read({ bins, now: 112 }, second.cursor).rows).toEqual([]);
  });

  test("of counts that do not tell denied clients from refused requests say nothing", () => {
    expect(read({ bins: [bin("new", 101, "4xx", 5), bin("new", 101, "4xx_denied", 3)] }).rows[0]).toMatchObject({
      new: { requests: 3, failed: 0 },
    });
  });

  test("of a version that gets copies at most are not its answers", () => {
    const all = { ...tenPercent, weight: 100 };
    const bins = [bin("old", 101, "5xx", 5), bin("new", 101, "2xx", 95)];
    expect(read({ bins, steps: [all] }).rows[0]).toMatchObject({
      weight: 1,
      new: { requests: 95 },
      old: { requests: 0 },
    });
  });

  test("of apps are compared with nothing", () => {
    const told = source("api-1", [100, 110]);
    const bins = [bin("new", 101, "5xx", 5, { path: "app" })];
    const facts = {
      paths: ["route", "app"] as const,
      sources: { route: [source("gateway/one", [100, 110])], app: [told] },
      bins,
    };
    expect(read(facts).rows[0]).toMatchObject({ path: "app", weight: null, new: { failed: 5 } });
  });

  test("of apps stand beside their pairs while all are copied from, and pods are told once a second", () => {
    const facts = {
      paths: ["route", "app"] as const,
      copiesApps: true,
      sources: { route: [source("gateway/one", [100, 110])], app: [source("api-1", [100, 110])] },
      pods: { new: 2, old: 4 },
      now: 110,
      bins: [
        bin("new", 101, "2xx", 9),
        bin("new", 101, "5xx", 5, { path: "app" }),
        bin("old", 101, "2xx", 7, { path: "app" }),
        bin("new", 102, "2xx", 1, { path: "app" }),
      ],
    };
    const whole = read({ ...facts, steps: [{ ...tenPercent, weight: 100 }] }).rows;
    const none = { requests: 0, failed: 0, timed: [] };
    expect(whole).toMatchObject([
      { path: "route", weight: 1, new: { requests: 9, pods: 2 }, old: { ...none, pods: 4 } },
      { path: "app", weight: 1, new: { requests: 5, failed: 5, timed: [] }, old: none },
      { path: "app", second: 102, new: { requests: 1, pods: 2 }, old: { ...none, pods: 4 } },
    ]);
    expect(whole[1]).not.toMatchObject({ new: { pods: expect.anything() } });
    expect(read(facts).rows).toMatchObject([{ path: "route", weight: 0.1 }]);
  });

  test("that are kept by the minute by now are one row", () => {
    const bins = [bin("new", 120, "2xx", 6, { seconds: 60 }), bin("old", 120, "2xx", 54, { seconds: 60 })];
    const route = [source("gateway/one", [100, 180])];
    expect(read({ bins, route, now: 181 }).rows).toMatchObject([{ second: 120, weight: 0.1, new: { requests: 6 } }]);
    // The rest of a minute that was begun by the second is not counted again.
    expect(read({ bins, route, now: 181 }, { ...begun, second: 140 }).rows).toEqual([]);
  });
});

describe("a source", () => {
  const silent = source("gateway/two", [100, 103]);

  test("that has not told yet holds up what comes after, for a while", () => {
    const other = source("gateway/one", [100, 103 + patience]);
    const { rows, cursor } = read({ route: [other, silent], now: 150, bins: [bin("new", 104, "2xx", 1)] });
    expect(rows).toEqual([]);
    expect(cursor.second).toBe(103);
  });

  test("is missing once others have told so much more, whatever the clock says", () => {
    const other = source("gateway/one", [100, 105 + patience]);
    const back = { ...silent, observed: [...silent.observed, { since: 104, until: 105 + patience }] };
    const bins = [bin("new", 103, "5xx", 1), bin("new", 104, "2xx", 1)];
    const { rows } = read({ route: [other, back], bins, now: 150 });
    expect(rows).toMatchObject([
      { kind: "source", source: "gateway/two", isMissing: true },
      { kind: "source", source: "gateway/two", isMissing: false },
      { kind: "routed", second: 104 },
    ]);
  });

  test("nobody of which has told for a while is missing, and no second is passed over", () => {
    const { rows, cursor } = read({ now: 111 + patience });
    expect(rows).toEqual([{ kind: "source", source: "gateway/one", isMissing: true }]);
    expect(cursor).toMatchObject({ second: 110, missing: ["gateway/one"] });
    const later = read({ route: [source("gateway/one", [100, 160])], now: 161 }, cursor);
    expect(later.rows).toEqual([{ kind: "source", source: "gateway/one", isMissing: false }]);
    expect(later.cursor.second).toBe(160);
  });

  test("that has told everything up to now is not missing", () => {
    expect(read({ route: [source("gateway/one", [0, 100])], now: 103 }).rows).toEqual([]);
    expect(read({ route: [], now: 103 }).rows).toEqual([]);
  });

  test("that does not exist is the gateway", () => {
    expect(read({ route: [] }).rows).toEqual([{ kind: "source", source: "the gateway", isMissing: true }]);
  });

  test("that can never tell is missing while the others tell", () => {
    const { rows } = read({ unable: ["a count of users"], bins: [bin("new", 101, "5xx", 1)], now: 111 });
    expect(rows).toEqual([{ kind: "source", source: "a count of users", isMissing: true }]);
  });

  test("whose clock is an hour ahead moves nothing beyond now", () => {
    const ahead = source("gateway/one", [3_700, 3_800]);
    expect(read({ route: [ahead], now: 120, until: 120 }).cursor.second).toBe(120);
  });
});

describe("the weight of a second", () => {
  const at = (second: number, steps: readonly WeightStep[], longest = 0) =>
    weightIn({ since: second, until: second + 1 }, steps, longest);
  const half: WeightStep = { generation: 2, weight: 50, at: 200.4, appliedAt: 201.9, isSticky: false };

  test("is not known from the second before a change until gateways follow it and earlier requests are over", () => {
    const steps = [tenPercent, half];
    expect(at(190, steps)).toBe(0.1);
    expect(at(198, steps)).toBe(0.1);
    for (const second of [199, 200, 201, 205, 208]) expect(at(second, steps)).toBeNull();
    expect(at(209, steps)).toBe(0.5);
    expect(at(209, steps, 60)).toBeNull();
    expect(at(264, steps, 60)).toBe(0.5);
    expect(at(1_200, steps, 86_400)).toBe(0.5);
  });

  test("is not known while a change is not in force, and of users that keep their side", () => {
    expect(at(500, [tenPercent, { ...half, appliedAt: undefined }])).toBeNull();
    expect(at(500, [{ ...half, isSticky: true }])).toBeNull();
    expect(at(500, [{ ...half, isSticky: true, weight: 100 }])).toBe(1);
    expect(at(500, [])).toBeNull();
  });

  test("is not known for as long as the longest answer so far", () => {
    const slow = read({ bins: [took("old", 100, 50_000)], steps: [tenPercent] });
    expect(slow.cursor.longest).toBe(60);
  });
});

describe("a row as JSON", () => {
  test("is the same row, with durations where some quantile is judged", () => {
    const [row] = read({ bins: [took("new", 101, 5_000_000), bin("new", 101, "2xx", 1)] }).rows;
    if (row?.kind !== "routed") throw new Error("no row");
    const again = (settings: object) => fromStored(JSON.parse(JSON.stringify(toStored(row, settings))));
    expect(again({ maxLatencyRatio: { p50: 2 } })).toEqual(row);
    expect(row.new.timed).toEqual([{ atLeast: 3_600_000, atMost: Number.POSITIVE_INFINITY, count: 1 }]);
    expect(again({})).toEqual({ ...row, new: { ...row.new, timed: [] } });
  });
});
