import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type DatabaseServer, withClient } from "../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { commandLines, secretsIn, secretsInFolder } from "../../support/canary.ts";
import { passphrase, type StackOfDatabase, startStackOfDatabase } from "../../support/databaseStack/stack.ts";
import { makePlatformTables } from "../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

/** What a run of the engine leaves of the database's password, the passphrase and the passwords that it makes up. */

let postgres: TestPostgres;
let server: DatabaseServer;
let stack: StackOfDatabase;
/** Folder of the state's SQL files. */
let schemas: string;
/** The toolchain, where it is not there yet. */
const startWithin = 1_800_000;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  server = { ...postgres.server, user: "canary", password: `ca/nary:4711+"pass@word%?` };
  await withClient(postgres.server, "postgres", (client) =>
    client.query(`CREATE ROLE canary SUPERUSER LOGIN PASSWORD '${server.password}'`),
  );
  stack = await startStackOfDatabase(server);
  schemas = await stack.stateFiles("canary", { "item.sql": "CREATE TABLE item (id bigint PRIMARY KEY);\n" });
}, startWithin);

afterAll(async () => {
  await stack.stop();
  await postgres.stop();
});

/** Every row of every table, what the server logs of roles, and what runs there, as text. */
function everythingIn(database: string): Promise<string> {
  return withClient(postgres.server, database, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT LIKE 'pg\\_%'
          AND schemaname <> 'information_schema'
       UNION ALL VALUES ('pg_authid'), ('pg_stat_activity'), ('pg_description'), ('pg_db_role_setting')`,
    );
    const texts: string[] = [];
    for (const { name } of rows) {
      const found = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      texts.push(...found.rows.map(({ row }) => row));
    }
    return texts.join("\n");
  });
}

it("is in no store: not in state, history, output, previews, database, processes, or what a failure says", {
  timeout: 600_000,
}, async () => {
  const declared = { versions: { iris: 1 }, state: { schemas } };
  const said: string[] = [];
  let processes = "";
  stack.asked = () => {
    processes += commandLines();
  };
  for (const args of [
    // It previews first.
    ["up", "--yes", "--diff"],
    ["preview", "--json"],
  ]) {
    const { code, said: text } = await stack.run(args, declared);
    expect(code, text).toBe(0);
    said.push(text);
  }
  const made = [...(await stack.exported(["--show-secrets"])).matchAll(/"plaintext": "\\"([\w-]{20,})\\""/g)];
  expect(made.length).toBeGreaterThanOrEqual(2);
  const secrets = {
    "the database's password": server.password ?? "",
    "the passphrase": passphrase,
    ...Object.fromEntries(made.map(([, value = ""], index) => [`password ${index} of a login`, value])),
  };
  // The state has them, encrypted, and nowhere else.
  expect(secretsInFolder(join(stack.folder, "backend"), secrets)).toEqual([]);
  expect(secretsIn(await stack.exported(), secrets)).toEqual([]);
  expect(secretsIn(await everythingIn(platformDatabase), secrets)).toEqual([]);
  expect(processes.includes(join(stack.folder, "home"))).toBe(true);
  expect(secretsIn(processes, secrets)).toEqual([]);

  // Its own message where it is refused, and where it is gone.
  const other = { ...declared, versions: { iris: 2 } };
  await withClient(postgres.server, "postgres", (client) => client.query("ALTER ROLE canary PASSWORD 'another'"));
  const refused = await stack.run(["preview"], other);
  expect(refused.said).toMatch(/refused: wrong user or password/);
  await postgres.crash();
  const gone = await stack.run(["up", "--yes", "--skip-preview"], other);
  expect(gone.code).not.toBe(0);
  await postgres.restart();
  said.push(refused.said, gone.said);
  expect(secretsIn(said.join("\n"), secrets)).toEqual([]);
  expect(secretsInFolder(join(stack.folder, "backend"), secrets)).toEqual([]);
});
