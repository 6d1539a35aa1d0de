/**
 * A process that takes rollouts back side by side, holds each at one of its statements, and then kills itself with SIGKILL: before
 * the statement is sent, while the server works on it, or after its answer. Standard input: JSON of {@link KilledTakeBacks}. Standard
 * output: the places of those that got through before, a line each.
 */
import { writeSync } from "node:fs";
import { text } from "node:stream/consumers";
import { type DatabaseServer, withClient } from "../../../src/adapters/postgres/server.ts";
import type { TakeBackIntent } from "../../../src/adapters/postgres/takeBack/takeBacks.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { takeBack } from "../../../src/services/guard/takeBack.ts";
import { watched } from "../../integration/adapters/postgres/zoo/migration/world/client.ts";
import type { KillPoint } from "../../integration/adapters/postgres/zoo/migration/world/killedRun.ts";
import { tablePorts } from "./gatewayTable.ts";

export interface KilledTakeBacks {
  /** By the guard's login. */
  readonly server: DatabaseServer;
  readonly runs: readonly { readonly intent: TakeBackIntent; readonly point: KillPoint }[];
}

const { server, runs } = JSON.parse(await text(process.stdin)) as KilledTakeBacks;
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

await Promise.all(
  runs.map(({ intent, point }, place) =>
    withClient(server, platformDatabase, async (client) => {
      const hold = async (): Promise<void> => {
        arrive();
        await ready.promise;
      };
      const held = watched(client, {
        async before(number) {
          if (number !== point.statement || point.when === "after") return;
          if (point.when === "sent") onTheirWay += 1;
          await hold();
          if (point.when === "before") await new Promise(() => {});
        },
        sent(number) {
          if (number !== point.statement || point.when !== "sent") return;
          onTheirWay -= 1;
          // The messages leave with this turn of the event loop.
          setImmediate(kill);
        },
        async after(number) {
          if (number !== point.statement || point.when !== "after") return;
          await hold();
          await new Promise(() => {});
        },
      });
      await takeBack(tablePorts(held), intent);
      writeSync(1, `${place}\n`);
      arrive();
    }),
  ),
);
