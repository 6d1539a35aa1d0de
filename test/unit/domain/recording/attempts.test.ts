import { expect, it } from "vitest";
import { AttemptNumbers } from "../../../../src/domain/recording/attempts.ts";

const keys = (from: number, count: number) => Array.from({ length: count }, (_, index) => `1\n${from + index}`);

it("repeats are numbered, within a batch and after it is stored; a batch that failed gets the same numbers again", () => {
  const attempts = new AttemptNumbers();
  expect(attempts.number(["1\na", "1\nb", "1\na"])).toEqual([1, 1, 2]);
  expect(attempts.number(["1\na"])).toEqual([1]);
  attempts.stored();
  expect(attempts.number(["1\na", "2\na"])).toEqual([2, 1]);
  attempts.found("1\na", 7);
  attempts.found("1\na", 3);
  expect(attempts.number(["1\na"])).toEqual([8]);
});

it("numbers of the last 20,000 ids are remembered, however many come", () => {
  const attempts = new AttemptNumbers();
  for (let from = 0; from < 100_000; from += 4_000) {
    attempts.number(keys(from, 4_000));
    attempts.stored();
  }
  expect(new Set(attempts.number(keys(80_000, 20_000)))).toEqual(new Set([2]));
  expect(attempts.number(keys(0, 1))).toEqual([1]);
});
