import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stateDigest } from "../../../../../src/adapters/postgres/releaseState/digest.ts";
import { ensureReleaseState, useReleaseState } from "../../../../../src/adapters/postgres/releaseState/ensure.ts";
import { readReleases } from "../../../../../src/adapters/postgres/releaseState/journal.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { stateOf } from "../../../../support/releaseStates.ts";

/** States of releases on a real PostgreSQL: made by their files, seeded by their rules. */

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
});

afterAll(() => postgres.stop());

const onPlatform = <T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> =>
  withClient(postgres.server, platformDatabase, work);
const sql = (text: string, values: unknown[] = []) =>
  onPlatform(async (client) => (await client.query(text, values)).rows);
const digest = (schema: string) => onPlatform((client) => stateDigest(client, schema));

async function ensure(...[change]: Parameters<typeof stateOf>): Promise<Record<string, number>> {
  const spec = stateOf(change);
  const rows = await ensureReleaseState(postgres.server, spec, { progress: silent });
  await useReleaseState(postgres.server, spec.schema);
  return rows;
}

describe("a release's state", () => {
  it("begins empty for the first release", async () => {
    expect(await ensure({ tag: "v1.0.0" })).toEqual({ event: 0, item: 0, model: 0 });
    await sql(`INSERT INTO "v1.0.0".item (name) SELECT 'item ' || i FROM generate_series(1, 1000) i`);
    await sql(`INSERT INTO "v1.0.0".event (item_id, at) SELECT 1 + i % 1000, 'epoch' FROM generate_series(1, 5000) i`);
    await sql(`INSERT INTO "v1.0.0".model (name) VALUES ('a')`);
  });

  it("is seeded from the release before: copied, shown, or not at all", async () => {
    const seeds = { item: "copy", event: "empty", model: "view" } as const;
    expect(await ensure({ tag: "v1.1.0", from: "v1.0.0", seeds })).toEqual({ event: 0, item: 1000, model: 0 });
    const [before, after] = [await digest("v1.0.0"), await digest("v1.1.0")];
    expect(after.item).toEqual(before.item);
    expect(after.model).toEqual(before.model);
    expect(after.event?.rows).toBe(0);
  });

  it("of its own: what is written in one is not seen in the other, but through a view", async () => {
    await sql(`UPDATE "v1.0.0".item SET name = 'changed' WHERE id = 1`);
    await sql(`INSERT INTO "v1.0.0".model (name) VALUES ('b')`);
    expect(await sql(`SELECT name FROM "v1.1.0".item WHERE id = 1`)).toEqual([{ name: "item 1" }]);
    expect(await sql(`SELECT name FROM "v1.1.0".model ORDER BY 1`)).toEqual([{ name: "a" }, { name: "b" }]);
  });

  it("has the indexes, constraints, triggers and numbers that its files declare", async () => {
    const shape = (schema: string) =>
      sql(
        `SELECT c.relname, array_agg(DISTINCT replace(pg_get_constraintdef(k.oid), $1 || '.', '')) AS constraints,
                (SELECT array_agg(replace(indexdef, $1 || '.', '') ORDER BY 1) FROM pg_indexes WHERE schemaname = $2 AND tablename = c.relname) AS indexes,
                (SELECT array_agg(tgname::text || tgenabled::text) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) AS triggers
           FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid
          WHERE c.relnamespace = ('"' || $2 || '"')::regnamespace AND c.relname IN ('item', 'event') GROUP BY c.oid, c.relname ORDER BY 1`,
        [`"${schema}"`, schema],
      );
    expect(await shape("v1.1.0")).toEqual(await shape("v1.0.0"));
    expect(await sql(`INSERT INTO "v1.1.0".item (name) VALUES ('next') RETURNING id`)).toEqual([{ id: "1001" }]);
    await expect(sql(`INSERT INTO "v1.1.0".event (item_id) VALUES (77777)`)).rejects.toThrow(/foreign key/);
  });

  it("is left alone when it is ready", async () => {
    const before = await digest("v1.1.0");
    const seeds = { item: "copy", event: "empty", model: "view" } as const;
    expect(await ensure({ tag: "v1.1.0", from: "v1.0.0", seeds })).toEqual({ event: 0, item: 1000, model: 0 });
    expect(await digest("v1.1.0")).toEqual(before);
  });

  it("is taken over from a view as from the table itself", async () => {
    await ensure({ tag: "v1.2.0", from: "v1.1.0", bases: { model: "v1.0.0" } });
    expect((await digest("v1.2.0")).model?.rows).toBe(2);
  });

  it("takes new columns with their defaults, and forgets those that are gone", async () => {
    const files = [{ name: "m.sql", sql: "CREATE TABLE item (id bigint PRIMARY KEY, size int NOT NULL DEFAULT 7)" }];
    await ensure({ tag: "v2.0.0", from: "v1.1.0", files, tables: ["item"] });
    expect(await sql(`SELECT count(*)::int AS n, min(size) AS size FROM "v2.0.0".item`)).toEqual([
      { n: 1001, size: 7 },
    ]);
  });

  it("is the last used one when it becomes current, whatever the clock says", async () => {
    const order = async () => (await onPlatform(readReleases)).map(({ tag }) => tag);
    expect(await order()).toEqual(["v1.0.0", "v1.1.0", "v1.2.0", "v2.0.0"]);
    await useReleaseState(postgres.server, "v1.0.0");
    expect(await order()).toEqual(["v1.1.0", "v1.2.0", "v2.0.0", "v1.0.0"]);
  });
});

