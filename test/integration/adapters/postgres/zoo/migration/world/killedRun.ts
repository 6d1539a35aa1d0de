/** A process that runs migrations side by side and kills itself in the middle of them. Standard input: JSON of {@link KilledRuns}. */
import { text } from "node:stream/consumers";
import { runMigration } from "../../../../../../../src/adapters/postgres/zoo/migration/run.ts";
import {
  type MigrationConnection,
  movingTarget,
} from "../../../../../../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../../../../../../src/domain/progress.ts";
import type { MigrationRequest } from "../../../../../../../src/domain/zoo/migration.ts";
import { type KillPoint, killedAtPoints } from "../../../../../../support/killing/killedAtPoints.ts";

export interface KilledRuns {
  readonly request: MigrationRequest;
  readonly batchRows: number;
  readonly runs: readonly { readonly connection: MigrationConnection; readonly point: KillPoint }[];
}

const { request, batchRows, runs } = JSON.parse(await text(process.stdin)) as KilledRuns;

await killedAtPoints(runs, ({ connection }, held) =>
  movingTarget(connection, (client, target) =>
    runMigration(held(client), target, request, { progress: silent, batchRows }),
  ),
);
