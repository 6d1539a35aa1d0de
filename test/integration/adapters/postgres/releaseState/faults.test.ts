import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { stateDigest } from "../../../../../src/adapters/postgres/releaseState/digest.ts";
import { ensureReleaseState } from "../../../../../src/adapters/postgres/releaseState/ensure.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import { breakAt, breakAtEach, mendStatements } from "../../../../support/brokenSeeding.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { type StateChange, stateOf } from "../../../../support/releaseStates.ts";

/** Seeding that is broken off at each of its statements, and what was written to the release before in the meantime. */

let postgres: TestPostgres;
const source = "v1";
const change = (tag: string): StateChange => ({ tag, from: source, blocksPerChunk: 5 });

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  await ensureReleaseState(postgres.server, stateOf({ tag: source }), { progress: silent });
  await sql(`INSERT INTO v1.item (name) SELECT 'item ' || i FROM generate_series(1, 1000) i`);
  await sql("INSERT INTO v1.event (item_id, at) SELECT 1 + i % 1000, 'epoch' FROM generate_series(1, 1000) i");
});

afterAll(() => postgres.stop());

const onPlatform = <T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> =>
  withClient(postgres.server, platformDatabase, work);
const sql = (text: string) => onPlatform(async (client) => (await client.query(text)).rows);
const digest = (schema: string) => onPlatform((client) => stateDigest(client, schema));
const ensure = (tag: string) => ensureReleaseState(postgres.server, stateOf(change(tag)), { progress: silent });

afterEach(() => {
  mendStatements();
});

describe("a run that is broken off", () => {
  it("at any statement is taken up by the next, which ends with exactly what the release before holds", async () => {
    expect(await breakAtEach(postgres.server, source, 11)).toBeGreaterThan(50);
  });

  it("goes on behind what was copied: only the missing ranges are copied again", async () => {
    const total = (
      await sql(
        "SELECT sum(ceil(pg_relation_size(oid) / 8192.0 / 5)) AS n FROM pg_class WHERE relnamespace = 'v1'::regnamespace AND relname IN ('item', 'event', 'model')",
      )
    )[0]?.n;
    // Of three workers, the one that writes the fourth row has committed one.
    breakAt(4, /INSERT INTO menagerie.release_chunk/);
    await expect(ensure("resumed")).rejects.toThrow();
    mendStatements();
    const chunks = async () =>
      sql("SELECT table_name, first_block, xmin::text FROM menagerie.release_chunk WHERE schema_name = 'resumed'");
    const copied = await chunks();
    expect(copied.length).toBeGreaterThan(0);
    expect(copied.length).toBeLessThan(Number(total));
    await ensure("resumed");
    const after = await chunks();
    expect(after.length).toBe(Number(total));
    expect(after).toEqual(expect.arrayContaining(copied));
  });

  it("by kill -9 of its process leaves nothing that the next has to wait for", async () => {
    const fixture = join(import.meta.dirname, "../../../../support/killedSeeding.ts");
    for (const at of [20, 60]) {
      const tag = `killed-${at}`;
      const input = JSON.stringify({ server: postgres.server, change: change(tag), at });
      const child = spawn(process.execPath, [fixture, input], { stdio: ["ignore", "ignore", "inherit"] });
      const [, signal] = (await once(child, "exit")) as [number | null, string | null];
      expect(signal).toBe("SIGKILL");
      await ensure(tag);
      expect(await digest(tag)).toEqual(await digest(source));
    }
  });
});

describe("runs at the same time", () => {
  it("make one state", async () => {
    const rows = await Promise.all([1, 2, 3].map(() => ensure("same-time")));
    expect(rows[1]).toEqual(rows[0]);
    expect(rows[2]).toEqual(rows[0]);
    expect(await digest("same-time")).toEqual(await digest(source));
  });

  it("see the tables of the release before as they were in one moment, whatever is written meanwhile", async () => {
    let writing = true;
    const writes = (async () => {
      for (let i = 0; writing; i += 1) {
        // Both or none: an item and its event.
        await sql(`WITH i AS (INSERT INTO v1.item (name) VALUES ('live ${i}') RETURNING id)
                   INSERT INTO v1.event (id, item_id) SELECT gen_random_uuid(), 1 FROM i`);
      }
    })();
    const items = (schema: string) =>
      sql(
        `SELECT (SELECT count(*) FROM "${schema}".item)::int AS items, (SELECT count(*) FROM "${schema}".event)::int AS events`,
      );
    const [start] = await items(source);
    for (const tag of ["live-1", "live-2", "live-3"]) {
      await ensure(tag);
      const [seeded] = await items(tag);
      expect(seeded.events - seeded.items).toBe(start.events - start.items);
    }
    writing = false;
    await writes;
  });
});
