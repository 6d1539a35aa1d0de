import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureReleaseState, useReleaseState } from "../../../../../src/adapters/postgres/releaseState/ensure.ts";
import { tryState } from "../../../../../src/adapters/postgres/releaseState/trial.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import { declaredRelations } from "../../../../../src/domain/release/declaredRelations.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { stateOf } from "../../../../support/releaseStates.ts";

/** A table whose shape changes: a preview says what is missing, and with it every row of the release before is there. */

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
});

afterAll(() => postgres.stop());

const onPlatform = <T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> =>
  withClient(postgres.server, platformDatabase, work);
const rowsOf = (schema: string, table: string) =>
  onPlatform(async (client) => (await client.query(`SELECT * FROM "${schema}".${table} ORDER BY id`)).rows);
const fixture = (name: string) => readFile(join(import.meta.dirname, "../../../../fixtures/state", name), "utf8");

type Columns = Readonly<Record<string, string>>;

function specOf(sql: string, tag: string, from?: string, columns: Columns = {}, extensions: readonly string[] = []) {
  const spec = stateOf({
    tag,
    ...(from === undefined ? {} : { from }),
    files: [{ name: "state.sql", sql }],
    tables: declaredRelations(sql).tables,
  });
  return { ...spec, extensions, tables: spec.tables.map((table) => ({ ...table, columns })) };
}

const preview = (...change: Parameters<typeof specOf>) => onPlatform((client) => tryState(client, specOf(...change)));

async function up(...change: Parameters<typeof specOf>): Promise<void> {
  const spec = specOf(...change);
  await ensureReleaseState(postgres.server, spec, { progress: silent });
  await useReleaseState(postgres.server, spec.schema);
}

const schemas = () =>
  onPlatform(async (client) => (await client.query("SELECT nspname FROM pg_namespace ORDER BY 1")).rows);

describe("a changed table", () => {
  it.each(
    [
      {
        change: "a column that becomes NOT NULL",
        before: "CREATE TABLE person (id bigint PRIMARY KEY, email text)",
        rows: "INSERT INTO person VALUES (1, 'a@b'), (2, NULL)",
        after: "not-null-later.sql",
        refused:
          /columns\["email"\]: the column is NOT NULL now, and rows in "was-0" have none; give an expression .*coalesce/,
        columns: { email: "coalesce(email, 'unknown-' || id)" },
        table: "person",
        gives: [
          { id: "1", email: "a@b" },
          { id: "2", email: "unknown-2" },
        ],
      },
      {
        change: "a column of another type",
        before: "CREATE TABLE payment (id bigint PRIMARY KEY, amount text)",
        rows: "INSERT INTO payment VALUES (1, '12.50')",
        after: "retyped-later.sql",
        refused: /columns\["amount"\]: the column was text in "was-1" and is numeric now; give an expression .*amount/,
        columns: { amount: "amount::numeric" },
        table: "payment",
        gives: [{ id: "1", amount: "12.50" }],
      },
      {
        change: "a new column without a default, filled from others",
        before: "CREATE TABLE name (id bigint PRIMARY KEY, first text, last text)",
        rows: "INSERT INTO name VALUES (1, 'Ada', 'Lovelace')",
        after: "CREATE TABLE name (id bigint PRIMARY KEY, whole text NOT NULL)",
        refused: /columns\["whole"\]: the column is new and NOT NULL, and "was-2" has rows without it/,
        columns: { whole: "first || ' ' || last" },
        table: "name",
        gives: [{ id: "1", whole: "Ada Lovelace" }],
      },
      {
        change: "an enum that loses a label",
        before: "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE m (id bigint PRIMARY KEY, feeling mood)",
        rows: "INSERT INTO m VALUES (1, 'sad'), (2, 'ok')",
        after: "CREATE TYPE mood AS ENUM ('ok', 'low'); CREATE TABLE m (id bigint PRIMARY KEY, feeling mood)",
        refused: /type mood was \(sad, ok\) in "was-3" and is \(ok, low\) now/,
        columns: { feeling: "replace(feeling::text, 'sad', 'low')::mood" },
        table: "m",
        gives: [
          { id: "1", feeling: "low" },
          { id: "2", feeling: "ok" },
        ],
      },
      {
        change: "a number that would be rounded",
        before: "CREATE TABLE n (id bigint PRIMARY KEY, x numeric(10,2))",
        rows: "INSERT INTO n VALUES (1, 1.25)",
        after: "CREATE TABLE n (id bigint PRIMARY KEY, x numeric(10,1))",
        refused: /columns\["x"\]: the column was numeric\(10,2\) in "was-4" and is numeric\(10,1\) now/,
        columns: { x: "round(x, 1)" },
        table: "n",
        gives: [{ id: "1", x: "1.3" }],
      },
    ].map((each, index) => [each.change, each, index] as const),
  )("%s", async (_, each, index) => {
    const [was, is, next] = [`was-${index}`, `is-${index}`, `next-${index}`];
    const after = each.after.endsWith(".sql") ? await fixture(each.after) : each.after;
    await up(each.before, was);
    await onPlatform((client) => client.query(`SET search_path TO "${was}"; ${each.rows}`));
    await expect(preview(after, is, was)).rejects.toThrow(each.refused);
    await expect(up(after, is, was)).rejects.toThrow(each.refused);
    expect(await preview(after, is, was, each.columns as Columns)).toBe(true);
    await up(after, is, was, each.columns as Columns);
    expect(await rowsOf(is, each.table)).toEqual(each.gives);
    // The key may stay: what it made is copied as it is.
    await onPlatform((client) => client.query(`UPDATE "${is}".${each.table} SET id = id + 10`));
    await up(after, next, is, each.columns as Columns);
    expect(await rowsOf(next, each.table)).toEqual(await rowsOf(is, each.table));
  });

  it("whose column only becomes wider needs nothing", async () => {
    await up("CREATE TABLE w (id int PRIMARY KEY, x varchar(3), n numeric(5,2))", "narrow");
    await onPlatform((client) => client.query("INSERT INTO narrow.w VALUES (1, 'abc', 123.45)"));
    const wider = "CREATE TABLE w (id bigint PRIMARY KEY, x text, n numeric(9,4), later text DEFAULT 'x')";
    expect(await preview(wider, "wide", "narrow")).toBe(true);
    await up(wider, "wide", "narrow");
    expect(await rowsOf("wide", "w")).toEqual([{ id: "1", x: "abc", n: "123.4500", later: "x" }]);
  });

  it("that needs an extension gets it from the config, once for all releases", async () => {
    const sql = "CREATE TABLE word (id bigint PRIMARY KEY, w text); CREATE INDEX ON word USING gin (w gin_trgm_ops)";
    await expect(preview(sql, "words-1")).rejects.toThrow(/gin_trgm_ops/);
    await expect(preview(sql, "words-1", undefined, {}, ["no_such"])).rejects.toThrow(
      /menagerie:state.extensions: PostgreSQL cannot create "no_such"/,
    );
    expect(await preview(sql, "words-1", undefined, {}, ["pg_trgm"])).toBe(true);
    await up(sql, "words-1", undefined, {}, ["pg_trgm"]);
    await up(sql, "words-2", "words-1", {}, ["pg_trgm"]);
  });
});

