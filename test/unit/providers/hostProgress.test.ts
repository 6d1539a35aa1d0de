import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { hostProgress } from "../../../src/providers/host.ts";

let lines: string[];

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
});
afterEach(() => vi.useRealTimers());

const begin = () => hostProgress((line) => lines.push(line)).begin("image iris");

it("says what is waited for, though it was told at once and never again", () => {
  const task = begin();
  task.update("no node has room");
  expect(lines).toEqual([]);
  vi.advanceTimersByTime(3_600_000);
  expect(lines).toEqual(["image iris: no node has room (5.0 s)"]);
  task.failed();
  expect(lines.at(-1)).toBe("image iris: failed (3600.0 s)");
});

it("prints the latest of what comes in quick succession, and nothing after the end", () => {
  const task = begin();
  for (const detail of ["step fetch", "step build", "step verify"]) task.update(detail);
  vi.advanceTimersByTime(5_000);
  task.update("step sign");
  task.done("sha256:0");
  vi.advanceTimersByTime(60_000);
  expect(lines).toEqual(["image iris: step verify (5.0 s)", "image iris: sha256:0 (5.0 s)"]);
});
