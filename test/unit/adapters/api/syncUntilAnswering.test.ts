import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiRefused, type DevelopmentVersions } from "../../../../src/adapters/api/developmentVersions.ts";
import { syncUntilAnswering } from "../../../../src/adapters/api/syncUntilAnswering.ts";
import type { DevelopmentStatus } from "../../../../src/domain/development/contract.ts";
import { refusalSaying } from "../../../support/issues.ts";

/** A pause takes no time, and the clock says that it did. */
const pause = async (milliseconds: number) => void vi.setSystemTime(Date.now() + milliseconds);
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

const status = (state: DevelopmentStatus["state"], because?: string) =>
  ({ state, because, headHash: "a".repeat(64) }) as DevelopmentStatus;
const away = () => new ApiRefused("unreachable", refusalSaying("the API service does not answer"));

/** Runs it over what syncs come to, one after the other, the last of them for ever. */
async function run(ends: readonly (DevelopmentStatus | Error)[], withinMs = 60_000) {
  const wake = vi.fn(async () => status("waking"));
  const reported: string[] = [];
  let turn = 0;
  const sync = async () => {
    const end = ends[Math.min(turn, ends.length - 1)];
    turn += 1;
    if (end instanceof Error) throw end;
    return end as DevelopmentStatus;
  };
  const client = { sync, wake } as unknown as DevelopmentVersions;
  const report = (reason: string) => void reported.push(reason);
  const signal = new AbortController().signal;
  const options = { client, versionId: "1", model: "m", withinMs, report, signal, pause };
  const end = await syncUntilAnswering(options).then(
    ({ state }) => state,
    (error: Error) => error.message,
  );
  return { end, syncs: turn, wakes: wake.mock.calls.length, reported };
}

it("goes on until the head answers, through a service that is away, and reports each reason once", async () => {
  const starts = status("waking", "its pod is starting");
  expect(await run([starts, away(), away(), starts, starts, status("synced")])).toMatchObject({
    end: "synced",
    syncs: 6,
    reported: ["its pod is starting", "the API service does not answer", "its pod is starting"],
  });
});

it("wakes what is stopped", async () => {
  expect(await run([status("stopped"), status("synced")])).toMatchObject({ end: "synced", wakes: 1 });
});

it.each([
  ["the service stays away", [away()], /the API service does not answer/, 60],
  ["the service refuses it", [new ApiRefused("not_found", refusalSaying("no such version"))], /no such version/, 1],
  ["the pod does not come", [status("waking", "its pod is starting")], /its pod is starting/, 60],
  ["the code does not load for one and the same reason", [status("behind", "SyntaxError")], /SyntaxError/, 45],
] as const)("ends with why where %s", async (_what, ends, why, seconds) => {
  const { end, syncs } = await run(ends);
  expect(end).toMatch(why);
  expect(Math.abs(syncs - seconds)).toBeLessThanOrEqual(3);
});
