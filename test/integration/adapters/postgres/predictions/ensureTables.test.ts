import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Client, Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensurePredictionTables } from "../../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { keepPredictionDays } from "../../../../../src/adapters/postgres/predictions/keepDays.ts";
import { clientConfig, sqlState, withClient } from "../../../../../src/adapters/postgres/server.ts";
import { predictionTablesRevision } from "../../../../../src/domain/recording/tablesRevision.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";

/** The tables of recorded predictions on a real PostgreSQL: who may do what, and how days come and go. */

const schema = 'Shadow "iris" v2';
const quoted = '"Shadow ""iris"" v2"';
const password = "role-password";
let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await on((client) => client.query(`CREATE ROLE writer LOGIN PASSWORD '${password}'`));
  await on((client) => client.query(`CREATE ROLE reader LOGIN PASSWORD '${password}'`));
  await on((client) => client.query(`CREATE ROLE keeper LOGIN PASSWORD '${password}'`));
  const make = () =>
    on((client) =>
      ensurePredictionTables(client, schema, { writers: ["writer"], readers: ["reader"], keepers: ["keeper"] }),
    );
  await Promise.all([make(), make()]);
  await make();
});

afterAll(() => postgres.stop());

function on<T>(work: (client: Client) => Promise<T>, user?: string): Promise<T> {
  const server = user === undefined ? postgres.server : { ...postgres.server, user, password };
  return withClient(server, "postgres", work);
}

async function attempt(user: string, sql: string): Promise<string> {
  return on(async (client) => {
    await client.query(`SET search_path = ${quoted}`);
    await client.query("BEGIN");
    try {
      await client.query(sql);
      return "ok";
    } catch (error) {
      return sqlState(error) === "42501" ? "refused" : String(error);
    } finally {
      await client.query("ROLLBACK");
    }
  }, user);
}

async function days(parent: string): Promise<string[]> {
  const { rows } = await on((client) =>
    client.query<{ name: string }>(
      "SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass ORDER BY 1",
      [`${quoted}.${parent}`],
    ),
  );
  return rows.map(({ name }) => name.slice(parent.length + 1));
}

function dayFromToday(offset: number): string {
  return new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10).replaceAll("-", "");
}

const insertRequest = `INSERT INTO inference_requests
  VALUES ((now() AT TIME ZONE 'UTC')::date, 'a', 1, now(), '{}', NULL, 2, false, false, '/', '{}')`;

const attempts = {
  "add a request": insertRequest,
  "add a loss": "INSERT INTO recording_losses VALUES (gen_random_uuid(), 1, now(), 'x', 1, 'x')",
  "move a log's position": "UPDATE recorder_log SET position = 2",
  "say what is open": `INSERT INTO recorder_open VALUES (gen_random_uuid(), 1, now(), 'v', '[]')
    ON CONFLICT (log_id, slot) DO UPDATE SET open = excluded.open`,
  "forget what was open": "DELETE FROM recorder_open",
  "read what is open": "SELECT * FROM recorder_open",
  "see which ids are there": "SELECT day, request_id, max(attempt) FROM inference_requests GROUP BY 1, 2",
  "make days": "SELECT make_prediction_day((now() AT TIME ZONE 'UTC')::date + 1)",
  "drop old days": "SELECT maintain_prediction_days()",
  "read requests": "SELECT request_data FROM inference_requests",
  "read answers": "SELECT * FROM inference_response",
  "read losses": "SELECT * FROM recording_losses",
  "change requests": "UPDATE inference_requests SET predict_url = '/x'",
  "delete requests": "DELETE FROM inference_requests",
  "truncate answers": "TRUNCATE inference_response",
  "change the retention": "UPDATE recording_settings SET retention_days = 1",
  "make a table": "CREATE TABLE x ()",
} as const;

const allowed: Readonly<Record<string, readonly string[]>> = {
  writer: [
    "add a request",
    "add a loss",
    "move a log's position",
    "say what is open",
    "read what is open",
    "see which ids are there",
    "make days",
    "drop old days",
  ],
  keeper: ["drop old days"],
  reader: ["read what is open", "see which ids are there", "read requests", "read answers", "read losses"],
};

describe.each(Object.entries(allowed))("the %s", (role, can) => {
  it.each(Object.entries(attempts))("%s", async (what, sql) => {
    expect(await attempt(role, sql)).toBe(can.includes(what) ? "ok" : "refused");
  });
});