describe("what is wrong is told in a sentence, and leaves nothing behind", () => {
  const files = (text: string) => [{ name: "state/x.sql", sql: text }];

  it("a schema that something else made tables in", async () => {
    await sql('CREATE SCHEMA "v9"');
    await sql('CREATE TABLE "v9".theirs ()');
    await expect(ensure({ tag: "v9" })).rejects.toThrow(
      'state of release v9: schema "v9" exists with "theirs", which no release made; rename or drop that schema, or choose another tag',
    );
    expect(await sql("SELECT FROM pg_tables WHERE schemaname = 'v9'")).toHaveLength(1);
  });

  it("a ready state of other files", async () => {
    await expect(
      ensure({ tag: "v1.0.0", files: files("CREATE TABLE item (id int)"), tables: ["item"] }),
    ).rejects.toThrow(/the tables of release v1.0.0's state were made from other SQL files/);
  });

  it.each([
    [
      "wrong SQL",
      "CREATE TABLE a (id nonsense)",
      ["a"],
      /^state\/x.sql: PostgreSQL refuses it: type "nonsense" does not exist; correct the file/,
    ],
    ["a COMMIT", "CREATE TABLE a (id int); COMMIT", ["a"], /^state\/x.sql ends the transaction/],
    ["a table that is not made", "SELECT 1", ["a"], /do not make table "a"/],
    [
      "a table that was not recognized",
      "SELECT 1 AS one INTO b",
      [],
      /make table "b" by a statement that is not recognized/,
    ],
  ])("%s", async (_, text, tables, sentence) => {
    await expect(ensure({ tag: "wrong", files: files(text), tables })).rejects.toThrow(sentence);
    expect(await sql("SELECT tablename FROM pg_tables WHERE schemaname = 'wrong'")).toEqual([]);
    expect((await onPlatform(readReleases)).some(({ tag }) => tag === "wrong")).toBe(false);
  });

  it.each([
    [
      "a partitioned table without a partition for a row",
      "CREATE TABLE item (id bigint) PARTITION BY RANGE (id)",
      "copy",
      /table "item" cannot be seeded .* no partition of relation "item" found for row/,
    ],
    [
      "a copy without a shared column",
      "CREATE TABLE item (other int)",
      "copy",
      /"copy" is not possible, because release schema "v1.0.0" has none of its columns/,
    ],
    ["a view with a new column", "CREATE TABLE item (id bigint, other int)", "view", /has no column "other"; use copy/],
    [
      "a view of what others refer to",
      "CREATE TABLE item (id bigint PRIMARY KEY); CREATE VIEW w AS SELECT * FROM item",
      "view",
      /other tables or views refer to it/,
    ],
    [
      "a column of another type",
      "CREATE TABLE item (id bigint, name int)",
      "copy",
      /tables\["item"\].columns\["name"\]: the column was text in "v1.0.0" and is integer now; give an expression/,
    ],
    [
      "a row that the new constraints forbid",
      "CREATE TABLE item (id bigint, name text CHECK (name <> 'item 7'))",
      "copy",
      /violates check constraint/,
    ],
    [
      "rows that a new unique index forbids",
      "CREATE TABLE item (id bigint, name text, made_at timestamptz UNIQUE)",
      "copy",
      /table "item" cannot be finished: could not create unique index/,
    ],
  ] as const)("%s", async (_, text, seed, sentence) => {
    const wrong = { tag: "wrong", from: "v1.0.0", files: files(text), tables: ["item"], seeds: { item: seed } };
    await expect(ensure(wrong)).rejects.toThrow(sentence);
    const right = {
      ...wrong,
      files: files("CREATE TABLE item (id bigint, name text)"),
      seeds: { item: "copy" },
    } as const;
    expect(await ensure(right)).toEqual({ item: 1000 });
    await sql('DROP SCHEMA "wrong" CASCADE');
    await sql("DELETE FROM menagerie.release_schema WHERE name = 'wrong'");
  });

  it("rules that do not go together", async () => {
    const seeds = { item: "empty", event: "copy", model: "copy" } as const;
    await expect(ensure({ tag: "wrong", from: "v1.0.0", seeds })).rejects.toThrow(
      /do not fit together: .*foreign key constraint "event_item_id_fkey"; give both tables the same seed/,
    );
    expect(await ensure({ tag: "wrong", from: "v1.0.0" })).toEqual({ event: 5000, item: 1000, model: 2 });
  });
});
