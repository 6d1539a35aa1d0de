import { expect, it } from "vitest";
import { AnsweredLines } from "../../../../src/domain/batch/answeredLines.ts";

it("knows what was added, whatever the order", () => {
  const lines = new AnsweredLines();
  const numbers = Array.from({ length: 2_000 }, (_, index) => ((index * 7_919) % 2_003) + 1);
  const known = new Set<number>();
  for (const number of numbers) {
    expect(lines.add(number)).toBe(!known.has(number));
    known.add(number);
    expect(lines.add(number)).toBe(false);
  }
  expect(lines.count).toBe(known.size);
  expect(lines.last).toBe(Math.max(...known));
  for (let number = 0; number <= 2_010; number += 1) expect(lines.has(number)).toBe(known.has(number));
});

it("has nothing at first", () => {
  const lines = new AnsweredLines();
  expect([lines.count, lines.last, lines.has(1)]).toEqual([0, 0, false]);
});
