import { expect, it } from "vitest";
import { Throughput } from "../../../../src/domain/batch/throughput.ts";

it("says nothing in the first two seconds, or before anything is answered", () => {
  const throughput = new Throughput(1_000);
  expect(throughput.at(0, 0, 0)).toBeUndefined();
  expect(throughput.at(1_900, 10, 100)).toBeUndefined();
  expect(new Throughput(5).at(10_000, 0, 0)).toBeUndefined();
});

it("tells lines a second, and what is left by the bytes", () => {
  const throughput = new Throughput(1_000);
  throughput.at(0, 0, 0);
  expect(throughput.at(4_000, 20, 400)).toEqual({ perSecond: 5, secondsLeft: 6 });
});

it("forgets how slow it was half a minute ago", () => {
  const throughput = new Throughput(1_000_000);
  throughput.at(0, 0, 0);
  for (let second = 1; second <= 60; second += 1) throughput.at(second * 1_000, second, second * 10);
  for (let second = 61; second <= 100; second += 1) {
    throughput.at(second * 1_000, 60 + (second - 60) * 100, 600 + (second - 60) * 1_000);
  }
  expect(throughput.at(100_500, 4_110, 41_100)?.perSecond).toBeCloseTo(100, 0);
});
