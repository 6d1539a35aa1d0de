import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  countRows,
  journaledRows,
  listMigrations,
  setPaused,
} from "../../../../../../src/adapters/postgres/zoo/migration/journal.ts";
import { planZooMigration } from "../../../../../../src/adapters/postgres/zoo/migration/plan.ts";
import { type RunOptions, runMigration } from "../../../../../../src/adapters/postgres/zoo/migration/run.ts";
import { movingTarget, targetOf } from "../../../../../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../../../../../src/domain/progress.ts";
import { type MigrationRequest, printedPlan } from "../../../../../../src/domain/zoo/migration.ts";
import { inCohort } from "../../../../../../src/domain/zoo/migrationCohort.ts";
import {
  fill,
  type ModelVersionTable,
  makeModelVersionTable,
  type TableOptions,
} from "../../../../../support/modelVersionTable.ts";
import { startPostgres, type TestPostgres } from "../../../../../support/postgres.ts";

/** Migrations of an application's own table, on a real PostgreSQL. */

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

async function filled(apps = 60, options: TableOptions = {}): Promise<ModelVersionTable> {
  const table = await makeModelVersionTable(postgres, options);
  await fill(table, apps);
  return table;
}

function run({ connection }: ModelVersionTable, request: MigrationRequest, options: Partial<RunOptions> = {}) {
  return movingTarget(connection, (client, target) =>
    runMigration(client, target, request, { progress: silent, ...options }),
  );
}

const pointing = async ({ query, name }: ModelVersionTable, to: number | string) =>
  (
    await query<{ id: string }>(
      `SELECT id::text AS id FROM ${name} WHERE proxy_model_version_id::text = $1 ORDER BY id`,
      [to],
    )
  ).map(({ id }) => id);

