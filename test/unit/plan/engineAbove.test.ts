import { describe, expect, it } from "vitest";
import { showsDebugging } from "../../../src/plan/engineAbove.ts";

describe("a run of the engine", () => {
  it.each([
    ["preview --diff -s dev --color never", false],
    ["up -y --debug=false", false],
    ["preview --debug", true],
    ["up -yd", true],
    ["up -v=9 --logtostderr", true],
    ["up --verbose 9", true],
  ])("by `pulumi %s` shows messages for debugging: %s", (args, shown) => {
    expect(showsDebugging(["pulumi", ...args.split(" ")])).toBe(shown);
  });
});
