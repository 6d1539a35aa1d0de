import { expect, it } from "vitest";
import { counted, times } from "../../../src/domain/counted.ts";

it("one is said in the singular, everything else in the plural", () => {
  expect([0, 1, 2].map((count) => counted(count, "request"))).toEqual(["0 requests", "1 request", "2 requests"]);
  expect([1, 3].map((count) => counted(count, "reply", "replies"))).toEqual(["1 reply", "3 replies"]);
  expect([0, 1, 2].map(times)).toEqual(["0 times", "once", "2 times"]);
});
