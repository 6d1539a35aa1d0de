import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stateDigest } from "../../../../../src/adapters/postgres/releaseState/digest.ts";
import { dumpState, restoreState } from "../../../../../src/adapters/postgres/releaseState/dump.ts";
import { ensureReleaseState, useReleaseState } from "../../../../../src/adapters/postgres/releaseState/ensure.ts";
import { readRelease } from "../../../../../src/adapters/postgres/releaseState/journal.ts";
import { tryState } from "../../../../../src/adapters/postgres/releaseState/trial.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import { declaredRelations } from "../../../../../src/domain/release/declaredRelations.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { type StateChange, stateOf } from "../../../../support/releaseStates.ts";
import { wholeMatrix } from "../../../../support/wholeMatrix.ts";

/**
 * Every kind of object that PostgreSQL has in a schema: a new release and a restored dump hold it exactly, rows and all that the
 * catalog says of it, or it is refused by name. docs/state.md has the same table.
 */

let postgres: TestPostgres;
let dumps: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  dumps = await mkdtemp(join(tmpdir(), "menagerie-objects-"));
  await onPlatform(async (client) => {
    await client.query("CREATE ROLE reader; SET allow_in_place_tablespaces = on");
    await client.query("CREATE TABLESPACE fast LOCATION ''");
    await client.query("GRANT CREATE ON TABLESPACE fast TO menagerie_state");
  });
});

afterAll(async () => {
  await postgres.stop();
  await rm(dumps, { recursive: true });
});

const onPlatform = <T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> =>
  withClient(postgres.server, platformDatabase, work);
const inSchema = (schema: string, text: string) =>
  onPlatform(async (client) => {
    await client.query(`SET search_path TO "${schema}", public`);
    const result = (await client.query(text)) as unknown as
      | { rows: Record<string, unknown>[] }[]
      | { rows: Record<string, unknown>[] };
    return Array.isArray(result) ? (result.at(-1)?.rows ?? []) : result.rows;
  });
const digest = (schema: string) => onPlatform((client) => stateDigest(client, schema));

async function make(sql: string, change: Omit<StateChange, "files" | "tables">): Promise<Record<string, number>> {
  const files = [{ name: "state.sql", sql }];
  const spec = stateOf({ ...change, files, tables: declaredRelations(sql).tables });
  const rows = await ensureReleaseState(postgres.server, spec, { progress: silent });
  await useReleaseState(postgres.server, spec.schema);
  return rows;
}

/** Drops the state and makes it again from its dump. */
async function dumpedAndRestored(schema: string): Promise<void> {
  const release = await onPlatform((client) => readRelease(client, schema));
  if (!release) throw new Error(`there is no state ${schema}`);
  await dumpState(postgres.server, release, dumps, { progress: silent });
  await onPlatform(async (client) => {
    await client.query(`DROP SCHEMA "${schema}" CASCADE`);
    await client.query("DELETE FROM menagerie.release_schema WHERE name = $1", [schema]);
  });
  await restoreState(postgres.server, join(dumps, schema), { progress: silent });
}

/** What the catalog says of a schema beside rows. */
const shape = (schema: string) =>
  onPlatform(async (client) => {
    // As whoever reads it, so that no name depends on the search path.
    await client.query("SET search_path TO pg_catalog");
    return (await client.query<{ line: string }>(shapeQuery, [schema])).rows.map(({ line }) => line);
  });
const shapeQuery = readFileSync(join(import.meta.dirname, "../../../../support/stateShape.sql"), "utf8");

const fixture = (name: string) => readFile(join(import.meta.dirname, "../../../../fixtures/state", name), "utf8");

interface Kind {
  readonly kind: string;
  /** SQL, or the name of a fixture. */
  readonly files: string;
  /** What is done in the first release. */
  readonly used: string;
  /** A statement that works in the copy, with what it answers. */
  readonly goesOn?: readonly [statement: string, answer: Record<string, unknown>];
}

