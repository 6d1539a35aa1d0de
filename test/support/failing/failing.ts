import { describe, expect, it } from "vitest";

/** Fails, for the test of what a run ends with. */
describe("a model", () => {
  it("answers", () => expect(1).toBe(1));
  it("says what it cannot do", () => expect("asleep", "the model sleeps\nand more lines").toBe("awake"));
  it.skip("is not run", () => {});
});
