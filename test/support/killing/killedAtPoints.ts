import { writeSync } from "node:fs";
import type { ClientBase } from "pg";
import { watched } from "../../integration/adapters/postgres/zoo/migration/world/client.ts";

/** Where a run is when its process is killed. */
export interface KillPoint {
  /** From 1. */
  readonly statement: number;
  readonly when: "before" | "sent" | "after";
}

/**
 * Runs side by side, holds each at one of its statements, and then kills this process with SIGKILL: before the statement is sent, while
 * the server works on it, or after its answer. Prints the places of those that got through before, a line each.
 */
export async function killedAtPoints<Run extends { readonly point: KillPoint }>(
  runs: readonly Run[],
  work: (run: Run, held: (client: ClientBase) => ClientBase) => Promise<unknown>,
): Promise<void> {
  /** Resolved when every run is at its point, or through. */
  const ready = Promise.withResolvers<void>();
  let [arrived, onTheirWay] = [0, 0];
  const arrive = (): void => {
    arrived += 1;
    if (arrived === runs.length) ready.resolve();
  };
  const kill = (): void => {
    if (onTheirWay === 0) process.kill(process.pid, "SIGKILL");
  };
  void ready.promise.then(kill);
  const hold = async (): Promise<void> => {
    arrive();
    await ready.promise;
  };
  const held = (client: ClientBase, { statement, when }: KillPoint) =>
    watched(client, {
      async before(number) {
        if (number !== statement || when === "after") return;
        if (when === "sent") onTheirWay += 1;
        await hold();
        if (when === "before") await new Promise(() => {});
      },
      sent(number) {
        if (number !== statement || when !== "sent") return;
        onTheirWay -= 1;
        // The messages leave with this turn of the event loop.
        setImmediate(kill);
      },
      async after(number) {
        if (number !== statement || when !== "after") return;
        await hold();
        await new Promise(() => {});
      },
    });
  await Promise.all(
    runs.map(async (run, place) => {
      await work(run, (client) => held(client, run.point));
      writeSync(1, `${place}\n`);
      arrive();
    }),
  );
}
