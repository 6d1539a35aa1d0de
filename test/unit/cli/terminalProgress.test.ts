import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { terminalProgress } from "../../../src/cli/terminalProgress.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Lines that reach a log, without their times. */
function logged() {
  const lines: string[] = [];
  const write = (text: string) => lines.push(text.replace(/ +\d+\.\d s/, "").trimEnd());
  return { lines, progress: terminalProgress({ isTTY: false, write } as unknown as NodeJS.WriteStream) };
}

it("a log gets a line now and then: when something has changed, and after two minutes where nothing has", () => {
  const { lines, progress } = logged();
  const task = progress.begin("etcd");
  task.update("compiling, about 4 min left");
  vi.advanceTimersByTime(14_000);
  expect(lines).toEqual([]);
  vi.advanceTimersByTime(2_000);
  expect(lines).toEqual(["… etcd  compiling, about 4 min left"]);
  vi.advanceTimersByTime(60_000);
  expect(lines).toHaveLength(1);
  task.update("compiling, about 3 min left");
  vi.advanceTimersByTime(1_000);
  expect(lines[1]).toContain("about 3 min left");
  vi.advanceTimersByTime(121_000);
  expect(lines).toHaveLength(3);
  task.done();
  expect(lines.at(-1)).toMatch(/^✓ etcd/);
  vi.advanceTimersByTime(600_000);
  expect(lines).toHaveLength(4);
});
