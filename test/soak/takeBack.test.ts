import { afterAll, beforeAll, expect, it } from "vitest";
import { withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { makePlatformTables } from "../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { gatewayTable } from "../support/takeBack/gatewayTable.ts";
import { databaseStoppedAt, metByUps } from "../support/takeBack/held.ts";
import { everyPoint, killedAndResumed } from "../support/takeBack/kill.ts";
import { apiKilledAt } from "../support/takeBack/killedApi.ts";

/**
 * A guard, its database, the API service, and an `up` that goes forward meanwhile, each of which is killed at every statement of a take-back:
 * before it is sent, while the server works on it, and after its answer. The gateway is killed in test/soak/gateway/takeBack.test.ts.
 */

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres(["fsync=off", "max_connections=400"]);
  await makePlatformTables(postgres.server);
  await withClient(postgres.server, platformDatabase, (client) => client.query(gatewayTable));
}, 240_000);

afterAll(() => postgres.stop());

/** More statements than one take-back has: those beyond it end a guard that is through. */
const statements = 45;

it("leaves nothing in between: another one goes on, and everything happens once", async () => {
  expect(await killedAndResumed(postgres.server, everyPoint(statements))).toBeGreaterThanOrEqual(60);
}, 900_000);

it("nor does a database that stops at once: the guard goes on when it is back", async () => {
  expect(await databaseStoppedAt(postgres, everyPoint(statements))).toBeGreaterThanOrEqual(60);
}, 900_000);

it("nor does an API service that is killed: apps are answered by one of the versions, in the end by the old one", async () => {
  // Every other one: each has apps that clients ask all the while.
  const points = everyPoint(statements).filter((_, place) => place % 2 === 0);
  const { stopped, unanswered } = await apiKilledAt(postgres.server, points);
  expect(stopped).toBeGreaterThanOrEqual(30);
  expect(unanswered).toBeGreaterThan(0);
}, 900_000);

/** Statements of an `up` that goes forward; the guard of each meeting is at another of its own. */
const meetings = everyPoint(40).map((up, place) => ({ up, guard: everyPoint(30)[(place * 7) % 90] ?? up }));

it("nor does an `up` that is killed at any of its statements, wherever the guard is by then", async () => {
  const { guards } = await metByUps(postgres, meetings, "kill");
  expect(guards).toBeGreaterThanOrEqual(40);
}, 900_000);

it("an `up` that began earlier fails with the sentence, or was through before", async () => {
  const { endings } = await metByUps(postgres, meetings, "go");
  const sentences = endings.filter((each) => each !== null);
  expect(sentences.length).toBeGreaterThanOrEqual(30);
  for (const sentence of sentences) expect(sentence).toMatch(/taken back at|the guard set it to/);
}, 900_000);
