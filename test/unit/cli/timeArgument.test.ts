import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { timeArgument } from "../../../src/cli/timeArgument.ts";

const now = new Date("2026-11-22T12:00:00Z");
const echoed: string[] = [];
const zoneBefore = process.env.TZ;

beforeEach(() => {
  process.env.TZ = "America/New_York";
  echoed.length = 0;
});

afterEach(() => {
  if (zoneBefore === undefined) delete process.env.TZ;
  else process.env.TZ = zoneBefore;
});

function read(text: string): string {
  return timeArgument("--since", text, now, (line) => echoed.push(line)).toISOString();
}

describe("a time on the command line", () => {
  it.each([
    ["90m", "2026-11-22T10:30:00.000Z"],
    ["24h", "2026-11-21T12:00:00.000Z"],
    ["7d", "2026-11-15T12:00:00.000Z"],
    ["2026-11-21T14:00Z", "2026-11-21T14:00:00.000Z"],
    ["2026-11-21T15:00:30+01:00", "2026-11-21T14:00:30.000Z"],
  ])("%s is %s in every terminal", (text, time) => {
    expect(read(text)).toBe(time);
    expect(echoed).toEqual([]);
  });

  it.each([
    ["2026-11-21", "2026-11-21T05:00:00.000Z"],
    ["2026-11-21 14:00", "2026-11-21T19:00:00.000Z"],
    ["2026-07-01T14:00:30.5", "2026-07-01T18:00:30.500Z"],
  ])("%s is %s in New York, and the terminal says so", (text, time) => {
    expect(read(text)).toBe(time);
    expect(echoed).toEqual([`--since ${text} is ${time} (America/New_York, the terminal's zone); add Z for UTC`]);
  });

  it.each([
    "yesterday",
    "2026-13-01",
    "2026-02-30",
    "2026-02-30T10:00Z",
    "21.11.2026",
    "",
    "2026-11-21T25:00Z",
    "2026",
  ])("%j is refused", (text) => {
    expect(() => read(text)).toThrow(/--since ".*" is not a time; use 30m, 24h, 7d, or a time such as/);
  });
});
