import { expect, it } from "vitest";
import { StartupPatience } from "../../../src/local/startupPatience.ts";
import type { SupervisorStatus } from "../../../src/local/supervisor/supervisor.ts";

const part = (state: "ready" | "starting") =>
  ({ name: "etcd", state, lastExit: null }) as SupervisorStatus["parts"][number];

function status(ready: number, pending: number, parts = 3): SupervisorStatus {
  return {
    ready: false,
    parts: Array.from({ length: parts }, (_, n) => part(n < ready ? "ready" : "starting")),
    pendingSteps: Array.from({ length: pending }, (_, n) => ({ name: `step ${n}`, lastError: null })),
  };
}

it("a start that gets on is waited for, however slow the machine is", () => {
  const patience = new StartupPatience(120, 0);
  patience.see(undefined, 100);
  expect(patience.isOver(119)).toBe(false);
  for (const [at, seen] of [
    [110, status(0, 2)],
    [220, status(1, 2)],
    [330, status(1, 1)],
    [440, status(2, 1)],
  ] as const) {
    patience.see(seen, at);
    expect(patience.isOver(at + 119)).toBe(false);
  }
  expect(patience.isOver(561)).toBe(true);
});

it("one that does not is given up, also where a part comes and goes", () => {
  const patience = new StartupPatience(120, 0);
  for (let at = 0; at <= 200; at += 10) patience.see(status(at % 20 === 0 ? 1 : 0, 1), at);
  expect(patience.isOver(200)).toBe(true);
});

it("an answer that does not come in time does not hide the last one", () => {
  const patience = new StartupPatience(120, 0);
  expect(patience.last).toBeUndefined();
  patience.see(status(1, 1), 10);
  patience.see(undefined, 20);
  expect(patience.last).toEqual(status(1, 1));
});
