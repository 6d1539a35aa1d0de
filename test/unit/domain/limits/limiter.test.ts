import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ask, Limiter } from "../../../../src/domain/limits/limiter.ts";
import { type LimitKind, windowMs } from "../../../../src/domain/limits/limits.ts";
import type { Grant } from "../../../../src/domain/limits/meter.ts";

/** What menagerie.take_of_limits and store_usage do, over a clock that the test moves. Several processes share it. */
class PlayedDatabase {
  time = 1_700_000_000_000;
  isAway = false;
  questions = 0;
  readonly #taken = new Map<string, number>();

  async take(asks: readonly Ask[], latency: number): Promise<Grant[]> {
    this.questions += 1;
    this.time += latency;
    if (this.isAway) throw new Error("ECONNREFUSED");
    const grants = asks.map(({ subject, kind, limit, need, want }) => {
      const since = Math.floor(this.time / windowMs[kind]) * windowMs[kind];
      const before = this.taken(subject, kind, since);
      const free = Math.max(0, limit - before);
      const block = Math.floor(free / (kind === "tokensPerDay" ? 256 : 16));
      const granted = free < need ? 0 : Math.min(free, Math.max(want, need, block));
      this.add(subject, kind, since, granted);
      return { since, leftMs: since + windowMs[kind] - this.time, granted, taken: before + granted };
    });
    this.time += latency;
    // Others go on meanwhile.
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    return grants;
  }

  add(subject: string, kind: LimitKind, since: number, amount: number): void {
    this.#taken.set(`${subject} ${kind} ${since}`, Math.max(0, this.taken(subject, kind, since) + amount));
  }

  taken(subject: string, kind: LimitKind, since: number): number {
    return this.#taken.get(`${subject} ${kind} ${since}`) ?? 0;
  }

  minute(): number {
    return Math.floor(this.time / 60_000) * 60_000;
  }
}

/** A process whose own clock is `ahead` of the database's. */
function pod(database: PlayedDatabase, { ahead = 0, latency = 0 } = {}) {
  const limiter = new Limiter({
    take: (asks) => database.take(asks, latency),
    now: () => database.time + ahead,
    // An hour off, as a machine's clock may be.
    databaseTime: () => database.time + 3_600_000,
    onAway: () => {},
  });
  return {
    limiter,
    store(all = false): void {
      for (const { subject, kind, since, amount } of limiter.adjustments({ all }))
        database.add(subject, kind, since, amount);
    },
  };
}

const requests = (limit: number) => [{ subject: "key 1", limits: { requestsPerMinute: limit } }];
/** How many are let in until one is refused; never more than `most`, whatever is broken. */
const letIn = async (of: ReturnType<typeof pod>, limit: number, most = 1_000): Promise<number> => {
  let count = 0;
  while (count < most && (await isIn(of, limit))) count += 1;
  return count;
};
const isIn = async ({ limiter }: ReturnType<typeof pod>, limit: number) =>
  (await limiter.admit(requests(limit), { tokens: 0 })).isAdmitted;

