import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planZooMigration } from "../../../../../../src/adapters/postgres/zoo/migration/plan.ts";
import { type RunOptions, runMigration } from "../../../../../../src/adapters/postgres/zoo/migration/run.ts";
import { movingTarget } from "../../../../../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../../../../../src/domain/progress.ts";
import { type MigrationRequest, printedPlan } from "../../../../../../src/domain/zoo/migration.ts";
import { fill, type ModelVersionTable, makeModelVersionTable } from "../../../../../support/modelVersionTable.ts";
import { startPostgres, type TestPostgres } from "../../../../../support/postgres.ts";

/** What an application's own table forbids: each ends right or is told in a sentence, and counts are what the database holds. */

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
});

afterAll(() => postgres.stop());

/** With obstacles as sentences. */
async function printedPlanOf(...request: Parameters<typeof planZooMigration>) {
  return printedPlan(await planZooMigration(...request));
}

const forward: MigrationRequest = { name: "iris", from: "1", to: "2", direction: "forward" };
const reverted: MigrationRequest = { ...forward, direction: "reverted" };
const apps = 5_000;
/** Those of them that point at the old version. */
const all = 3_335;

/** A table in which one of the cases was made, after `before`. */
async function having(what: string, before = ""): Promise<ModelVersionTable> {
  const table = await makeModelVersionTable(postgres, { ownDatabase: true });
  await fill(table, apps);
  // The row that one of the cases is about.
  await table.query(`UPDATE ${table.name} SET proxy_model_version_id = 1 WHERE id = 4711`);
  if (before) await table.query(before.replaceAll("%TABLE%", table.name));
  const file = join(import.meta.dirname, "../../../../../support/migrationCases", `${what}.sql`);
  const sql = (await readFile(file, "utf8"))
    .replaceAll("%TABLE%", table.name)
    .replaceAll("%PROXY%", "proxy_model_version_id")
    .replaceAll("%USER%", "user_id");
  await table.query(sql);
  return table;
}

const run = ({ connection }: ModelVersionTable, request: MigrationRequest, options: Partial<RunOptions> = {}) =>
  movingTarget(connection, (client, target) => runMigration(client, target, request, { progress: silent, ...options }));

async function pointing({ query, name }: ModelVersionTable, to: number): Promise<number> {
  const [row] = await query<{ n: number }>(
    `SELECT count(*)::integer AS n FROM ${name} WHERE proxy_model_version_id = $1`,
    [to],
  );
  return row?.n ?? 0;
}

const failure = (running: Promise<unknown>) =>
  running.then(
    () => "",
    (error: Error) => `${error.name}: ${error.message}`,
  );

