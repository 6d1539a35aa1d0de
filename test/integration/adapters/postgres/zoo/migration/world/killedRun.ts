/**
 * A process that runs migrations side by side, holds each at one of its statements, and then kills itself with SIGKILL: before
 * the statement is sent, while the server works on it, or after its answer. Standard input: JSON of {@link KilledRuns}.
 * Standard output: the places of those that got through before, a line each.
 */
import { writeSync } from "node:fs";
import { text } from "node:stream/consumers";
import { runMigration } from "../../../../../../../src/adapters/postgres/zoo/migration/run.ts";
import {
  type MigrationConnection,
  movingTarget,
} from "../../../../../../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../../../../../../src/domain/progress.ts";
import type { MigrationRequest } from "../../../../../../../src/domain/zoo/migration.ts";
import { watched } from "./client.ts";

/** Where a run is when its process is killed. */
export interface KillPoint {
  /** From 1. */
  readonly statement: number;
  readonly when: "before" | "sent" | "after";
}

export interface KilledRuns {
  readonly request: MigrationRequest;
  readonly batchRows: number;
  readonly runs: readonly { readonly connection: MigrationConnection; readonly point: KillPoint }[];
}

const { request, batchRows, runs } = JSON.parse(await text(process.stdin)) as KilledRuns;
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
  runs.map(async ({ connection, point }, place) => {
    await movingTarget(connection, (client, target) => runMigration(held(client, point), target, request, options()));
    writeSync(1, `${place}\n`);
    arrive();
  }),
);

function options() {
  return { progress: silent, batchRows };
}

function held(client: Parameters<typeof runMigration>[0], { statement, when }: KillPoint) {
  const hold = async (): Promise<void> => {
    arrive();
    await ready.promise;
  };
  return watched(client, {
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
}
