import { expect, it } from "vitest";
import { PieceTimes } from "../../../../src/services/recorder/pieceTimes.ts";

it("each piece has its time, and where it ends", () => {
  const times = new PieceTimes();
  expect(times.arrivals()).toBeNull();
  times.add(10, 1);
  times.add(5, 3);
  expect(times.arrivals()).toEqual({ pieces: 2, ends: [10, 15], at: [1, 3] });
});

it("a stream of an hour keeps its first thousand pieces, all of its bytes and a bounded number of times", () => {
  const times = new PieceTimes();
  // 50 pieces a second.
  for (let piece = 0; piece < 180_000; piece += 1) times.add(7, piece * 20);
  const { pieces, ends, at } = times.arrivals() ?? { pieces: 0, ends: [], at: [] };
  expect(pieces).toBe(180_000);
  expect(at.length).toBeGreaterThan(8_000);
  expect(at.length).toBeLessThanOrEqual(16_384);
  expect(ends.length).toBe(at.length);
  expect([at[0], at[1_000], ends[1_000]]).toEqual([0, 20_000, 7_007]);
  expect([at[at.length - 1], ends[ends.length - 1]]).toEqual([179_999 * 20, 180_000 * 7]);
  for (let index = 0; index < at.length; index += 1) {
    // An entry has the time of the piece that ends it.
    expect(ends[index]).toBe(((at[index] as number) / 20 + 1) * 7);
    if (index > 0 && (at[index] as number) <= (at[index - 1] as number)) throw new Error("times decrease");
  }
});
