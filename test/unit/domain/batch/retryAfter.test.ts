import { expect, it } from "vitest";
import { retryAfterMs } from "../../../../src/domain/batch/retryAfter.ts";

const now = Date.parse("2026-11-30T04:00:00Z");

it.each([
  [{}, undefined],
  [{ "retry-after": "2" }, 2_000],
  [{ "retry-after": " 1.5 " }, 1_500],
  [{ "retry-after": "Mon, 30 Nov 2026 04:01:00 GMT" }, 60_000],
  [{ "retry-after": "Mon, 30 Nov 2026 03:00:00 GMT" }, 0],
  [{ "retry-after": "soon" }, undefined],
  [{ "retry-after": "-5" }, undefined],
  [{ "retry-after-ms": "120", "retry-after": "1" }, 120],
  [{ "retry-after-ms": "many", "retry-after": "1" }, 1_000],
] as const)("%j is %s ms", (headers: Readonly<Record<string, string>>, expected) => {
  expect(retryAfterMs((name) => headers[name], now)).toBe(expected);
});
