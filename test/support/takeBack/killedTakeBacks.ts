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
  readonly runs: readonly { readonly intent: TakeBackIntent; readonly point: KillPoint }[];
}

const { server, runs } = JSON.parse(await text(process.stdin)) as KilledTakeBacks;

await killedAtPoints(runs, ({ intent }, held) =>
  withClient(server, platformDatabase, (client) => takeBack(tablePorts(held(client)), intent)),
);
