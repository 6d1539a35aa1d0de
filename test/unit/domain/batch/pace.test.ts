import { describe, expect, it } from "vitest";
import { Pace } from "../../../../src/domain/batch/pace.ts";

/** A pace on a clock of its own: `answers` that took so long each, one after the other. */
function pace(most = 8) {
  const own = new Pace(most);
  let now = 0;
  return {
    limit: () => own.limit,
    answers(count: number, milliseconds: number): void {
      for (let index = 0; index < count; index += 1) {
        now += milliseconds;
        own.answered(now - milliseconds, now);
      }
    },
    refused(sentAgo: number): void {
      own.refused(now - sentAgo, now);
    },
    pass(milliseconds: number): void {
      now += milliseconds;
    },
  };
}

describe("the number of requests at once", () => {
  it("is all that is allowed, from the beginning and while answers come as fast as before", () => {
    const { limit, answers } = pace();
    expect(limit()).toBe(8);
    for (const milliseconds of [50, 60, 50, 90, 50]) answers(100, milliseconds);
    expect(limit()).toBe(8);
  });

  it("is less while answers are more than twice as slow, and grows again by one at a time", () => {
    const { limit, answers } = pace();
    // Four answers of each place are a window.
    answers(3 * 4 * 8, 50);
    answers(4 * 8, 150);
    expect(limit()).toBe(6);
    answers(4 * 6, 50);
    expect(limit()).toBe(7);
    answers(4 * 7, 50);
    expect(limit()).toBe(8);
    answers(200, 50);
    expect(limit()).toBe(8);
  });

  it("goes down to one, and no further", () => {
    const { limit, answers } = pace();
    answers(100, 10);
    for (let rounds = 0; rounds < 12; rounds += 1) answers(120, 500);
    expect(limit()).toBe(1);
  });

  it("does not fall for one slow answer in a hundred, or for a few milliseconds", () => {
    const { limit, answers } = pace();
    answers(1_000, 2);
    for (let rounds = 0; rounds < 20; rounds += 1) {
      answers(200, 6);
      answers(1, 2_000);
    }
    expect(limit()).toBe(8);
  });

  it("takes a model that is slower for good for the usual, after a while", () => {
    const { limit, answers } = pace();
    answers(200, 50);
    answers(300, 200);
    expect(limit()).toBeLessThan(8);
    answers(8_000, 200);
    expect(limit()).toBe(8);
  });

  it("is halved by a refusal, once for all that were sent before it", () => {
    const { limit, refused, pass } = pace();
    pass(1_000);
    refused(10);
    refused(10);
    refused(5);
    expect(limit()).toBe(4);
    pass(100);
    refused(50);
    expect(limit()).toBe(2);
  });

  it("counts no answer to what was sent before it became less", () => {
    const own = new Pace(4);
    own.refused(1, 2);
    for (let index = 0; index < 1_000; index += 1) own.answered(1, 5_000 + index);
    expect(own.limit).toBe(2);
  });
});