describe("a forward and its revert", () => {
  it("move exactly the rows that point at the old version, and leave every byte as it was", async () => {
    const table = await filled();
    const before = await table.digest();
    const others = await table.digest({ withoutProxies: true });
    const old = await pointing(table, 1);
    expect(await printedPlanOf(table.connection, forward)).toEqual({
      rows: 40,
      users: 7,
      estimatedSeconds: 1,
      refusals: [],
      notes: [],
    });

    const moved: string[] = [];
    const there = await run(table, forward, { onMoved: (ids) => moved.push(...ids) });
    expect(there).toMatchObject({ state: "done", moved: 40, generation: 1, counts: { forward: 40, reverted: 0 } });
    expect(moved.sort()).toEqual(old);
    expect(await pointing(table, 2)).toEqual(old);
    expect(await pointing(table, 1)).toEqual([]);
    expect(await table.digest({ withoutProxies: true })).toBe(others);

    const back = await run(table, reverted);
    expect(back).toMatchObject({ state: "done", moved: 40, counts: { forward: 0, reverted: 40 } });
    expect(await table.digest()).toBe(before);
  });

  it("do nothing when they are run again", async () => {
    const table = await filled();
    await run(table, forward);
    const after = await table.digest();
    expect(await run(table, forward)).toMatchObject({ moved: 0, counts: { forward: 40 } });
    expect((await printedPlanOf(table.connection, forward)).rows).toBe(0);
    expect(await table.digest()).toBe(after);
    await run(table, reverted);
    expect(await run(table, reverted)).toMatchObject({ moved: 0, counts: { reverted: 40 } });
  });

  it("leave rows alone that their users pointed elsewhere, edited or deleted, and list them", async () => {
    const table = await filled();
    await run(table, forward);
    await table.query(`UPDATE ${table.name} SET proxy_model_version_id = 3 WHERE id = 101`);
    await table.query(`UPDATE ${table.name} SET proxy_model_version_id = 1 WHERE id = 102`);
    await table.query(`DELETE FROM ${table.name} WHERE id = 104`);
    await table.query(`UPDATE ${table.name} SET name = 'mine' WHERE id = 105`);
    await table.query(`INSERT INTO ${table.name} (id, proxy_model_version_id) VALUES (900, 2)`);
    // One that was pointed back to the old version stays there.
    expect(await run(table, forward)).toMatchObject({ moved: 0 });
    expect((await printedPlanOf(table.connection, reverted)).rows).toBe(37);
    const { migrationId, counts } = await run(table, reverted);
    expect(counts).toEqual({ forward: 0, skipped: 0, reverted: 37, swept: 0, changed: 2, deleted: 1 });
    const kept = await movingTarget(table.connection, async (client, target) => {
      const rows = [];
      for await (const page of journaledRows(client, target, migrationId, ["changed", "deleted"])) rows.push(...page);
      return rows;
    });
    expect(kept).toEqual([
      { id: "101", state: "changed" },
      { id: "102", state: "changed" },
      { id: "104", state: "deleted" },
    ]);
    expect(await table.query(`SELECT name, proxy_model_version_id AS proxy FROM ${table.name} WHERE id = 105`)).toEqual(
      [{ name: "mine", proxy: "1" }],
    );
    expect(await pointing(table, 2)).toEqual(["900"]);
  });

  it("with `all` take rows along that were made on the new version", async () => {
    const table = await filled();
    await run(table, forward);
    await table.query(`INSERT INTO ${table.name} (id, proxy_model_version_id) VALUES (900, 2)`);
    const all: MigrationRequest = { ...reverted, revert: "all" };
    expect((await printedPlanOf(table.connection, all)).rows).toBe(41);
    expect((await run(table, all)).counts).toEqual({
      forward: 0,
      skipped: 0,
      reverted: 40,
      swept: 1,
      changed: 0,
      deleted: 0,
    });
    expect(await pointing(table, 2)).toEqual([]);
  });

  it("may follow each other again: what was reverted goes forward, and back to the same bytes", async () => {
    const table = await filled();
    const before = await table.digest();
    for (const generation of [1, 2, 3]) {
      expect((await printedPlanOf(table.connection, forward)).rows).toBe(40);
      expect(await run(table, forward)).toMatchObject({ moved: 40, generation });
      expect(await run(table, reverted)).toMatchObject({ moved: 40, generation });
      expect(await table.digest()).toBe(before);
    }
  });

  it("turned round halfway, and once more, still end where the journal says", async () => {
    const table = await filled(600);
    const before = await table.digest();
    const halfway = async (request: MigrationRequest) => {
      const ends = new AbortController();
      const once = () => ends.abort(new Error("enough"));
      await expect(
        run(table, { ...request, rowsPerSecond: 50 }, { signal: ends.signal, onMoved: once }),
      ).rejects.toThrow();
    };
    await halfway(forward);
    await halfway(reverted);
    await halfway(forward);
    expect((await pointing(table, 2)).length).toBeGreaterThan(0);
    await run(table, reverted);
    expect(await table.digest()).toBe(before);
  });
});

describe("a share of organizations", () => {
  it("is the one that the domain computes, and grows in one journal", async () => {
    const table = await filled(300);
    const old = await table.query<{ id: string; organization: string }>(
      `SELECT id::text AS id, organization_id AS organization FROM ${table.name} WHERE proxy_model_version_id = 1`,
    );
    const inShare = (share: number) =>
      old.filter(({ organization }) => inCohort("iris", organization, share)).map(({ id }) => id);
    const before = await table.digest();
    for (const share of [30, 60, 20]) {
      const planned = await printedPlanOf(table.connection, { ...forward, share });
      const { moved } = await run(table, { ...forward, share });
      expect(moved).toBe(planned.rows);
      expect(await pointing(table, 2)).toEqual(inShare(Math.max(share, share === 20 ? 60 : 0)).sort());
    }
    expect(await run(table, forward)).toMatchObject({ generation: 1, counts: { forward: old.length } });
    await run(table, reverted);
    expect(await table.digest()).toBe(before);
  });

  it("leaves rows without an organization to the end", async () => {
    const table = await filled();
    await table.query(`UPDATE ${table.name} SET organization_id = NULL`);
    expect((await run(table, { ...forward, share: 99.9 })).moved).toBe(0);
    expect((await run(table, forward)).moved).toBe(40);
  });
});

