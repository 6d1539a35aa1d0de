import { describe, expect, it } from "vitest";
import { Pace } from "../../../../src/domain/batch/pace.ts";

/** A model with `workers` that each answer one request at a time, in `serviceMs`, in the order in which requests come. */
interface Model {
  readonly workers: number;
  readonly serviceMs: number;
}

interface Sent {
  readonly at: number;
  readonly isOfBatch: boolean;
}

/** What a batch and others have of a model, in so many seconds of a clock of its own. Others come one by one, every so often. */
function simulated({
  model,
  most,
  seconds,
  othersEveryMs = Number.POSITIVE_INFINITY,
  yields = true,
}: {
  readonly model: (now: number) => Model;
  readonly most: number;
  readonly seconds: number;
  readonly othersEveryMs?: number;
  readonly yields?: boolean;
}) {
  const pace = new Pace(most, 0);
  const limits: number[] = [];
  const others: number[] = [];
  const waiting: Sent[] = [];
  const working: (Sent & { readonly until: number })[] = [];
  let underWay = 0;
  let answered = 0;
  let nextOther = 0;
  for (let now = 0; now < seconds * 1_000; now += 0.5) {
    const { workers, serviceMs } = model(now);
    for (const done of working.filter(({ until }) => until <= now)) {
      working.splice(working.indexOf(done), 1);
      if (done.isOfBatch) {
        underWay -= 1;
        answered += 1;
        pace.answered(done.at, now);
      } else if (now > 5_000) others.push(now - done.at);
    }
    if (now >= nextOther && othersEveryMs < Number.POSITIVE_INFINITY) {
      waiting.push({ at: now, isOfBatch: false });
      nextOther += othersEveryMs;
    }
    pace.passed(now);
    for (const limit = yields ? pace.limit : most; underWay < limit; underWay += 1)
      waiting.push({ at: now, isOfBatch: true });
    while (working.length < workers && waiting.length > 0) {
      const next = waiting.shift();
      if (next) working.push({ ...next, until: now + serviceMs });
    }
    limits.push(pace.limit);
  }
  const p95 = others.toSorted((a, b) => a - b)[Math.floor(others.length * 0.95)] ?? Number.NaN;
  const share = (from: number, isIt: (limit: number) => boolean) => {
    const those = limits.slice(from * 2_000);
    return those.filter(isIt).length / those.length;
  };
  return { p95, rate: answered / seconds, limits, share };
}

const one: Model = { workers: 1, serviceMs: 10 };

describe("the number of requests at once", () => {
  it("begins with one, and is all that is allowed in a moment where the model takes more", () => {
    const { limits } = simulated({ model: () => ({ workers: 64, serviceMs: 20 }), most: 16, seconds: 5 });
    expect(limits[0]).toBe(1);
    expect(limits.indexOf(16) / 2).toBeLessThan(1_500);
    expect(limits.slice(limits.indexOf(16)).every((limit) => limit === 16)).toBe(true);
  });

  it("does not wait for long for answers that are slow, or for one that never comes", () => {
    const { limits } = simulated({ model: () => ({ workers: 64, serviceMs: 5_000 }), most: 16, seconds: 60 });
    expect(limits.indexOf(16) / 2).toBeLessThan(50_000);
    const pace = new Pace(16, 0);
    pace.passed(14_999);
    expect([pace.limit, pace.waitsUntil]).toEqual([1, 15_000]);
    pace.passed(15_000);
    expect([pace.limit, pace.waitsUntil]).toEqual([2, undefined]);
  });

  it("is a few where the model answers one at a time, and takes all that the model has", () => {
    const { rate, share } = simulated({ model: () => one, most: 16, seconds: 120 });
    expect(share(5, (limit) => limit <= 4)).toBe(1);
    expect(rate).toBeGreaterThan(0.97 * 100);
  });

  it("leaves others what they have without it, but for about as long again", () => {
    const load = { model: () => one, most: 16, othersEveryMs: 50, seconds: 180 };
    const greedy = simulated({ ...load, yields: false });
    const yielding = simulated(load);
    expect(greedy.p95).toBeGreaterThan(150);
    expect(yielding.p95).toBeLessThan(50);
    expect(yielding.rate).toBeGreaterThan(0.9 * greedy.rate);
  });

  it("measures the model alone again about once a minute, for as little of the time as that takes", () => {
    const { share } = simulated({ model: () => ({ workers: 64, serviceMs: 20 }), most: 16, seconds: 300 });
    expect(share(5, (limit) => limit === 1)).toBeGreaterThan(0);
    expect(share(5, (limit) => limit === 1)).toBeLessThan(0.02);
    const slow = simulated({ model: () => ({ workers: 64, serviceMs: 5_000 }), most: 16, seconds: 1_800 });
    expect(slow.share(60, (limit) => limit === 1)).toBeLessThan(0.05);
  });

  it("is less while the model is slower, and again as many when the model is faster, or is found to be as slow as that for good", () => {
    const model = (now: number): Model => ({ workers: 64, serviceMs: now > 20_000 && now < 150_000 ? 60 : 20 });
    const { limits, share } = simulated({ model, most: 16, seconds: 240 });
    const at = (second: number) => limits[second * 2_000] ?? 0;
    expect(at(19)).toBe(16);
    expect(at(40)).toBeLessThan(8);
    expect(at(149)).toBe(16);
    expect(share(200, (limit) => limit === 16 || limit === 1)).toBe(1);
  });

  it("does not fall for one slow answer in a hundred, or for a few milliseconds", () => {
    const pace = new Pace(8, 0);
    let now = 0;
    const answers = (count: number, milliseconds: number): void => {
      for (let index = 0; index < count; index += 1) {
        now += milliseconds;
        pace.answered(now - milliseconds, now);
      }
    };
    answers(1_000, 2);
    for (let rounds = 0; rounds < 10; rounds += 1) {
      answers(200, 6);
      answers(1, 2_000);
    }
    expect(pace.limit).toBe(8);
  });

  it("is halved by a refusal, once for all that were sent before it", () => {
    const pace = new Pace(8, 0);
    let now = 0;
    for (; pace.limit < 8; now += 10) pace.answered(now, now + 10);
    const refused = (sentAgo: number) => pace.refused(now - sentAgo, now);
    now += 1_000;
    refused(10);
    refused(10);
    refused(5);
    expect(pace.limit).toBe(4);
    now += 100;
    refused(50);
    expect(pace.limit).toBe(2);
    for (let times = 0; times < 5; times += 1) {
      now += 100;
      refused(50);
    }
    expect(pace.limit).toBe(1);
  });

  it("counts no answer to what was sent before it became less", () => {
    const pace = new Pace(4, 0);
    let now = 0;
    for (; pace.limit < 4; now += 10) pace.answered(now, now + 10);
    pace.refused(now, now);
    for (let index = 0; index < 1_000; index += 1) pace.answered(now - 1, now + 5_000 + index);
    expect(pace.limit).toBe(2);
  });

  it("is one where no more are allowed", () => {
    const pace = new Pace(1, 0);
    for (let now = 0; now < 100_000; now += 10) pace.answered(now, now + 10);
    expect(pace.limit).toBe(1);
  });
});
