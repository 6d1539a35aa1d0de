import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { makePlatformTables } from "../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { gatewayTable } from "../support/takeBack/gatewayTable.ts";
import { everyPoint, killedAndResumed } from "../support/takeBack/kill.ts";

/** A guard that is killed at every statement of a take-back: before it is sent, while the server works on it, and after its answer. */

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres(["fsync=off", "max_connections=200"]);
  await makePlatformTables(postgres.server);
  await withClient(postgres.server, platformDatabase, (client) => client.query(gatewayTable));
}, 240_000);

afterAll(() => postgres.stop());

/** More statements than one take-back has: those beyond it end a guard that is through. */
const statements = 45;

it("leaves nothing in between: another one goes on, and everything happens once", async () => {
  expect(await killedAndResumed(postgres.server, everyPoint(statements))).toBeGreaterThanOrEqual(60);
}, 900_000);