describe("holding", () => {
  it("by config records what is wanted and moves nothing", async () => {
    const table = await filled();
    expect(await run(table, { ...forward, paused: true })).toMatchObject({ state: "paused", moved: 0 });
    expect(await run(table, forward)).toMatchObject({ state: "done", moved: 40 });
  });

  it("by hand stops a run at its next batch until it is resumed", async () => {
    const table = await filled(600);
    const pause = (paused: boolean) =>
      movingTarget(table.connection, async (client, target) => {
        const [migration] = await listMigrations(client, target);
        return setPaused(client, target, migration?.id ?? "0", paused);
      });
    let first: Promise<boolean> | undefined;
    const onMoved = () => {
      first ??= pause(true);
    };
    await expect(run(table, { ...forward, rowsPerSecond: 100 }, { onMoved })).rejects.toThrow(
      /migration iris is held by hand after \d+ rows; `menagerie rollout resume --id \d+`, then run the same again/,
    );
    expect(await first).toBe(true);
    await expect(run(table, forward)).rejects.toThrow("held by hand after 0 rows");
    await pause(false);
    expect(await run(table, forward)).toMatchObject({ state: "done", counts: { forward: 400 } });
  });
});

describe("a plan refuses", () => {
  it.each<[string, Partial<MigrationRequest>, RegExp]>([
    ["an unknown old version", { from: "77" }, /from: there is no version 77 in "application_/],
    ["an unknown new version", { to: "77" }, /to: there is no version 77/],
    ["what is not an id", { to: "seven" }, /to: "seven" is not an id of type bigint/],
    ["one version twice", { to: "1" }, /old and new version are both 1/],
    ["no share", { share: 0 }, /share 0 is not a percentage/],
  ])("%s", async (_what, change, refusal) => {
    const table = await filled(3);
    const { refusals } = await printedPlanOf(table.connection, { ...forward, ...change });
    expect(refusals.join("\n")).toMatch(refusal);
  });

  it("a new version whose own answers come from the old one", async () => {
    const table = await filled(3);
    await table.query(`UPDATE ${table.name} SET proxy_model_version_id = 3 WHERE id = 2`);
    await table.query(`UPDATE ${table.name} SET proxy_model_version_id = 1 WHERE id = 3`);
    expect((await printedPlanOf(table.connection, forward)).refusals).toEqual([
      "version 2 points at 1 itself, so its answers would still come from there; point it elsewhere",
    ]);
  });

  it("and a run points no row at a version that was deleted after the plan", async () => {
    const table = await filled();
    await table.query(`DELETE FROM ${table.name} WHERE id = 2`);
    await expect(run(table, forward)).rejects.toThrow(`version 2 does not exist in ${table.name}`);
    expect(await pointing(table, 2)).toEqual([]);
  });

  it("counts what is not journaled only where a new version is not known yet", async () => {
    const table = await filled();
    expect((await printedPlanOf(table.connection, { ...forward, to: undefined })).rows).toBe(40);
  });
});

describe("existing tables", () => {
  it.each<TableOptions>([
    { idType: "text" },
    { idType: "integer" },
    { idType: "character varying(40)" },
    { idType: "character(8)" },
    { schema: 'sch"ema', table: "ta.ble; -- 日本" },
    { table: "x".repeat(63) },
    { index: false },
  ])("%j", async (options) => {
    const table = await filled(60, options);
    const before = await table.digest();
    const { refusals, notes } = await printedPlanOf(table.connection, forward);
    expect(refusals).toEqual([]);
    expect(notes).toEqual(
      options.index === false ? [expect.stringContaining(`CREATE INDEX CONCURRENTLY ON ${table.name}`)] : [],
    );
    expect((await run(table, forward)).moved).toBe(40);
    expect((await run(table, reverted)).moved).toBe(40);
    expect(await table.digest()).toBe(before);
  });

  it("have UUIDs, however they are written", async () => {
    const table = await makeModelVersionTable(postgres, { idType: "uuid" });
    const [from, to] = ["aaaaaaaa-0000-4000-8000-000000000001", "aaaaaaaa-0000-4000-8000-000000000002"];
    await table.query(`INSERT INTO ${table.name} (id) VALUES ($1), ($2)`, [from, to]);
    await table.query(
      `INSERT INTO ${table.name} (id, proxy_model_version_id) SELECT gen_random_uuid(), $1 FROM generate_series(1, 50)`,
      [from],
    );
    const pair = { from: from.toUpperCase(), to: to.replaceAll("-", "") };
    expect((await printedPlanOf(table.connection, { ...forward, ...pair })).rows).toBe(50);
    expect((await run(table, { ...forward, ...pair })).moved).toBe(50);
    expect(await run(table, { ...forward, from, to })).toMatchObject({ moved: 0, counts: { forward: 50 } });
  });

  it("are refused with what is missing: names, types, keys and grants", async () => {
    const table = await filled(3, { ownDatabase: true });
    const refusals = async (change: Partial<(typeof table.connection)["existing"]>, user?: string) => {
      const { server, existing } = table.connection;
      const login = user === undefined ? server : { ...server, user, password: "secret" };
      return (await printedPlanOf({ server: login, existing: { ...existing, ...change } }, forward)).refusals;
    };
    expect(await refusals({ table: "nobody" })).toEqual([
      expect.stringContaining('."nobody": there is no such table in this database; correct schema and table'),
    ]);
    expect(await refusals({ proxyColumn: "proxy" })).toEqual([`${table.name}: has no column "proxy"`]);
    expect((await refusals({ proxyColumn: "modified" }))[0]).toContain("of type timestamp with time zone; ids are");
    expect((await refusals({ idColumn: "user_id" })).at(-1)).toContain('column "user_id" is not unique');
    await expect(refusals({ table: "x".repeat(64) })).rejects.toThrow("a PostgreSQL identifier at most 63");
    await table.query("CREATE ROLE migrator LOGIN PASSWORD 'secret'");
    expect(await refusals({}, "migrator")).toEqual([
      expect.stringMatching(/run GRANT USAGE ON SCHEMA "application_\d+" TO "migrator";$/),
      expect.stringContaining(
        `GRANT SELECT ("id", "proxy_model_version_id", "user_id", "organization_id") ON ${table.name} TO "migrator";`,
      ),
      expect.stringContaining(`GRANT UPDATE ("proxy_model_version_id") ON ${table.name} TO "migrator";`),
      'the journal has no schema that migrator may write to; run CREATE SCHEMA "menagerie_migrations" AUTHORIZATION "migrator";',
    ]);
  });

  it("need no more than what a plan asks for", async () => {
    const table = await filled(60, { ownDatabase: true });
    await table.query("CREATE ROLE least LOGIN PASSWORD 'secret'");
    const { server, existing } = table.connection;
    const connection = { server: { ...server, user: "least", password: "secret" }, existing };
    for (const refusal of (await printedPlanOf(connection, forward)).refusals) {
      await table.query(/run (.*;)$/.exec(refusal)?.[1] ?? "no command in it");
    }
    expect(await printedPlanOf(connection, forward)).toMatchObject({ rows: 40, refusals: [] });
    const least = { ...table, connection };
    expect((await run(least, forward)).moved).toBe(40);
    expect((await run(least, reverted)).moved).toBe(40);
  });
});

describe("the journal", () => {
  it("tells every row, and counts agree with the table", async () => {
    const table = await filled();
    const { migrationId } = await run(table, forward);
    const target = targetOf(table.connection);
    const counts = await movingTarget(table.connection, (client) => countRows(client, target, migrationId));
    expect(counts.forward).toBe((await pointing(table, 2)).length);
    expect(
      await table.query(
        `SELECT old_value, new_value, count(*)::integer AS n FROM menagerie_migrations.zoo_migration_row
          WHERE migration_id = $1 GROUP BY 1, 2`,
        [migrationId],
      ),
    ).toEqual([{ old_value: "1", new_value: "2", n: 40 }]);
  });
});
