import { expect, test } from "vitest";
import { type DrawnRequests, recordedRows } from "../../../../src/domain/judgement/recordedRows.ts";
import { warmSeconds } from "../../../../src/domain/judgement/warmup.ts";
import { latencyClass, latencyOf } from "../../../../src/domain/recording/openRequests.ts";

const steps = [
  { generation: 2, weight: 10, at: 0, appliedAt: 0, isSticky: false },
  { generation: 3, weight: 50, at: 100, appliedAt: 100, isSticky: false },
];
const drawn = (change: Partial<DrawnRequests>): DrawnRequests => {
  return { second: 7, generation: 3, side: "new", failed: false, isCut: false, class: null, requests: 1, ...change };
};
const told = { open: { new: [{ atLeast: 9_000, count: 2 }], old: [] }, lost: 0 };
const nothing = { requests: 0, failed: 0, timed: [] };

test("both versions of one second and weight are one row, in order of time", () => {
  const rows = recordedRows(
    [
      drawn({ second: 8, requests: 4 }),
      drawn({ requests: 3 }),
      drawn({ failed: true, requests: 2 }),
      drawn({ side: "old", requests: 5 }),
      drawn({ generation: 2, side: "old", requests: 6 }),
      // Nobody divided by it in this rollout.
      drawn({ generation: 1, requests: 9 }),
    ],
    steps,
    undefined,
    10,
  );
  const at = (second: number, weight: number) => ({ kind: "recorded", second, weight });
  expect(rows).toEqual([
    { ...at(7, 0.5), new: { requests: 5, failed: 2, timed: [] }, old: { requests: 5, failed: 0, timed: [] } },
    { ...at(7, 0.1), new: nothing, old: { requests: 6, failed: 0, timed: [] } },
    { ...at(8, 0.5), new: { requests: 4, failed: 0, timed: [] }, old: nothing },
  ]);
});

test("durations are within a hundredth, without an end where there was no answer; of an earlier weight there are none", () => {
  const rows = recordedRows(
    [
      drawn({ class: latencyClass(250), requests: 3 }),
      drawn({ class: latencyClass(250), isCut: true, failed: true }),
      drawn({ class: 0 }),
      drawn({ generation: 2, class: latencyClass(250) }),
    ],
    steps,
    undefined,
    10,
  );
  const [around, cut, shortest] = rows[0]?.new.timed ?? [];
  expect(around?.atLeast).toBeGreaterThan(250 / 1.011);
  expect(around?.atLeast).toBeLessThanOrEqual(250);
  expect(around?.atMost).toBeGreaterThan(250);
  expect(around?.atMost).toBeLessThan(250 * 1.011);
  expect(cut).toMatchObject({ atLeast: around?.atLeast, atMost: Number.POSITIVE_INFINITY });
  expect(shortest?.atLeast).toBe(0);
  expect(rows[1]?.new.timed).toEqual([]);
  for (const milliseconds of [0.2, 1, 3, 40, 700, 59_999, 600_000]) {
    const { atLeast, below } = latencyOf(latencyClass(milliseconds));
    expect(atLeast).toBeLessThanOrEqual(milliseconds);
    expect(below).toBeGreaterThan(milliseconds);
  }
});

test("what is not over is with the first row of the last weight, or a row of its own", () => {
  const rows = recordedRows([drawn({ generation: 2 }), drawn({}), drawn({ second: 8 })], steps, told, 10);
  expect(rows.map(({ weight, open }) => [weight, open])).toEqual([
    [0.1, undefined],
    [0.5, told.open],
    [0.5, undefined],
  ]);
  expect(recordedRows([], steps, told, 10)).toEqual([
    { kind: "recorded", second: 9, weight: 0.5, new: nothing, old: nothing, ...told },
  ]);
  const full = [...steps, { generation: 4, weight: 100, at: 200, appliedAt: 200, isSticky: false }];
  expect(recordedRows([], full, told, 10)).toEqual([]);
  expect(recordedRows([], [], told, 10)).toEqual([]);
});

test("pods warm up from when they are ready, and are remembered once they are gone", () => {
  const version = (...since: readonly number[]) => ({ pods: since.length, since });
  const first = warmSeconds([], [version(1_000.4, 95), version(1_010)], 30, 1_020);
  expect(first).toEqual([
    { since: 94, until: 125 },
    { since: 999, until: 1_040 },
  ]);
  expect(warmSeconds(first, [version(), undefined], 30, 1_100)).toEqual([{ since: 999, until: 1_040 }]);
  expect(warmSeconds(first, [], 30, 2_000)).toEqual([]);
  expect(warmSeconds(first, [version(1_000)], 0, 1_020)).toEqual([]);
});
