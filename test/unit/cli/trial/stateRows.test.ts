import { afterEach, expect, test, vi } from "vitest";
import { wantsRows } from "../../../../src/cli/trial/stateRows.ts";

afterEach(() => vi.unstubAllEnvs());

test("rows are copied where the record is of this machine, and elsewhere only where that is said", () => {
  const options = { environment: "local", maxStateGb: 10 };
  vi.stubEnv("MENAGERIE_DATABASE_URL", undefined);
  expect(wantsRows({ ...options, stack: "local" })).toBe(true);
  expect(wantsRows({ ...options, stack: "staging" })).toBe(false);
  expect(wantsRows({ ...options, stack: "local", state: "empty" })).toBe(false);
  vi.stubEnv("MENAGERIE_DATABASE_URL", "postgres://elsewhere/menagerie");
  expect(wantsRows({ ...options, stack: "local" })).toBe(false);
  expect(wantsRows({ ...options, stack: "local", state: "copy" })).toBe(true);
});