const kinds: Kind[] = [
  {
    kind: "rows that the SQL files insert",
    files: "insert.sql",
    used: "DELETE FROM country WHERE code = 'at'; INSERT INTO country VALUES ('de', 'Germany'); INSERT INTO visit (code, at) VALUES ('ch', 'epoch'), ('de', 'epoch')",
    goesOn: ["INSERT INTO visit (code) VALUES ('de') RETURNING id", { id: "3" }],
  },
  {
    kind: "a materialized view",
    files: "materialized-view.sql",
    used: "INSERT INTO sale VALUES (1, 12.50), (2, 0.25); REFRESH MATERIALIZED VIEW total",
    goesOn: [
      "INSERT INTO sale VALUES (3, 1); REFRESH MATERIALIZED VIEW total; SELECT amount FROM total",
      { amount: "13.75" },
    ],
  },
  {
    kind: "materialized views of views of materialized views, whose names sort the other way",
    files: `CREATE TABLE t (n int); CREATE MATERIALIZED VIEW z AS SELECT sum(n) AS n FROM t; CREATE VIEW y AS SELECT n + 1 AS n FROM z;
            CREATE MATERIALIZED VIEW a AS SELECT n * 10 AS n FROM y; CREATE UNIQUE INDEX ON a (n)`,
    used: "INSERT INTO t VALUES (1), (2); REFRESH MATERIALIZED VIEW z; REFRESH MATERIALIZED VIEW a",
    goesOn: ["SELECT n FROM a", { n: "40" }],
  },
  {
    kind: "enums, composite types, domains, ranges and arrays of them",
    files: "types.sql",
    used: `INSERT INTO seen VALUES (gen_random_uuid(), 'ok', '(0.1,1e-300,NaN)', 0.1::real, '{sad,happy}', '[0.1,0.3)'),
                                   (gen_random_uuid(), NULL, NULL, NULL, '{}', 'empty')`,
    goesOn: [
      "INSERT INTO seen (id, feeling) VALUES (gen_random_uuid(), 'happy') RETURNING feeling",
      { feeling: "happy" },
    ],
  },
  {
    kind: "generated and identity columns, partitions, a sequence of its own",
    files: "generated-identity-partition.sql",
    used: `INSERT INTO item (price) VALUES (1.5), (2); DELETE FROM item WHERE id = 2; SELECT nextval('ticket'), nextval('ticket');
           INSERT INTO event SELECT '2026-01-01'::date + i, 'k' || i, i FROM generate_series(0, 300) i`,
    goesOn: [
      "INSERT INTO event VALUES ('2026-06-01', 'x', 1); INSERT INTO item (price) VALUES (10) RETURNING id, gross, nextval('ticket') AS ticket",
      { id: "3", gross: "12.0", ticket: "1002" },
    ],
  },
  {
    kind: "partitions of partitions, by list and hash, with keys, foreign keys and triggers",
    files: `CREATE TABLE owner (id int PRIMARY KEY);
            CREATE TABLE reading (id bigint, kind text, owner int REFERENCES owner, seen int DEFAULT 0, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
            CREATE TABLE reading_a PARTITION OF reading FOR VALUES IN ('a') PARTITION BY HASH (id);
            CREATE TABLE reading_a_0 PARTITION OF reading_a FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE reading_a_1 PARTITION OF reading_a FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            CREATE TABLE reading_rest PARTITION OF reading DEFAULT;
            CREATE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.seen := NEW.seen + 1; RETURN NEW; END $$;
            CREATE TRIGGER count_up BEFORE INSERT ON reading FOR EACH ROW EXECUTE FUNCTION count_up();`,
    used: "INSERT INTO owner VALUES (1), (2); INSERT INTO reading SELECT i, CASE WHEN i % 3 = 0 THEN 'b' ELSE 'a' END, 1 + i % 2 FROM generate_series(1, 500) i",
    goesOn: ["INSERT INTO reading VALUES (1000, 'a', 2) RETURNING seen", { seen: 1 }],
  },
  {
    kind: "triggers and rules, which do not act on rows that are copied",
    files: `CREATE TABLE log (n int); CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0);
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := NEW.n + 1; RETURN NEW; END $$;
            CREATE TRIGGER note BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note();
            CREATE RULE logged AS ON INSERT TO t DO ALSO INSERT INTO log VALUES (NEW.id);`,
    used: "INSERT INTO t VALUES (1), (2)",
    goesOn: [
      "INSERT INTO t VALUES (3); SELECT (SELECT n FROM t WHERE id = 3) AS n, (SELECT count(*) FROM log) AS logged",
      { n: 1, logged: "3" },
    ],
  },
  {
    kind: "row-level security",
    files: `CREATE TABLE secret (id int PRIMARY KEY, owner text); ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
            CREATE POLICY own ON secret USING (owner = current_user)`,
    used: "INSERT INTO secret VALUES (1, 'somebody'), (2, 'else')",
    goesOn: ["SELECT relrowsecurity AS secured FROM pg_class WHERE oid = 'secret'::regclass", { secured: true }],
  },
  {
    kind: "exact values of many types",
    files: `CREATE TABLE v (id int PRIMARY KEY, f8 float8, f4 real, n numeric, b bytea, j jsonb, js json, t timestamptz, i interval, d date,
                            ti time, bits varbit, net inet, mac macaddr, p point, x xml, ts tsvector, arr text[][], m money, c char(5), u uuid, r int4multirange)`,
    used: `INSERT INTO v VALUES (1, 0.1 + 0.2, 1e-45, 12345678901234567890.0987654321, '\\x00ff5c', '{"a": [1, 1e400]}', '{"b":1,  "b":2}',
             '2026-03-29 02:30:00.123456+01', '1 mon -3 days 04:05:06.7', 'infinity', '24:00', B'10110', '::1/64', '08:00:2b:01:02:03', '(0.1,1e-300)',
             '<a>&amp;</a>', 'a:1A b', '{{"x,y","q\\"r"},{NULL,"NULL"}}', 12.34, 'ab', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{[1,3), [7,9)}'),
           (2, '-0', 'NaN', 'NaN', '', 'null', 'null', '-infinity', NULL, '0044-03-15 BC', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{}', NULL, NULL, NULL, '{}')`,
  },
  {
    kind: "a deferred, an exclusion and a partial unique constraint, statistics, a replica identity by an index",
    files: `CREATE TABLE room (id int NOT NULL, during int4range, code text, parent int,
              CONSTRAINT free EXCLUDE USING gist (during WITH &&), CONSTRAINT key UNIQUE (id) DEFERRABLE INITIALLY DEFERRED);
            CREATE UNIQUE INDEX code_once ON room (lower(code)) WHERE code <> '';
            CREATE UNIQUE INDEX identity ON room (id); ALTER TABLE room REPLICA IDENTITY USING INDEX identity;
            CREATE STATISTICS together (dependencies) ON id, code FROM room`,
    used: "INSERT INTO room VALUES (1, '[1,5)', 'a'), (2, '[5,9)', '')",
    goesOn: ["SELECT relreplident AS identity FROM pg_class WHERE oid = 'room'::regclass", { identity: "i" }],
  },
  {
    kind: "virtual columns, constraints that are not enforced or not valid, NULLS NOT DISTINCT, INCLUDE, BRIN, a table's settings",
    files: `CREATE UNLOGGED TABLE odd ("Sp ace" int, "qu""ote" text, big text STORAGE EXTERNAL, twice int GENERATED ALWAYS AS ("Sp ace" * 2) VIRTUAL,
              CONSTRAINT told CHECK ("Sp ace" > 0) NOT ENFORCED, UNIQUE NULLS NOT DISTINCT ("Sp ace") INCLUDE ("qu""ote")) WITH (fillfactor = 50);
            ALTER TABLE odd ADD CONSTRAINT later CHECK ("qu""ote" <> 'never') NOT VALID;
            CREATE INDEX ON odd USING brin ("Sp ace"); ALTER TABLE odd ALTER "Sp ace" SET STATISTICS 500`,
    used: `INSERT INTO odd VALUES (NULL, 'a', repeat('long', 100000)), (-1, 'under the check', NULL)`,
    goesOn: [`INSERT INTO odd ("Sp ace") VALUES (7) RETURNING twice`, { twice: 14 }],
  },
  {
    kind: "functions, procedures, aggregates, operators, collations, text search, and defaults that use them",
    files: `CREATE COLLATION german (provider = icu, locale = 'de-DE'); CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
            CREATE FUNCTION next_code(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'c' || n $$;
            CREATE AGGREGATE joined (text) (SFUNC = textcat, STYPE = text, INITCOND = '');
            CREATE FUNCTION near(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs($1 - $2) < 2';
            CREATE OPERATOR ~~~ (LEFTARG = int, RIGHTARG = int, FUNCTION = near);
            CREATE TABLE thing (id int PRIMARY KEY, code text COLLATE german DEFAULT next_code(5), said tsvector, CHECK (id ~~~ id));
            CREATE INDEX thing_said ON thing USING gin (said); CREATE INDEX thing_code ON thing (next_code(id));
            CREATE PROCEDURE clear() LANGUAGE sql BEGIN ATOMIC DELETE FROM thing; END`,
    used: "INSERT INTO thing (id, said) SELECT i, to_tsvector('simple', 'word' || i) FROM generate_series(1, 50) i",
    goesOn: [
      "CALL clear(); INSERT INTO thing (id) VALUES (1), (2); SELECT joined(code ORDER BY id) AS codes FROM thing",
      { codes: "c5c5" },
    ],
  },
  {
    kind: "sequences that several tables share, count down, cycle, or belong to a column of another table",
    files: `CREATE SEQUENCE shared INCREMENT -2 MINVALUE -10 MAXVALUE 10 START 10 CYCLE;
            CREATE TABLE a (id int DEFAULT nextval('shared')); CREATE TABLE b (id int DEFAULT nextval('shared'), s smallserial, big bigserial);
            CREATE SEQUENCE owned OWNED BY a.id`,
    used: "INSERT INTO a DEFAULT VALUES; INSERT INTO b DEFAULT VALUES; SELECT nextval('owned'), nextval('owned')",
    goesOn: [
      "INSERT INTO b DEFAULT VALUES RETURNING id, s, big, nextval('owned') AS owned",
      { id: 6, s: 2, big: "2", owned: "3" },
    ],
  },
  {
    kind: "a table of a type, and one that is itself referred to",
    files: `CREATE TYPE pair AS (x int, y int); CREATE TABLE pairs OF pair (PRIMARY KEY (x));
            CREATE TABLE tree (id int PRIMARY KEY, parent int, path int[]);
            ALTER TABLE tree ADD CONSTRAINT tree_up FOREIGN KEY (parent) REFERENCES tree ON DELETE CASCADE`,
    used: "INSERT INTO pairs VALUES (1, 2); INSERT INTO tree VALUES (1, NULL, '{}'), (2, 1, '{1}'), (3, 2, '{1,2}')",
    goesOn: ["DELETE FROM tree WHERE id = 1; SELECT count(*) AS left FROM tree", { left: "0" }],
  },
  {
    kind: "triggers and rules that act always, only for replicas, or not at all",
    files: `CREATE TABLE log (n int); CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 0);
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := NEW.n + 1; RETURN NEW; END $$;
            CREATE TRIGGER always BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note(); ALTER TABLE t ENABLE ALWAYS TRIGGER always;
            CREATE TRIGGER replicas BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note(); ALTER TABLE t ENABLE REPLICA TRIGGER replicas;
            CREATE TRIGGER never BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note(); ALTER TABLE t DISABLE TRIGGER never;
            CREATE RULE logged AS ON INSERT TO t DO ALSO INSERT INTO log VALUES (NEW.id); ALTER TABLE t ENABLE ALWAYS RULE logged`,
    used: "INSERT INTO t VALUES (1), (2)",
    goesOn: [
      "INSERT INTO t VALUES (3); SELECT (SELECT n FROM t WHERE id = 3) AS n, (SELECT count(*) FROM log) AS logged",
      { n: 1, logged: "3" },
    ],
  },
  {
    kind: "comments and privileges, of tables, columns, indexes, constraints and all else",
    files: `CREATE TYPE mood AS ENUM ('ok'); CREATE SEQUENCE ticket;
            CREATE TABLE a (id int CONSTRAINT key PRIMARY KEY, up int CONSTRAINT up REFERENCES a, low int CONSTRAINT low CHECK (low > 0), feeling mood);
            CREATE INDEX a_low ON a (low); CREATE VIEW v AS SELECT id FROM a; CREATE STATISTICS s ON id, low FROM a;
            CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
            CREATE TRIGGER g BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f();
            ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a USING (true);
            COMMENT ON TABLE a IS 'it''s a table'; COMMENT ON COLUMN a.low IS 'column'; COMMENT ON INDEX a_low IS 'index'; COMMENT ON INDEX key IS 'of the key';
            COMMENT ON CONSTRAINT key ON a IS 'key'; COMMENT ON CONSTRAINT up ON a IS 'up'; COMMENT ON CONSTRAINT low ON a IS 'low';
            COMMENT ON TYPE mood IS 'type'; COMMENT ON SEQUENCE ticket IS 'sequence'; COMMENT ON VIEW v IS 'view'; COMMENT ON STATISTICS s IS 'statistics';
            COMMENT ON FUNCTION f() IS 'function'; COMMENT ON TRIGGER g ON a IS 'trigger'; COMMENT ON POLICY p ON a IS 'policy';
            GRANT SELECT, UPDATE (low) ON a TO reader WITH GRANT OPTION; GRANT USAGE ON SEQUENCE ticket TO reader; GRANT SELECT ON v TO PUBLIC;
            REVOKE EXECUTE ON FUNCTION f() FROM PUBLIC; GRANT USAGE ON TYPE mood TO reader`,
    used: "INSERT INTO a VALUES (1, NULL, 1, 'ok'), (2, 1, 2, NULL)",
    goesOn: ["SELECT has_column_privilege('reader', 'a', 'low', 'UPDATE') AS may", { may: true }],
  },
  {
    kind: "settings of indexes and of what stands on them, and tablespaces",
    files: `CREATE TABLE t (id int CONSTRAINT key PRIMARY KEY WITH (fillfactor = 70) USING INDEX TABLESPACE fast, code text) TABLESPACE fast;
            CREATE INDEX low ON t (lower(code)) WITH (fillfactor = 60) TABLESPACE fast; ALTER INDEX low ALTER COLUMN 1 SET STATISTICS 700;
            ALTER TABLE t CLUSTER ON low; ALTER TABLE t ALTER code SET COMPRESSION pglz, ALTER code SET (n_distinct = -0.5);
            ALTER TABLE t SET (toast.autovacuum_enabled = off)`,
    used: "INSERT INTO t SELECT i, 'Code ' || i FROM generate_series(1, 100) i",
    goesOn: [
      "SELECT spcname AS space FROM pg_class c JOIN pg_tablespace s ON s.oid = reltablespace WHERE c.oid = 'low'::regclass",
      { space: "fast" },
    ],
  },
  {
    kind: "keys and indexes that a view or a function needs",
    files: `CREATE TABLE t (id int PRIMARY KEY, code text, n int); CREATE UNIQUE INDEX once ON t (code);
            CREATE VIEW sums AS SELECT id, code, sum(n) AS n FROM t GROUP BY id;
            CREATE FUNCTION put(text, int) RETURNS void LANGUAGE sql BEGIN ATOMIC
              INSERT INTO t (id, code, n) VALUES ($2, $1, 1) ON CONFLICT (code) DO UPDATE SET n = t.n + 1; END`,
    used: "INSERT INTO t SELECT i, 'c' || i, i FROM generate_series(1, 300) i",
    goesOn: ["SELECT put('c7', 0); SELECT n FROM sums WHERE id = 7", { n: "8" }],
  },
  {
    kind: "domains of domains, arrays of domains, multiranges of own ranges, composite types of enums, and what may be cast",
    files: `CREATE TYPE level AS ENUM ('low', 'high'); CREATE DOMAIN part AS real CHECK (VALUE BETWEEN 0 AND 1); CREATE DOMAIN half AS part CHECK (VALUE <= 0.5);
            CREATE TYPE reading AS (at timestamptz, level level, part part); CREATE TYPE span AS RANGE (subtype = real, multirange_type_name = spans);
            CREATE FUNCTION level_of(text) RETURNS level LANGUAGE sql IMMUTABLE AS $$ SELECT CASE $1 WHEN 'h' THEN 'high'::level ELSE 'low'::level END $$;
            CREATE CAST (text AS level) WITH FUNCTION level_of(text) AS ASSIGNMENT;
            CREATE FUNCTION told(level) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'it is ' || length(format('%s', $1)) $$;
            CREATE CAST (level AS text) WITH FUNCTION told(level); CREATE DOMAIN known AS level NOT NULL;
            CREATE CONVERSION latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
            CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = pg_catalog.simple, stopwords = english);
            CREATE TABLE t (id int PRIMARY KEY, h half, parts part[], many spans, read reading, reads reading[], l level, k known)`,
    used: `INSERT INTO t VALUES (1, 0.1, '{0.1,1}', '{[0.1,0.2),[0.3,1]}', '(2026-01-01 00:00:00+00,high,0.1)', '{"(2026-01-01 00:00:00+00,low,0.3)"}', 'high', 'high'),
                               (2, NULL, '{}', '{}', '(,,)', NULL, NULL, 'high')`,
    goesOn: [
      "INSERT INTO t (id, read.level, k) VALUES (3, 'h'::text, 'h'::text) RETURNING (read).level",
      { level: "high" },
    ],
  },
  {
    kind: "views that check, hide or repeat",
    files: `CREATE TABLE t (id int PRIMARY KEY, n int); CREATE VIEW few AS SELECT * FROM t WHERE n < 10 WITH CASCADED CHECK OPTION;
            CREATE VIEW hidden WITH (security_barrier) AS SELECT id FROM t; CREATE RECURSIVE VIEW up (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < 3;
            CREATE FUNCTION put() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (NEW.id, 0); RETURN NEW; END $$;
            CREATE TRIGGER instead INSTEAD OF INSERT ON hidden FOR EACH ROW EXECUTE FUNCTION put()`,
    used: "INSERT INTO few VALUES (1, 1), (2, 9)",
    goesOn: [
      "INSERT INTO hidden VALUES (3); SELECT count(*) AS few, (SELECT max(n) FROM up) AS up FROM few",
      { few: "3", up: 3 },
    ],
  },
];

