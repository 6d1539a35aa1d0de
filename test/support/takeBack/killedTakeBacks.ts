/** A process that takes rollouts back side by side and kills itself in the middle of them. Standard input: JSON of {@link KilledTakeBacks}. */
import { text } from "node:stream/consumers";
import { type DatabaseServer, withClient } from "../../../src/adapters/postgres/server.ts";
import type { TakeBackIntent } from "../../../src/adapters/postgres/takeBack/takeBacks.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { takeBack } from "../../../src/services/guard/takeBack.ts";
import { type KillPoint, killedAtPoints } from "../killing/killedAtPoints.ts";
import { tablePorts } from "./gatewayTable.ts";

export interface KilledTakeBacks {
  /** By the guard's login. */
  readonly server: DatabaseServer;
  /** An existing database with apps, by the guard's login there: then points are of its statements. @default there is none */
  readonly apps?: DatabaseServer | undefined;
  readonly runs: readonly { readonly intent: TakeBackIntent; readonly point: KillPoint }[];
}

const { server, apps, runs } = JSON.parse(await text(process.stdin)) as KilledTakeBacks;

await killedAtPoints(runs, ({ intent }, held) =>
  withClient(server, platformDatabase, (client) => {
    if (!apps) return takeBack(tablePorts(held(client)), intent);
    const ports = tablePorts(client, undefined, (work) =>
      withClient(apps, apps.maintenanceDatabase, (there) => work(held(there))),
    );
    return takeBack(ports, intent);
  }),
);
