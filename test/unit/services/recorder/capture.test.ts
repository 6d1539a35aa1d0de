import { describe, expect, it } from "vitest";
import { Capture } from "../../../../src/services/recorder/capture.ts";

const budget = (ofBody = 1_000_000, ofAll = 10_000_000) => ({ ofBody, ofAll, used: 0 });
const bytesOf = (capture: Capture) => Buffer.concat(capture.body(true).chunks);

describe("a capture", () => {
  it("keeps pieces of all sizes in their order, and small ones in few buffers", () => {
    const capture = new Capture(budget());
    const pieces = Array.from({ length: 5_000 }, (_, index) =>
      Buffer.alloc(index % 997 === 0 ? 20_000 : index % 90, index),
    );
    for (const piece of pieces) capture.add(piece);
    expect(bytesOf(capture).equals(Buffer.concat(pieces))).toBe(true);
    expect(capture.body(true).chunks.length).toBeLessThan(60);
  });

  it("keeps what fits, says that it is not whole, and gives the memory back", () => {
    const shared = budget(10, 16);
    const [one, two] = [new Capture(shared), new Capture(shared)];
    for (const capture of [one, two]) for (const text of ["abcd", "ef", "ghijkl", "m"]) capture.add(Buffer.from(text));
    expect([bytesOf(one).toString(), bytesOf(two).toString()]).toEqual(["abcdefghij", "abcdef"]);
    expect(one.body(true)).toMatchObject({ bytes: 13, truncated: true });
    one.release();
    two.release();
    one.add(Buffer.from("late"));
    expect(shared.used).toBe(0);
  });
});
