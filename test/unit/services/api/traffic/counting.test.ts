import { describe, expect, it } from "vitest";
import type { GatewayStatistics } from "../../../../../src/adapters/envoyStatistics/exposition.ts";
import type { TrafficBatch } from "../../../../../src/adapters/postgres/traffic/storeBatch.ts";
import type { EndedAs } from "../../../../../src/domain/traffic/counters.ts";
import { emptyLatency } from "../../../../../src/domain/traffic/latency.ts";
import { appCounts } from "../../../../../src/services/api/traffic/appCounts.ts";
import { batchQueue } from "../../../../../src/services/api/traffic/batchQueue.ts";
import { gatewayCounts } from "../../../../../src/services/api/traffic/gatewayCounts.ts";

const batch = (since: number, until: number, count = 1): TrafficBatch => ({
  observed: { since, until },
  tellsEnds: true,
  counts: [{ versionId: "1", second: since, outcome: "2xx", count }],
  timed: [],
});

describe("batches that the database does not take", () => {
  it("are kept in order, and caught up with in one; the first is sent again as it was", async () => {
    const sent: TrafficBatch[] = [];
    let isDown = true;
    const queue = batchQueue({
      store: async (each) => {
        sent.push(each);
        if (isDown) throw new Error("down");
        return true;
      },
      onLost: () => expect.unreachable(),
    });
    for (let second = 10; second < 14; second += 1) {
      queue.add(batch(second, second + 1, second));
      await expect(queue.send()).rejects.toThrow("down");
    }
    isDown = false;
    queue.add(batch(14, 15));
    await queue.send();
    expect(sent.slice(0, 5)).toEqual(new Array(5).fill(batch(10, 11, 10)));
    expect(sent.slice(5)).toEqual([
      {
        ...batch(11, 15),
        counts: [11, 12, 13, 14].flatMap((second) => batch(second, second + 1, second === 14 ? 1 : second).counts),
      },
    ]);
    expect(queue.waiting()).toEqual([]);
  });

  it("are given up after a while, oldest first, and told", async () => {
    const lost: number[] = [];
    const queue = batchQueue({
      store: () => Promise.reject(new Error("down")),
      onLost: ({ observed }) => lost.push(observed.since),
      keptSeconds: 5,
      keptRows: 100,
    });
    for (let second = 0; second < 8; second += 1) queue.add(batch(second, second + 1));
    await expect(queue.send()).rejects.toThrow("down");
    expect(lost).toEqual([0, 1, 2]);
    queue.add({ ...batch(8, 9), counts: new Array(99).fill(batch(8, 9).counts[0]) });
    expect(lost).toEqual([0, 1, 2, 3, 4, 5, 6, 7].slice(0, lost.length));
    expect(queue.waiting().at(-1)?.observed).toEqual({ since: 8, until: 9 });
  });

  it("of no second are none", () => {
    const queue = batchQueue({ store: async () => true, onLost: () => {} });
    queue.add(batch(3, 3));
    expect(queue.waiting()).toEqual([]);
  });
});

describe("a process's own counts", () => {
  it("are taken by the second, once that is over", () => {
    let now = 10_900;
    const counts = appCounts(() => now);
    counts.count("1", "2xx", 3);
    counts.count("1", "2xx", 700);
    counts.count("2", "client_gone", undefined);
    expect(counts.take().counts).toEqual([]);
    now = 12_100;
    counts.count("1", "5xx", 3);
    const taken = counts.take();
    expect(taken.observed).toEqual({ since: 10, until: 12 });
    expect(taken.counts).toEqual([
      { versionId: "1", second: 10, outcome: "2xx", count: 2 },
      { versionId: "2", second: 10, outcome: "client_gone", count: 1 },
    ]);
    expect(taken.timed.map(({ versionId }) => versionId)).toEqual(["1"]);
    expect(counts.take({ all: true })).toMatchObject({
      observed: { since: 12, until: 13 },
      counts: [{ versionId: "1", second: 12, outcome: "5xx", count: 1 }],
    });
  });

  it("never fall into seconds that were taken, also when the clock is set back", () => {
    let now = 10_000;
    const counts = appCounts(() => now);
    now = 15_000;
    counts.take();
    now = 11_000;
    counts.count("1", "2xx", 1);
    expect(counts.take()).toMatchObject({ observed: { since: 15, until: 15 }, counts: [] });
    now = 16_000;
    expect(counts.take().counts).toEqual([{ versionId: "1", second: 15, outcome: "2xx", count: 1 }]);
  });
});