describe("a release and a restored dump hold exactly what the release before held", () => {
  it.each(
    kinds
      .map((each, index) => [each.kind, each, index] as const)
      .filter(([, , index]) => wholeMatrix || index % 2 === 0),
  )("%s", async (_, { files, used, goesOn }, index) => {
    const sql = files.endsWith(".sql") ? await fixture(files) : files;
    const [first, second] = [`kind-${index}-v1`, `kind-${index}-v2`];
    await make(sql, { tag: first });
    await inSchema(first, used);
    const [before, made] = [await digest(first), await shape(first)];
    const seeded = await make(sql, { tag: second, from: first, blocksPerChunk: 1 });
    expect(await digest(second)).toEqual(before);
    expect(await shape(second)).toEqual(made);
    for (const [table, rows] of Object.entries(seeded)) expect([table, rows]).toEqual([table, before[table]?.rows]);
    await dumpedAndRestored(second);
    expect(await digest(second)).toEqual(before);
    expect(await shape(second)).toEqual(made);
    if (goesOn) expect((await inSchema(second, goesOn[0]))[0]).toEqual(goesOn[1]);
    expect(await digest(first)).toEqual(before);
  });
});

describe("what belongs to no release, or cannot be copied exactly, is refused by its name, by the preview as by up", () => {
  const table = "CREATE TABLE t (id int)";
  beforeAll(() =>
    onPlatform((client) =>
      client.query(
        "CREATE FOREIGN DATA WRAPPER fdw; CREATE SERVER elsewhere FOREIGN DATA WRAPPER fdw; GRANT USAGE ON FOREIGN SERVER elsewhere TO menagerie_state",
      ),
    ),
  );

  it.each<[string, string, RegExp]>([
    [
      "a table that inherits",
      "CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent)",
      /"child"|"parent"/,
    ],
    [
      "forced row-level security",
      "CREATE TABLE hidden (id int); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
      /"hidden".*FORCE ROW LEVEL SECURITY/,
    ],
    ["a table without columns", "CREATE TABLE nothing ()", /"nothing".*none of its columns; use empty/],
    ["a column of large objects", "CREATE TABLE picture (id int, data oid)", /"picture".*column data oid.*use bytea/],
    ["names of other objects", "CREATE TABLE pointer (what regclass[])", /"pointer".*column what regclass\[\]/],
    ["a foreign table", "CREATE FOREIGN TABLE far (id int) SERVER elsewhere", /"far" is a foreign table/],
    ["the end of the transaction", `${table}; COMMIT; CREATE TABLE u (id int)`, /ends the transaction/],
    [
      "an extension",
      `CREATE EXTENSION IF NOT EXISTS pg_trgm; ${table}`,
      /extension "pg_trgm".*menagerie:state.extensions/,
    ],
    [
      "a publication",
      `${table}; CREATE PUBLICATION changes FOR TABLE t`,
      /state.sql: publication "changes" belongs to the database/,
    ],
    ["a subscription", "CREATE SUBSCRIPTION own CONNECTION 'x' PUBLICATION y", /subscription "own" belongs/],
    [
      "an event trigger",
      "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION f()",
      /event trigger "watch" belongs/,
    ],
    ["a foreign server", "CREATE SERVER there FOREIGN DATA WRAPPER fdw", /server "there" belongs/],
    ["a foreign data wrapper", "CREATE FOREIGN DATA WRAPPER own", /foreign data wrapper "own" belongs/],
    ["a schema", "CREATE SCHEMA IF NOT EXISTS other", /schema "other" belongs/],
    ["a role", 'CREATE ROLE "some body"', /role "some body" belongs/],
    [
      "a language, a tablespace",
      "CREATE OR REPLACE TRUSTED LANGUAGE l; CREATE TABLESPACE s LOCATION ''",
      /language "l" belongs/,
    ],
    [
      "a large object",
      `${table}; SELECT lo_create(4711)`,
      /the SQL files make large object 4711, which does not belong to one release/,
    ],
    [
      "default privileges",
      `${table}; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader`,
      /make default acl for role menagerie_state on tables/,
    ],
    [
      "what a user mapping says",
      `${table}; CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere`,
      /menagerie_state on server elsewhere/,
    ],
    [
      "what only superusers make",
      "CREATE OPERATOR CLASS own FOR TYPE int USING btree AS FUNCTION 1 btint4cmp(int, int)",
      /must be superuser to create an operator class/,
    ],
    ["a temporary table", "CREATE TEMP TABLE scratch (n int)", /permission denied to create temporary tables/],
    [
      "a type with casts from every kind of text",
      `CREATE TYPE level AS ENUM ('low'); CREATE FUNCTION f(text) RETURNS level LANGUAGE sql AS $$ SELECT 'low'::level $$;
       CREATE FUNCTION f(varchar) RETURNS level LANGUAGE sql AS $$ SELECT 'low'::level $$; CREATE FUNCTION f(char) RETURNS level LANGUAGE sql AS $$ SELECT 'low'::level $$;
       CREATE CAST (text AS level) WITH FUNCTION f(text); CREATE CAST (varchar AS level) WITH FUNCTION f(varchar); CREATE CAST (char AS level) WITH FUNCTION f(char);
       CREATE TABLE t (l level)`,
      /column "l", because the SQL files make casts from text, varchar and char to level/,
    ],
    ["a base type", "CREATE TYPE own", /must be superuser to create a base type/],
    [
      "a text search parser",
      "CREATE TEXT SEARCH PARSER own (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)",
      /must be superuser to create text search parsers/,
    ],
  ])("%s", async (kind, sql, says) => {
    // Of a first release there is nothing to copy, so that it may have them.
    const from = /^a (table without columns|type with casts)/.test(kind) ? kind.replaceAll(" ", "-") : undefined;
    if (from) await make(sql, { tag: from });
    const change = { tag: "refused", ...(from ? { from } : {}) };
    const { tables } = declaredRelations(sql);
    const spec = stateOf({ ...change, files: [{ name: "state.sql", sql }], tables });
    await expect(onPlatform((client) => tryState(client, spec))).rejects.toThrow(says);
    await expect(make(sql, change)).rejects.toThrow(says);
  });
});