describe("requests per minute over several processes", () => {
  it("are let in up to the limit, whatever their clocks, and the last one of it is found", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400 }),
        fc.array(
          fc.record({ ahead: fc.integer({ min: -120_000, max: 120_000 }), latency: fc.integer({ max: 5, min: 0 }) }),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        fc.array(
          fc.record({
            pod: fc.nat(),
            count: fc.integer({ min: 1, max: 30 }),
            pause: fc.integer({ min: 0, max: 4_000 }),
          }),
          {
            maxLength: 60,
          },
        ),
        async (limit, setups, events) => {
          const database = new PlayedDatabase();
          const pods = setups.map((setup) => pod(database, setup));
          const admitted = new Map<number, number>();
          const ask = async (of: ReturnType<typeof pod>, count: number) => {
            const admissions = await Promise.all(
              Array.from({ length: count }, () => of.limiter.admit(requests(limit), { tokens: 0 })),
            );
            for (const admission of admissions) {
              if (!admission.isAdmitted) continue;
              const since = admission.reserved[0]?.since ?? 0;
              admitted.set(since, (admitted.get(since) ?? 0) + 1);
            }
          };
          for (const event of events) {
            const of = pods[event.pod % pods.length];
            if (of) await ask(of, event.count);
            database.time += event.pause;
            if (event.pause > 1_000) for (const each of pods) each.store();
          }
          for (const count of admitted.values()) expect(count).toBeLessThanOrEqual(limit);
          // A whole minute: what one of them gives back another one finds.
          database.time = database.minute() + 60_000;
          const [begun, whole] = [database.minute(), 3 * limit + 20];
          for (const each of pods) await ask(each, Math.ceil(whole / 10));
          for (const each of pods) each.store(true);
          database.time += 500;
          for (let round = 0; round < 3; round += 1) for (const each of pods) await ask(each, whole);
          if (database.minute() === begun) expect(admitted.get(begun)).toBe(limit);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("are asked of the database in blocks, and one by one only at the end", async () => {
    const database = new PlayedDatabase();
    const [one, other] = [pod(database), pod(database)];
    let count = 0;
    for (let each = 0; each < 5_000; each += 1) if (await isIn(each % 2 ? one : other, 1_000)) count += 1;
    expect(count).toBe(1_000);
    expect(database.questions).toBeLessThan(160);
  });

  it("are refused until the window's end, which is told", async () => {
    const database = new PlayedDatabase();
    const one = pod(database);
    database.time = database.minute() + 45_000;
    expect(await isIn(one, 1)).toBe(true);
    const refused = await one.limiter.admit(requests(1), { tokens: 0 });
    expect(refused).toMatchObject({
      isAdmitted: false,
      by: [{ kind: "requestsPerMinute", remaining: 0, resetMs: 15_000 }],
    });
    database.time += 15_000;
    expect(await isIn(one, 1)).toBe(true);
  });

  it("follow an edit of the limit at once, up and down", async () => {
    const database = new PlayedDatabase();
    const one = pod(database);
    for (let each = 0; each < 50; each += 1) expect(await isIn(one, 100)).toBe(true);
    expect(await isIn(one, 50)).toBe(false);
    database.time += 600;
    expect(await isIn(one, 10)).toBe(false);
    one.store();
    database.time += 600;
    expect(await letIn(one, 60)).toBe(10);
  });
});

describe("an edit that not everybody sees yet", () => {
  it("holds from the first who does, and costs a question or two", async () => {
    const database = new PlayedDatabase();
    const one = pod(database);
    expect(await isIn(one, 1_000)).toBe(true);
    for (let each = 0; each < 40; each += 1) await isIn(one, each % 2 ? 1_000 : 5);
    one.store(true);
    expect(database.taken("key 1", "requestsPerMinute", database.minute())).toBeLessThanOrEqual(5);
    expect(database.questions).toBeLessThan(12);
  });

  it("has a block given back that was asked for before", async () => {
    const database = new PlayedDatabase();
    const one = pod(database);
    const first = isIn(one, 1_000);
    // Until the question is on its way.
    while (database.questions === 0) await Promise.resolve();
    const both = await Promise.all([first, isIn(one, 5)]);
    const before = both.filter(Boolean).length + (await letIn(one, 5));
    expect(before).toBeLessThanOrEqual(5);
    one.store();
    database.time += 300;
    expect(before + (await letIn(one, 5))).toBe(5);
  });
});

describe("while the database is away", () => {
  it("each process lets in its last known remainder, and reports it once", async () => {
    const database = new PlayedDatabase();
    const [one, other] = [pod(database), pod(database)];
    for (let each = 0; each < 40; each += 1) expect(await isIn(each % 2 ? one : other, 100)).toBe(true);
    one.store();
    database.isAway = true;
    const more = await letIn(one, 100);
    // What it was granted, and what nobody was when it asked last.
    expect(more).toBeGreaterThan(20);
    expect(more).toBeLessThanOrEqual(80);
    database.isAway = false;
    const before = database.taken("key 1", "requestsPerMinute", database.minute());
    one.store(true);
    other.store(true);
    const after = database.taken("key 1", "requestsPerMinute", database.minute());
    expect(after).toBe(40 + more);
    expect(before).toBeLessThanOrEqual(100);
    one.store(true);
    expect(database.taken("key 1", "requestsPerMinute", database.minute())).toBe(after);
  });

  it("a new window begins with the whole limit", async () => {
    const database = new PlayedDatabase();
    const one = pod(database);
    await letIn(one, 10);
    database.isAway = true;
    database.time += 60_000;
    expect(await letIn(one, 10)).toBe(10);
    one.store();
    expect(database.taken("key 1", "requestsPerMinute", database.minute())).toBe(10);
  });

  it("what was given back before is a part of it", async () => {
    const database = new PlayedDatabase();
    const one = pod(database);
    for (let each = 0; each < 3; each += 1) expect(await isIn(one, 160)).toBe(true);
    one.store(true);
    database.isAway = true;
    expect(await letIn(one, 160)).toBe(157);
  });

  it("it is asked once in a second, not by each request", async () => {
    const database = new PlayedDatabase();
    database.isAway = true;
    const one = pod(database);
    for (let each = 0; each < 50; each += 1) await isIn(one, 1_000);
    expect(database.questions).toBe(1);
    database.time += 1_001;
    await isIn(one, 1_000);
    expect(database.questions).toBe(2);
  });
});

describe("tokens", () => {
  const tokens = (limit: number) => [{ subject: "organization 2", limits: { tokensPerDay: limit } }];
  const day = (database: PlayedDatabase) => Math.floor(database.time / 86_400_000) * 86_400_000;

  it("are reserved, and what was not taken is there again; what was taken beyond is counted", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ reserved: fc.integer({ min: 1, max: 300 }), used: fc.integer({ min: 0, max: 500 }) }), {
          minLength: 1,
          maxLength: 40,
        }),
        async (uses) => {
          const database = new PlayedDatabase();
          const one = pod(database);
          let sum = 0;
          for (const { reserved, used } of uses) {
            const admission = await one.limiter.admit(tokens(10_000), { tokens: reserved });
            if (!admission.isAdmitted) continue;
            one.limiter.settle(admission.reserved, used);
            sum += used;
          }
          one.store(true);
          expect(database.taken("organization 2", "tokensPerDay", day(database))).toBe(sum);
        },
      ),
    );
  });

  it("that are reserved are nobody else's until the answer is over", async () => {
    const database = new PlayedDatabase();
    const [one, other] = [pod(database), pod(database)];
    const first = await one.limiter.admit(tokens(1_000), { tokens: 900 });
    expect((await other.limiter.admit(tokens(1_000), { tokens: 200 })).isAdmitted).toBe(false);
    if (first.isAdmitted) one.limiter.settle(first.reserved, 100);
    one.store(true);
    database.time += 300;
    expect((await other.limiter.admit(tokens(1_000), { tokens: 200 })).isAdmitted).toBe(true);
  });

  it("of a window that is over change nothing in the next", async () => {
    const database = new PlayedDatabase();
    const one = pod(database);
    const first = await one.limiter.admit(tokens(1_000), { tokens: 900 });
    database.time += 86_400_000;
    expect((await one.limiter.admit(tokens(1_000), { tokens: 100 })).isAdmitted).toBe(true);
    if (first.isAdmitted) one.limiter.settle(first.reserved, 5_000);
    one.store(true);
    expect(database.taken("organization 2", "tokensPerDay", day(database))).toBe(100);
  });

  it("more than the limit are refused without a question", async () => {
    const database = new PlayedDatabase();
    const refused = await pod(database).limiter.admit(tokens(1_000), { tokens: 1_001 });
    expect(refused).toMatchObject({ isAdmitted: false, by: [{ needed: 1_001, limit: 1_000 }] });
    expect(database.questions).toBe(0);
  });
});

it("a request is let in by all of its limits or counts for none", async () => {
  const database = new PlayedDatabase();
  const one = pod(database);
  const limited = [
    { subject: "key 1", limits: { requestsPerMinute: 100 } },
    { subject: "organization 1", limits: { requestsPerMinute: 2 } },
  ];
  const answers = [];
  for (let each = 0; each < 5; each += 1) answers.push((await one.limiter.admit(limited, { tokens: 0 })).isAdmitted);
  expect(answers).toEqual([true, true, false, false, false]);
  one.store(true);
  expect(database.taken("key 1", "requestsPerMinute", database.minute())).toBe(2);
});

it("somebody without limits is let in without a question", async () => {
  const database = new PlayedDatabase();
  expect(await pod(database).limiter.admit([], { tokens: 5 })).toMatchObject({ isAdmitted: true });
  expect(database.questions).toBe(0);
});