describe("a preview", () => {
  it("tells what PostgreSQL refuses in the files, and leaves nothing behind", async () => {
    const before = await schemas();
    await expect(preview("CREATE TABLE a (id wrong)", "t1")).rejects.toThrow(
      /state.sql: PostgreSQL refuses it: type "wrong"/,
    );
    await expect(preview("CREATE TABLE a (id int) ; COMMIT", "t1")).rejects.toThrow(/state.sql ends the transaction/);
    expect(await preview("CREATE TABLE a (id int)", "t1")).toBe(true);
    expect(await schemas()).toEqual(before);
  });

  it.each<[string, { before: string; rows: string; after: string; columns?: Columns; refused: RegExp; fits: string }]>([
    [
      "an expression that does not fit every row",
      {
        before: "CREATE TABLE t (id bigint PRIMARY KEY, amount text)",
        rows: "INSERT INTO t VALUES (1, '12.50'), (2, 'n/a')",
        after: "CREATE TABLE t (id bigint PRIMARY KEY, amount numeric)",
        columns: { amount: "amount::numeric" },
        refused:
          /tables\["t"\]: a row of ".*" does not fit the table of the SQL files: invalid input syntax for type numeric: "n\/a"/,
        fits: "DELETE FROM t WHERE id = 2",
      },
    ],
    [
      "an expression that leaves a NULL",
      {
        before: "CREATE TABLE t (id bigint PRIMARY KEY, a text, b text)",
        rows: "INSERT INTO t VALUES (1, 'x', NULL), (2, NULL, NULL)",
        after: "CREATE TABLE t (id bigint PRIMARY KEY, a text NOT NULL)",
        columns: { a: "coalesce(a, b)" },
        refused: /does not fit .*: null value in column "a"/,
        fits: "UPDATE t SET b = 'y'",
      },
    ],
    [
      "a new constraint that a row breaks",
      {
        before: "CREATE TABLE t (id bigint PRIMARY KEY, n int)",
        rows: "INSERT INTO t VALUES (1, 5), (2, 50)",
        after: "CREATE TABLE t (id bigint PRIMARY KEY, n int CONSTRAINT few CHECK (n < 10))",
        refused: /does not fit .*: new row for relation "t" violates check constraint "few"/,
        fits: "UPDATE t SET n = 1",
      },
    ],
    [
      "a domain that became stricter",
      {
        before: "CREATE DOMAIN few AS int CHECK (VALUE < 100); CREATE TABLE t (id bigint PRIMARY KEY, n few)",
        rows: "INSERT INTO t VALUES (1, 50)",
        after: "CREATE DOMAIN few AS int CHECK (VALUE < 10); CREATE TABLE t (id bigint PRIMARY KEY, n few)",
        refused: /does not fit .*: value for domain few violates check constraint/,
        fits: "UPDATE t SET n = 1",
      },
    ],
    [
      "a new unique index that two rows break",
      {
        before: "CREATE TABLE t (id bigint PRIMARY KEY, mail text)",
        rows: "INSERT INTO t VALUES (1, 'a@b'), (2, 'A@b')",
        after: "CREATE TABLE t (id bigint PRIMARY KEY, mail text); CREATE UNIQUE INDEX once ON t (lower(mail))",
        refused: /does not fit .*: duplicate key value violates unique constraint "once"/,
        fits: "DELETE FROM t WHERE id = 2",
      },
    ],
    [
      "partitions that have no place for a row",
      {
        before:
          "CREATE TABLE t (id bigint) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (100)",
        rows: "INSERT INTO t VALUES (1), (50)",
        after:
          "CREATE TABLE t (id bigint) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (10)",
        refused: /does not fit .*: no partition of relation "t" found for row/,
        fits: "DELETE FROM t WHERE id = 50",
      },
    ],
    [
      "a new foreign key that a row breaks",
      {
        before: "CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE t (id bigint PRIMARY KEY, p bigint)",
        rows: "INSERT INTO p VALUES (1); INSERT INTO t VALUES (1, 1), (2, 7), (3, NULL)",
        after:
          "CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE t (id bigint PRIMARY KEY, p bigint CONSTRAINT up REFERENCES p)",
        refused: /tables\["t"\]: its rows would refer to rows that "p" does not get \(foreign key "up"\)/,
        fits: "DELETE FROM t WHERE id = 2",
      },
    ],
  ])("tells %s, as up would", async (kind, { before, rows, after, columns, refused, fits }) => {
    const [was, is] = [`${kind.replaceAll(/\W+/g, "-")}-1`, `${kind.replaceAll(/\W+/g, "-")}-2`];
    await up(before, was);
    const use = (text: string) => onPlatform((client) => client.query(`SET search_path TO "${was}"; ${text}`));
    await use(rows);
    const there = await schemas();
    await expect(preview(after, is, was, columns)).rejects.toThrow(refused);
    await expect(up(after, is, was, columns)).rejects.toThrow();
    await use(fits);
    expect(await preview(after, is, was, columns)).toBe(true);
    await up(after, is, was, columns);
    expect(await schemas()).toEqual(expect.arrayContaining(there));
    // What is made as before is not copied for a preview.
    expect(await preview(after, `${is}-3`, is, columns)).toBe(true);
  });

  it("tells seeds that do not go together", async () => {
    const sql = "CREATE TABLE p (id bigint PRIMARY KEY); CREATE TABLE c (id bigint PRIMARY KEY, p bigint REFERENCES p)";
    await up(sql, "seeds-1");
    await onPlatform((client) =>
      client.query('INSERT INTO "seeds-1".p VALUES (1); INSERT INTO "seeds-1".c VALUES (1, 1)'),
    );
    const spec = specOf(sql, "seeds-2", "seeds-1");
    const tables = spec.tables.map((table) =>
      table.name === "p" ? ({ ...table, seed: "empty", from: null } as const) : table,
    );
    await expect(onPlatform((client) => tryState(client, { ...spec, tables }))).rejects.toThrow(
      /tables\["c"\]: its rows would refer to rows that "p" does not get \(foreign key "c_p_fkey"\); give both tables the same seed/,
    );
    expect(await onPlatform((client) => tryState(client, spec))).toBe(true);
  });

  it("whose login may only read does not try, and says so", async () => {
    const tried = await onPlatform(async (client) => {
      await client.query("SET default_transaction_read_only = on");
      return tryState(client, specOf("CREATE TABLE a (id int)", "t1"));
    });
    expect(tried).toBe(false);
  });
});
