import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { latencyClass, type OpenTold } from "../../../../src/domain/recording/openRequests.ts";
import { OpenRequests } from "../../../../src/services/recorder/openRequests.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000_001_000 }));
afterEach(() => void vi.useRealTimers());

test("what is not over is told at whole multiples of five seconds, by how long it has lasted or until something came", () => {
  const told: OpenTold[] = [];
  const open = new OpenRequests((each) => told.push(each));
  const [one, other] = [open.begin("coin 7", Date.now()), open.begin("coin 7", Date.now())];
  for (const coin of [undefined, "drawn 7", "hash 7 0", "coin"]) expect(open.begin(coin, Date.now())).toBeUndefined();
  if (other) other.seen = 30;
  vi.advanceTimersByTime(4_000);
  const since = (milliseconds: number) => ({ generation: 7, class: latencyClass(milliseconds), requests: 1 });
  expect(told).toEqual([{ at: 1_000_005_000, counts: [since(4_000), since(30)] }]);
  open.end(other);
  vi.advanceTimersByTime(5_000);
  expect(told[1]).toEqual({ at: 1_000_010_000, counts: [since(9_000)] });
  open.end(one);
  vi.advanceTimersByTime(60_000);
  expect(told).toHaveLength(2);
  expect(vi.getTimerCount()).toBe(0);
});