describe("a gateway's counts", () => {
  const destination = "outbound|80||iris-v1-predictor.models.svc.cluster.local";
  const recorder = "outbound|80||iris-v1-transformer.models.svc.cluster.local";
  const reading = (
    at: number,
    uptime: number | undefined,
    answers: Record<number, number>,
    more: Record<string, Record<number, number>> = {},
    durations?: number,
  ) => {
    const latency = durations === undefined ? undefined : emptyLatency().with(3, durations);
    const statistics: GatewayStatistics = {
      uptime,
      destinations: new Map(
        Object.entries({ [destination]: answers, ...more }).map(([name, own]) => [
          name,
          {
            answers: new Map(Object.entries(own).map(([status, count]) => [Number(status), count])),
            ends: new Map(),
            latency,
          },
        ]),
      ),
      tellsEnds: false,
      keepsCounters: true,
      hasDestinations: true,
      hasDurations: durations !== undefined,
    };
    return { at, statistics };
  };
  const versionOf = (name: string) => (name.includes("iris-v1") ? "1" : undefined);
  const seconds = (taken: TrafficBatch | undefined) =>
    taken && {
      observed: [taken.observed.since, taken.observed.until],
      counts: taken.counts.map(({ second, outcome, count }) => [second, outcome, count]),
    };

  it("begin with the second reading: what the first has came before", () => {
    const counts = gatewayCounts(versionOf);
    expect(counts.take(reading(10.02, 100, { 200: 50 }))).toBeUndefined();
    expect(seconds(counts.take(reading(11.03, 101, { 200: 53 })))).toEqual({
      observed: [10, 11],
      counts: [[10, "2xx", 3]],
    });
    expect(seconds(counts.take(reading(11.98, 102, { 200: 53 })))).toEqual({ observed: [11, 12], counts: [] });
  });

  it("of a reading that came late are spread over the seconds before it; one that came early waits", () => {
    const counts = gatewayCounts(versionOf);
    counts.take(reading(10, 100, { 200: 0 }));
    expect(counts.take(reading(10.4, 100, { 200: 4 }))).toBeUndefined();
    expect(seconds(counts.take(reading(13.2, 103, { 200: 10 })))).toEqual({
      observed: [10, 13],
      counts: [
        [10, "2xx", 3],
        [11, "2xx", 3],
        [12, "2xx", 4],
      ],
    });
  });

  it("are not told of a gap in which nobody could say when they came", () => {
    const counts = gatewayCounts(versionOf);
    counts.take(reading(10, 100, { 200: 0 }));
    expect(counts.take(reading(400, 490, { 200: 1000 }))).toBeUndefined();
    expect(seconds(counts.take(reading(401, 491, { 200: 1001 })))).toEqual({
      observed: [400, 401],
      counts: [[400, "2xx", 1]],
    });
  });

  it("of a process that was started in between begin with its first whole second", () => {
    const counts = gatewayCounts(versionOf);
    counts.take(reading(10, 1000, { 200: 500 }));
    expect(seconds(counts.take(reading(16, 4, { 200: 7 })))?.observed).toEqual([12, 16]);
    counts.take(reading(17, 5, { 200: 9 }));
    // So short before that its counts come with the next reading.
    expect(counts.take(reading(18, 0, { 200: 2 }))).toBeUndefined();
    expect(seconds(counts.take(reading(20, 2, { 200: 6 })))).toEqual({
      observed: [18, 20],
      counts: [
        [18, "2xx", 3],
        [19, "2xx", 3],
      ],
    });
  });

  it("of a pod that is new are all of them, unless it is older than anybody knew", () => {
    const young = gatewayCounts(versionOf, 8);
    expect(seconds(young.take(reading(10, 1, { 200: 4 })))?.observed).toEqual([8, 10]);
    const old = gatewayCounts(versionOf, 8);
    expect(old.take(reading(10, 5000, { 200: 4_000 }))).toBeUndefined();
    expect(seconds(old.take(reading(11, 5001, { 200: 4_001 })))).toEqual({
      observed: [10, 11],
      counts: [[10, "2xx", 1]],
    });
  });

  it("tell how requests ended from then on that the gateway does; what came in between is missing", () => {
    const counts = gatewayCounts(versionOf);
    const told = (at: number, uptime: number, ends: GatewayStatistics["destinations"] | undefined) => ({
      at,
      statistics: {
        ...reading(at, uptime, {}).statistics,
        tellsEnds: ends ? true : undefined,
        destinations: ends ?? new Map(),
      },
    });
    const ends = (...own: [EndedAs, number][]) =>
      new Map([[destination, { answers: new Map(), ends: new Map(own), latency: undefined }]]);
    counts.take(reading(10, 100, { 200: 5 }));
    expect(counts.take(reading(11, 101, { 200: 6 }))).toMatchObject({ tellsEnds: false });
    expect(counts.take(told(12, 102, ends(["200 -", 7])))).toBeUndefined();
    expect(counts.take(told(13, 103, ends(["200 -", 8], ["200 UC", 2], ["0 DC", 1])))).toMatchObject({
      tellsEnds: true,
      observed: { since: 12, until: 13 },
      counts: [
        { outcome: "2xx", count: 1 },
        { outcome: "broken", count: 2 },
        { outcome: "client_gone", count: 1 },
      ],
    });
    // A process that was started anew has to show it again.
    expect(counts.take(told(20, 4, undefined))).toMatchObject({ tellsEnds: false, counts: [] });
    expect(counts.take(told(21, 5, ends(["0 DC", 1])))).toMatchObject({ tellsEnds: true, counts: [{ count: 1 }] });
    // Nobody asked since: it is the same process.
    expect(counts.take(told(22, 6, undefined))).toMatchObject({ tellsEnds: true, counts: [] });
  });

  it("of a version's two Services are one row, and of other destinations none", () => {
    const counts = gatewayCounts(versionOf);
    counts.take(reading(10, 100, { 200: 0 }));
    const more = { [recorder]: { 200: 2, 503: 1 }, "outbound|80||api.menagerie.svc.cluster.local": { 200: 90 } };
    expect(seconds(counts.take(reading(11, 101, { 200: 3 }, more)))?.counts).toEqual([
      [10, "2xx", 5],
      [10, "unavailable", 1],
    ]);
  });

  it("have durations when these are read, counted once however often", () => {
    const counts = gatewayCounts(versionOf);
    counts.take(reading(10, 100, { 200: 0 }, {}, 5));
    expect(counts.take(reading(11, 101, { 200: 3 }))?.timed).toEqual([]);
    expect(counts.take(reading(12, 102, { 200: 3 }, {}, 8))?.timed).toEqual([
      { versionId: "1", second: 11, latency: emptyLatency().with(3, 3) },
    ]);
    expect(counts.take(reading(13, 103, { 200: 3 }, {}, 8))?.timed).toEqual([]);
    expect(counts.take(reading(18, 2, { 200: 1 }, {}, 1))?.timed).toEqual([
      { versionId: "1", second: 17, latency: emptyLatency().with(3, 1) },
    ]);
  });
});