describe("days", () => {
  it("are there for today and a week ahead, in both tables", async () => {
    const expected = Array.from({ length: 8 }, (_, ahead) => dayFromToday(ahead));
    expect(await days("inference_requests")).toEqual(expected);
    expect(await days("inference_response")).toEqual(expected);
  });

  it("before the retention are refused, those within it are made when a late row needs them, and dropped once they are past", async () => {
    const make = (offset: number) =>
      on(
        (client) =>
          client.query(`SELECT ${quoted}.make_prediction_day((now() AT TIME ZONE 'UTC')::date + $1::integer) AS made`, [
            offset,
          ]),
        "writer",
      );
    expect((await make(-31)).rows).toEqual([{ made: false }]);
    expect((await make(32)).rows).toEqual([{ made: false }]);
    expect((await make(-30)).rows).toEqual([{ made: true }]);
    expect((await make(-2)).rows).toEqual([{ made: true }]);
    expect(await days("inference_requests")).toContain(dayFromToday(-30));
    await on((client) => ensurePredictionTables(client, schema, { retentionDays: 5 }));
    expect(await days("inference_requests")).not.toContain(dayFromToday(-30));
    expect(await days("inference_response")).toContain(dayFromToday(-2));
  });

  it("are made while a recorder writes and a reader reads", async () => {
    await on(async (writing) => {
      await writing.query(`SET search_path = ${quoted}`);
      await writing.query("BEGIN");
      await writing.query(insertRequest);
      await on(async (reading) => {
        await reading.query("BEGIN");
        await reading.query(`SELECT count(*) FROM ${quoted}.inference_requests`);
        const made = await on((client) =>
          client.query(`SELECT ${quoted}.make_prediction_day((now() AT TIME ZONE 'UTC')::date + 20)`),
        );
        expect(made.rowCount).toBe(1);
      });
      await writing.query("ROLLBACK");
    });
  });

  it("that somebody reads are dropped the next time", async () => {
    const old = -4;
    await on((client) =>
      client.query(`SELECT ${quoted}.make_prediction_day((now() AT TIME ZONE 'UTC')::date + $1::integer)`, [old]),
    );
    await on(async (reading) => {
      await reading.query("BEGIN");
      await reading.query(`SELECT count(*) FROM ${quoted}.inference_requests`);
      await on((client) => ensurePredictionTables(client, schema, { retentionDays: 1 }));
      expect(await days("inference_requests")).toContain(dayFromToday(old));
      await reading.query("COMMIT");
    });
    await on((client) => client.query(`SELECT ${quoted}.maintain_prediction_days()`), "writer");
    expect(await days("inference_requests")).not.toContain(dayFromToday(old));
  });
});

describe("whoever keeps days", () => {
  it("lets go of what is past them in every schema that it may, and of nothing else", async () => {
    const schemas = ["kept_one", "kept_two", "not_its_own"];
    const past = dayFromToday(-3);
    for (const each of schemas) {
      const keepers = each === "not_its_own" ? [] : ["keeper"];
      await on((client) => ensurePredictionTables(client, each, { retentionDays: 9, keepers }));
      await on((client) => client.query(`SELECT ${each}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - 3)`));
      await on((client) => client.query(`UPDATE ${each}.recording_settings SET retention_days = 2`));
    }
    const pool = new Pool({ ...clientConfig({ ...postgres.server, user: "keeper", password }, "postgres") });
    const kept = await keepPredictionDays(pool);
    await pool.end();
    expect(kept.filter((each) => each.schema !== schema)).toEqual([
      { schema: "kept_one", dropped: 2 },
      { schema: "kept_two", dropped: 2 },
    ]);
    const found = async (each: string) =>
      (await on((client) => client.query(`SELECT to_regclass('${each}.inference_requests_${past}') AS day`))).rows;
    expect(await Promise.all(schemas.map(found))).toEqual([
      [{ day: null }],
      [{ day: null }],
      [{ day: `not_its_own.inference_requests_${past}` }],
    ]);
  });
});

describe("tables of an earlier release", () => {
  it("get the columns that came since, in the days that they hold too", async () => {
    const columns = () =>
      on((client) =>
        client.query<{ name: string }>(
          `SELECT c.relname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relnamespace = to_regnamespace($1) AND a.attname = 'content_encoding' AND c.relkind IN ('r', 'p')`,
          [quoted],
        ),
      );
    const before = (await columns()).rows.length;
    expect(before).toBeGreaterThan(7);
    await on((client) => client.query(`ALTER TABLE ${quoted}.inference_response DROP COLUMN content_encoding`));
    await on((client) => ensurePredictionTables(client, schema));
    expect((await columns()).rows).toHaveLength(before);
  });

  it("that have all columns are not locked: whoever reads or writes does not wait", async () => {
    await on(async (reading) => {
      await reading.query("BEGIN");
      for (const table of ["inference_requests", "inference_response"])
        await reading.query(`SELECT count(*) FROM ${quoted}.${table}`);
      await on(async (client) => {
        await client.query("SET lock_timeout = '5s'");
        await ensurePredictionTables(client, schema);
      });
      await reading.query("COMMIT");
    });
  });

  it("are brought up by the next `up`: the revision counts the columns and tables that came since", async () => {
    const folder = join(import.meta.dirname, "../../../../../src/adapters/postgres/predictions");
    const sql = await readFile(join(folder, "tables.sql"), "utf8");
    const since = [/^ +\((\d+), 'inference_/gm, /^-- Since revision (\d+)\.$/gm];
    const revisions = since.flatMap((each) => [...sql.matchAll(each)].map(([, revision]) => Number(revision)));
    expect(revisions.length).toBeGreaterThan(7);
    expect(predictionTablesRevision).toBe(Math.max(...revisions));
  });
});
