import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { clientConfig } from "../../../../../src/adapters/postgres/server.ts";
import { createSleepStore } from "../../../../../src/adapters/postgres/sleep/sleepStore.ts";
import { platformDatabase } from "../../../../../src/domain/platformDatabase.ts";
import { sleepRules } from "../../../../../src/domain/sleep/record.ts";
import { createStopper } from "../../../../../src/services/api/sleep/stopUnused.ts";
import { createWaking } from "../../../../../src/services/api/sleep/waking.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { MemoryCluster } from "../../../../support/versionCluster.ts";

/** A stream of hours on a real PostgreSQL whose clock, as the statements see it, goes by the test alone: on a busy machine as on another. */

let postgres: TestPostgres;
let pool: pg.Pool;
/** How far the clocks have gone, in seconds. */
let ahead = 0;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  pool = new pg.Pool({
    ...clientConfig(postgres.server, platformDatabase),
    // What stands before pg_catalog wins.
    options: "-c search_path=clock,pg_catalog",
  });
  // `end` answers before its connections are closed, and the server that stops then says so.
  pool.on("error", () => {});
  await pool.query(`
    CREATE SCHEMA clock;
    CREATE TABLE clock.ahead (seconds double precision NOT NULL);
    INSERT INTO clock.ahead VALUES (0);
    CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
      'SELECT timestamptz ''${new Date().toISOString()}'' + make_interval(secs => seconds) FROM clock.ahead'`);
});

afterAll(async () => {
  await pool?.end();
  await postgres?.stop();
});

async function pass(seconds: number): Promise<void> {
  ahead += seconds;
  await pool.query("UPDATE clock.ahead SET seconds = $1", [ahead]);
}

/** Between two renewals and between two looks, in seconds, as the service does. */
const [renewEvery, lookEvery] = [10, 5];

it.each(["zoo", "development"])(
  "a model of kind %s is not stopped within two hours of a stream, whoever leads and whatever the clock does, and sleeps after it",
  async (kind) => {
    const cluster = new MemoryCluster();
    const name = kind === "zoo" ? "iris-v1" : "v7";
    if (kind === "zoo") cluster.deployZoo(name, 1);
    else cluster.deploy("7", "a".repeat(64), 1);
    const store = createSleepStore(pool, sleepRules);
    const log = pino({ level: "silent" });
    const now = () => ahead * 1000;
    const waking = createWaking({ store, cluster, prepare: async () => ({ kind: "answers" }), holder: kind, log, now });
    const { signal } = new AbortController();
    let stopper = createStopper({ store, cluster, log });
    const isStopped = () => cluster.find(name)?.isStopped;

    const stream = Promise.withResolvers<void>();
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const answered = waking.during(name, response, async (open) => {
      await open();
      await stream.promise;
    });
    /** So many seconds in which both are done in time. */
    const go = async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second += lookEvery) {
        await pass(lookEvery);
        if (second % renewEvery === 0) await waking.renew();
        await stopper.look(signal);
        expect(isStopped()).toBe(false);
      }
    };
    await go(3_000);
    // Another process leads, which knows nothing of the time before.
    stopper = createStopper({ store, cluster, log });
    await go(600);
    // The database was away for ten minutes, and the leader is back before whoever has the stream.
    await pass(600);
    for (let second = 0; second < sleepRules.leaseSeconds - 1; second += 1) {
      await stopper.look(signal);
      expect(isStopped()).toBe(false);
      await pass(1);
    }
    await waking.renew();
    await go(2_400);
    // Somebody sets the database's clock.
    await pass(7_200);
    await stopper.look(signal);
    await go(600);

    stream.resolve();
    await answered;
    for (let second = 0; second < 120 && !isStopped(); second += lookEvery) {
      await pass(lookEvery);
      if (second % renewEvery === 0) await waking.renew();
      await stopper.look(signal);
      if (isStopped()) expect(second).toBeGreaterThanOrEqual(60 - lookEvery);
    }
    expect(isStopped()).toBe(true);
  },
);
