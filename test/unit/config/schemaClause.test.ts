import { describe, expect, it } from "vitest";
import { wholeNumber } from "../../../src/config/fields.ts";
import { clauseIn, wrong } from "../../../src/config/schemaClause.ts";

describe("what a schema says of a value", () => {
  it.each([
    ["is no; number", "use one; or two"],
    ["missing", ""],
    ['"a\\u001fb; c" is not allowed', "use letters"],
  ])("keeps both halves apart, whatever stands in them: %s", (problem, fix) => {
    expect(clauseIn(wrong(problem, fix))).toEqual({ problem, fix });
  });

  it("is not cut by the value that it shows", () => {
    const parsed = wholeNumber(1, 8, "").safeParse("1\u001f2; 3");
    expect(clauseIn(parsed.error?.issues[0]?.message ?? "")).toEqual({
      problem: '"1\\u001f2; 3" is not allowed',
      fix: "use a whole number from 1 to 8",
    });
  });

  it("is the problem where zod itself said it", () => {
    expect(clauseIn("Invalid input; expected a string")).toEqual({
      problem: "Invalid input; expected a string",
      fix: "",
    });
  });
});