describe("rows that cannot be moved", () => {
  it("by a trigger that raises are named; the rest goes on without them when told so, and they can be tried again", async () => {
    const table = await having("raising-trigger");
    expect(await failure(run(table, forward))).toMatch(
      /^OperatorError: migration iris: row 4711 of \S+ cannot be moved: row is frozen by billing \(SQLSTATE P0001\), after \d+ rows; correct it and run the same again, or go on without it: `menagerie rollout forward --id 1 --to 2 --skip-failing`$/,
    );
    const { counts } = await run(table, forward, { skipFailing: true });
    expect(counts).toMatchObject({ forward: all - 1, skipped: 1 });
    expect(await pointing(table, 2)).toBe(all - 1);
    expect((await printedPlanOf(table.connection, forward)).rows).toBe(0);
    expect((await run(table, forward)).moved).toBe(0);
    await table.query(`DROP TRIGGER refuse ON ${table.name}`);
    expect(await run(table, forward, { retrySkipped: true })).toMatchObject({
      moved: 1,
      counts: { forward: all, skipped: 0 },
    });
    await run(table, reverted);
    expect(await pointing(table, 2)).toBe(0);
  });

  it("by a trigger that keeps them are not counted as moved", async () => {
    const table = await having("undoing-trigger");
    const [kept] = await table.query<{ n: number }>(
      `SELECT count(*)::integer AS n FROM ${table.name} WHERE proxy_model_version_id = 1 AND id % 10 = 0`,
    );
    const n = kept?.n ?? 0;
    expect(await failure(run(table, forward))).toMatch(
      new RegExp(
        `^OperatorError: migration iris: ${n} rows 110, 120, 140, .* and ${n - 5} more of \\S+ cannot be moved: it does not change when`,
      ),
    );
    expect((await run(table, forward, { skipFailing: true })).counts).toMatchObject({ forward: all - n, skipped: n });
    expect(await pointing(table, 2)).toBe(all - n);
    await run(table, reverted);
    expect(await pointing(table, 1)).toBe(all);
  });

  it("by a trigger that changes them again afterwards are named, and not counted as moved", async () => {
    const table = await having("undoing-trigger");
    await table.query(
      `DROP TRIGGER keep_pointer ON ${table.name};
       CREATE FUNCTION put_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         UPDATE ${table.name} SET proxy_model_version_id = OLD.proxy_model_version_id WHERE id = NEW.id; RETURN NULL; END $$;
       CREATE TRIGGER put_back AFTER UPDATE OF proxy_model_version_id ON ${table.name} FOR EACH ROW
         WHEN (NEW.id = 4712 AND NEW.proxy_model_version_id = 2) EXECUTE FUNCTION put_back()`,
    );
    expect(await failure(run(table, forward))).toMatch(
      /row 4712 of \S+ cannot be moved: it does not hold what was written/,
    );
    expect((await run(table, forward, { skipFailing: true })).counts).toMatchObject({ forward: all - 1, skipped: 1 });
    expect(await pointing(table, 2)).toBe(all - 1);
  });

  it("by a unique index are named with the values", async () => {
    const table = await having(
      "unique-per-user",
      "UPDATE %TABLE% SET user_id = id; INSERT INTO %TABLE% (id, proxy_model_version_id, user_id) VALUES (90001, 2, 3302)",
    );
    expect(await failure(run(table, forward))).toMatch(
      /^OperatorError: migration iris: row 3302 of \S+ cannot be moved: duplicate key value .*Key \(user_id, proxy_model_version_id\)=\(3302, 2\) already exists \(SQLSTATE 23505\)/,
    );
    expect((await run(table, forward, { skipFailing: true })).counts).toMatchObject({ forward: all - 1, skipped: 1 });
    await run(table, reverted);
    expect(await pointing(table, 2)).toBe(1);
  });

  it("on the way back are named too, and skipped ones are tried again by a later revert", async () => {
    const table = await having("raising-trigger");
    await table.query(`ALTER TABLE ${table.name} DISABLE TRIGGER refuse`);
    await run(table, forward);
    await table.query(`ALTER TABLE ${table.name} ENABLE TRIGGER refuse`);
    expect(await failure(run(table, reverted))).toMatch(
      /row 4711 .*`menagerie rollout revert --id 2 --to 1 --skip-failing`/,
    );
    expect((await run(table, reverted, { skipFailing: true })).counts).toMatchObject({ reverted: all - 1, skipped: 1 });
    await table.query(`DROP TRIGGER refuse ON ${table.name}`);
    expect((await run(table, reverted, { retrySkipped: true })).counts).toMatchObject({ reverted: all, skipped: 0 });
    expect(await pointing(table, 2)).toBe(0);
  });
});

describe("what forbids every row is refused by the plan, with the command that allows it", () => {
  it.each([
    ["instead-rule", /: rule "no_update" rewrites every UPDATE.*; run ALTER TABLE \S+ DISABLE RULE "no_update";/],
    [
      "publication",
      /: is published by "everything" without a replica identity.*; run ALTER TABLE \S+ REPLICA IDENTITY FULL;/,
    ],
  ])("%s", async (what, says) => {
    const table = await having(what);
    const { refusals } = await printedPlanOf(table.connection, forward);
    expect(refusals).toEqual([expect.stringMatching(says)]);
    expect(await failure(run(table, forward))).toMatch(/^OperatorError: /);
    const command = /run (ALTER TABLE .*?);/.exec(refusals[0] ?? "")?.[1] ?? "";
    await table.query(command);
    expect((await run(table, forward)).moved).toBe(all);
  });

  it("a login that may only read", async () => {
    const table = await makeModelVersionTable(postgres, { ownDatabase: true });
    await fill(table, 30);
    await table.query(
      `ALTER DATABASE "${table.connection.server.maintenanceDatabase}" SET default_transaction_read_only = on`,
    );
    expect((await printedPlanOf(table.connection, forward)).refusals).toEqual([
      expect.stringContaining("the server or the login is read-only, so no row can move"),
    ]);
    expect(await failure(run(table, forward))).toMatch(/^OperatorError: .*read-only/);
  });
});

it("a login's own statement_timeout does not end a plan or a run", async () => {
  const table = await having("role-timeout");
  try {
    const set = await movingTarget(
      table.connection,
      async (client) => (await client.query("SHOW statement_timeout")).rows,
    );
    expect(set).toEqual([{ statement_timeout: "10min" }]);
    expect((await printedPlanOf(table.connection, forward)).refusals).toEqual([]);
    expect((await run(table, forward)).moved).toBe(all);
  } finally {
    await table.query("ALTER ROLE CURRENT_USER RESET statement_timeout");
  }
});
