import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { dumpState, restoreState } from "../../src/adapters/postgres/releaseState/dump.ts";
import { readRelease } from "../../src/adapters/postgres/releaseState/journal.ts";
import { withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { silent } from "../../src/domain/progress.ts";
import { type StackOfDatabase, startStackOfDatabase } from "../support/databaseStack/stack.ts";
import { makePlatformTables } from "../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";

/** What somebody drops by hand of a release's state, and what the engine makes again. */

let postgres: TestPostgres;
let stack: StackOfDatabase;
/** Folder of the state's SQL files. */
let schemas: string;
/** The toolchain, where it is not there yet. */
const startWithin = 1_800_000;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  stack = await startStackOfDatabase(postgres.server);
  schemas = await stack.stateFiles("lost", { "item.sql": "CREATE TABLE item (id bigint PRIMARY KEY);\n" });
}, startWithin);

afterAll(async () => {
  await stack.stop();
  await postgres.stop();
});

const sql = (text: string) => withClient(postgres.server, platformDatabase, (client) => client.query(text));

/** What both logins of the release may do with its table. */
async function rights(): Promise<Record<string, unknown>> {
  const { rows } = await sql(
    `SELECT rolname AS role, has_table_privilege(oid, '"release-1".item', 'SELECT, INSERT') AS works FROM pg_roles
      WHERE rolname LIKE '%\\_release-1'`,
  );
  return Object.fromEntries(rows.map(({ role, works }) => [role, works]));
}

it("roles and grants are made again by a refresh, a schema is named with the way back and then gets its rights", {
  timeout: 600_000,
}, async () => {
  const declared = { versions: { iris: 1 }, state: { schemas } };
  const both = { "service_release-1": true, "pipeline_release-1": true };
  const first = await stack.run(["up", "--yes", "--skip-preview"], declared);
  expect(first.code, first.said).toBe(0);
  expect(await rights()).toEqual(both);
  await sql(`INSERT INTO "release-1".item VALUES (7)`);
  await sql(`REVOKE ALL ON "release-1".item FROM "service_release-1"`);
  await sql(`DROP OWNED BY "pipeline_release-1"; DROP ROLE "pipeline_release-1"`);
  expect(await rights()).toEqual({ "service_release-1": false });
  const again = await stack.run(["up", "--yes", "--skip-preview", "--refresh"], declared);
  expect(again.code, again.said).toBe(0);
  expect(await rights()).toEqual(both);

  const release = await withClient(postgres.server, platformDatabase, (client) => readRelease(client, "release-1"));
  if (!release) throw new Error("the state is there");
  const dump = await dumpState(postgres.server, release, join(stack.folder, "dumps"), { progress: silent });
  await sql(`DROP SCHEMA "release-1" CASCADE`);
  const preview = await stack.run(["preview"], declared);
  expect(preview.code).not.toBe(0);
  expect(preview.said).toContain(
    'the state of release release-1: schema "release-1" was dropped by hand; load a dump by',
  );
  await restoreState(postgres.server, dump, { progress: silent });
  expect(await rights()).toEqual({ "service_release-1": false, "pipeline_release-1": false });
  const back = await stack.run(["up", "--yes", "--skip-preview", "--refresh"], declared);
  expect(back.code, back.said).toBe(0);
  expect(await rights()).toEqual(both);
  expect((await sql(`SELECT id FROM "release-1".item`)).rows).toEqual([{ id: "7" }]);
});
