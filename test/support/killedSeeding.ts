import pg from "pg";
import { ensureReleaseState } from "../../src/adapters/postgres/releaseState/ensure.ts";
import type { DatabaseServer } from "../../src/adapters/postgres/server.ts";
import { silent } from "../../src/domain/progress.ts";
import { type StateChange, stateOf } from "./releaseStates.ts";

/** A process that seeds a release and kills itself at its `at`th statement: `node killedSeeding.ts JSON`. */

const { server, change, at } = JSON.parse(process.argv[2] ?? "") as {
  server: DatabaseServer;
  change: StateChange;
  at: number;
};
const query = pg.Client.prototype.query;
let statements = 0;
pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  statements += 1;
  if (statements === at) process.kill(process.pid, "SIGKILL");
  return Reflect.apply(query, this, args);
} as typeof query;
await ensureReleaseState(server, stateOf(change), { progress: silent });
