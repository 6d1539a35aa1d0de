import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Routes, to } from "../../local/support/routes.ts";
import { OwnGateway } from "../../support/gateway/ownGateway.ts";

/**
 * The order in which the program changes things (a Service is ready before a route leads to it, and goes after the last one that did), with an
 * Envoy that stands still at some point of it, so that it reads all of it at once.
 */

let own: OwnGateway;
let routes: Routes;

beforeAll(async () => {
  own = await OwnGateway.open("paused-gateway", ["model"]);
  routes = own.routes;
});

afterAll(() => own?.close());

/** Envoy, stopped and going on. */
function signalEnvoy(signal: "SIGSTOP" | "SIGCONT"): void {
  const envoy = own.home.processes().find(({ command }) => /\/envoy /.test(command));
  if (!envoy) throw new Error("no Envoy runs");
  process.kill(envoy.pid, signal);
}

/** Sends requests without a pause while `act` runs, and answers those that were not answered with 200. */
async function failedDuring(host: string, act: () => Promise<void>): Promise<{ failed: string[]; sent: number }> {
  const failed: string[] = [];
  let [sent, going] = [0, true];
  const senders = Array.from({ length: 8 }, async () => {
    while (going) {
      const { status, text } = await routes.ask(host, "/");
      sent += 1;
      if (status !== 200) failed.push(`${status} ${text}`);
    }
  });
  await act();
  going = false;
  await Promise.all(senders);
  return { failed, sent };
}

describe("while a route moves from one Service to the next, no request fails", () => {
  const moments = ["before the Service comes", "before the route moves", "before the last Service goes"] as const;

  test.each([...moments, undefined])("with Envoy stopped %s", async (moment) => {
    const name = `paused-${moments.indexOf(moment ?? moments[0])}${moment ? "" : "-not"}`;
    const service = (round: number) => `${name}-${round}`;
    await own.backends.serve(service(0), own.backends.ports.model);
    const host = await routes.routed(name, [to(service(0))]);
    await vi.waitFor(async () => expect((await routes.ask(host, "/")).status).toBe(200));
    const pause = async (at: (typeof moments)[number]) => {
      if (at === moment) signalEnvoy("SIGSTOP");
      // istiod tells Envoy 0.1 s after the last of several changes.
      await delay(400);
    };
    const { failed, sent } = await failedDuring(host, async () => {
      for (let round = 1; round <= 10; round += 1) {
        await pause("before the Service comes");
        await own.backends.serve(service(round), own.backends.ports.model);
        await pause("before the route moves");
        await routes.apply(name, [to(service(round))]);
        await pause("before the last Service goes");
        await own.backends.remove(service(round - 1));
        await delay(400);
        if (moment) signalEnvoy("SIGCONT");
        await delay(300);
      }
    });
    expect(sent).toBeGreaterThan(1_000);
    expect(failed).toEqual([]);
  });
});
