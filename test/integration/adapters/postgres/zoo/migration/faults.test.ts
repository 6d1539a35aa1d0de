import { setTimeout as sleep } from "node:timers/promises";
import type { ClientBase } from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { requireTarget } from "../../../../../../src/adapters/postgres/zoo/migration/inspect.ts";
import { openMigration } from "../../../../../../src/adapters/postgres/zoo/migration/journal.ts";
import { type RunOptions, runMigration } from "../../../../../../src/adapters/postgres/zoo/migration/run.ts";
import { type BatchRow, forwardBatch } from "../../../../../../src/adapters/postgres/zoo/migration/statements.ts";
import { movingTarget } from "../../../../../../src/adapters/postgres/zoo/migration/target.ts";
import { silent } from "../../../../../../src/domain/progress.ts";
import type { MigrationRequest } from "../../../../../../src/domain/zoo/migration.ts";
import { fill, type ModelVersionTable, makeModelVersionTable } from "../../../../../support/modelVersionTable.ts";
import { startPostgres, type TestPostgres } from "../../../../../support/postgres.ts";
import { wholeMatrix } from "../../../../../support/wholeMatrix.ts";
import { disconnected, killedTogether, lies, run } from "./world/kill.ts";

/** What a run survives, on a real PostgreSQL: in the end the same again finishes it, and a revert undoes it to the byte. */

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  // Whoever makes the journal holds up everybody else who would: runs that are held at a statement find it there.
  await run(await filled(), { name: "iris", from: "1", to: "2", direction: "forward" });
});

afterAll(() => postgres.stop());

const forward: MigrationRequest = { name: "iris", from: "1", to: "2", direction: "forward" };
const reverted: MigrationRequest = { ...forward, direction: "reverted" };

async function filled(apps = 60): Promise<ModelVersionTable> {
  const table = await makeModelVersionTable(postgres);
  await fill(table, apps);
  return table;
}

/** A table for each point at which a run ends; for a revert, its rows were moved before. */
async function tablesFor(
  { direction }: MigrationRequest,
  points: number,
  ownDatabase: (place: number) => boolean = () => false,
) {
  const places = Array.from({ length: points }, (_, place) => place);
  return Promise.all(
    places.map(async (place) => {
      const table = await makeModelVersionTable(postgres, { ownDatabase: ownDatabase(place) });
      await fill(table, 60);
      const before = await table.digest();
      if (direction === "reverted") await run(table, forward);
      return { table, before };
    }),
  );
}

/** At every moment the journal tells the truth; the same again ends the run, and a revert undoes it to the byte. */
async function recovers(table: ModelVersionTable, request: MigrationRequest, before: string): Promise<void> {
  expect(await lies(table)).toEqual([]);
  await run(table, request);
  expect(await lies(table)).toEqual([]);
  await run(table, reverted);
  expect(await table.digest()).toBe(before);
}

const moments = ["before", "sent", "after"] as const;
/** Each point costs a process: every third here, all of them in `npm run soak`, where test/soak has them at every moment too. */
const killPoints = Array.from({ length: 32 }, (_, index) => ({
  statement: index + 1,
  when: moments[Math.floor(index / 3) % 3] ?? "sent",
})).filter((_, index) => wholeMatrix || index % 3 === 0);
/** In a database without a journal these make it. */
const journalStatements = [9, 10, 11, 13, 14];

describe.each([forward, reverted])("$direction", (request) => {
  it("killed with SIGKILL at its statements ends where it should", async () => {
    const makesJournal = (place: number) =>
      request.direction === "forward" && journalStatements.includes(killPoints[place]?.statement ?? 0);
    const made = await tablesFor(request, killPoints.length, makesJournal);
    const kills = await killedTogether(
      made.map(({ table }) => table),
      request,
      killPoints,
    );
    expect(kills.filter(Boolean).length).toBeGreaterThanOrEqual(killPoints.length - 2);
    await Promise.all(made.map(({ table, before }) => recovers(table, request, before)));
  });

  it("whose connection the server ends before one of its statements goes on from there", async () => {
    const statements = Array.from({ length: 15 }, (_, index) => 2 * index + 1);
    const made = await tablesFor(request, statements.length);
    const cuts = await Promise.all(
      made.map(({ table }, place) => disconnected(table, request, statements[place] ?? 1)),
    );
    expect(cuts.filter(Boolean).length).toBeGreaterThanOrEqual(13);
    await Promise.all(made.map(({ table, before }) => recovers(table, request, before)));
  });

  it("twice at once is the same as once", async () => {
    const table = await filled();
    const before = await table.digest();
    if (request.direction === "reverted") await run(table, forward);
    const results = await Promise.all([run(table, request), run(table, request), run(table, request)]);
    expect(results.map(({ moved }) => moved).sort()).toEqual([0, 0, 40]);
    await run(table, reverted);
    expect(await table.digest()).toBe(before);
  });
});

it("forward and revert at once end as one of the two", async () => {
  const table = await filled();
  await Promise.all([run(table, forward), run(table, reverted)]);
  expect(await lies(table)).toEqual([]);
  const [row] = await table.query<{ old: number; new: number }>(
    `SELECT count(*) FILTER (WHERE proxy_model_version_id = 1)::integer AS old,
            count(*) FILTER (WHERE proxy_model_version_id = 2)::integer AS new FROM ${table.name}`,
  );
  expect([
    { old: 40, new: 0 },
    { old: 0, new: 40 },
  ]).toContainEqual(row);
});

describe("rows that another session has locked", () => {
  /** A transaction of another session, which ends with `work`. */
  function holding<T>(table: ModelVersionTable, work: (other: ClientBase) => Promise<T>): Promise<T> {
    return table.using(async (other) => {
      await other.query("BEGIN");
      try {
        return await work(other);
      } finally {
        await other.query("ROLLBACK");
      }
    });
  }
  const lock = (other: ClientBase, { name }: ModelVersionTable, id: number) =>
    other.query(`UPDATE ${name} SET name = name WHERE id = $1`, [id]);

  function start({ connection }: ModelVersionTable, options: Partial<RunOptions>) {
    return movingTarget(connection, (client, target) =>
      runMigration(client, target, forward, { progress: silent, ...options }),
    );
  }

  it("are left for later and waited for in the end; the others move meanwhile", async () => {
    const table = await filled();
    const moved: string[] = [];
    const result = await holding(table, async (other) => {
      await lock(other, table, 101);
      const waits = Promise.withResolvers<void>();
      const note = (): void => waits.resolve();
      const running = start(table, {
        progress: { ...silent, note },
        onMoved: (ids) => moved.push(...ids),
      });
      await waits.promise;
      expect(moved).toHaveLength(39);
      await other.query("COMMIT");
      return running;
    });
    expect(result.moved).toBe(40);
    expect(moved.at(-1)).toBe("101");
  });

  it("in another order, which is a deadlock, cost one of the two a second try", async () => {
    const table = await filled();
    const result = await holding(table, async (other) => {
      await lock(other, table, 107);
      await other.query("SAVEPOINT later");
      await lock(other, table, 101);
      const noted = Promise.withResolvers<void>();
      const running = start(table, { progress: { ...silent, note: () => noted.resolve() } });
      // It waits for the first of the two: give that one up, ...
      await noted.promise;
      await other.query("ROLLBACK TO later");
      while ((await waiting(table)) === 0) await sleep(20);
      // ... and want it back while the run waits for the second.
      await lock(other, table, 101).catch(() => {});
      await other.query("ROLLBACK");
      return running;
    });
    expect(result.state).toBe("done");
    expect(await lies(table)).toEqual([]);
  });

  it("and point elsewhere before a batch that waited for them changes them keep their user's word", async () => {
    const table = await filled();
    const request = { ...forward, revert: "journaled", share: 100, from: "1", to: "2" } as const;
    const { moved } = await holding(table, async (other) => {
      await other.query(`UPDATE ${table.name} SET proxy_model_version_id = 3 WHERE id = 101`);
      const batch = movingTarget(table.connection, async (client, target) => {
        const inspected = await requireTarget(client, target);
        const migration = await openMigration(client, target, request);
        const { text, values } = forwardBatch(inspected, migration, { after: null, limit: 100, locks: "none" });
        return (await client.query<BatchRow>(text, [...values])).rows[0] as BatchRow;
      });
      while ((await waiting(table)) === 0) await sleep(20);
      await other.query("COMMIT");
      return batch;
    });
    expect(moved).toHaveLength(39);
    expect(moved).not.toContain("101");
    expect(await lies(table)).toEqual([]);
    expect((await run(table, forward)).counts).toMatchObject({ forward: 39 });
    const [row] = await table.query<{ proxy: string }>(
      `SELECT proxy_model_version_id::text AS proxy FROM ${table.name} WHERE id = 101`,
    );
    expect(row?.proxy).toBe("3");
  });

  /** Sessions that wait for a lock in this database. */
  async function waiting({ query }: ModelVersionTable): Promise<number> {
    const [row] = await query<{ n: number }>(
      "SELECT count(*)::integer AS n FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')",
    );
    return row?.n ?? 0;
  }
});

describe("the rest of the world", () => {
  it("may have any clock", async () => {
    const table = await filled();
    const before = await table.digest();
    vi.useFakeTimers({ toFake: ["Date"], now: new Date("1999-12-31") });
    try {
      await run(table, forward);
      vi.setSystemTime(new Date("2099-12-31"));
      expect(await run(table, reverted)).toMatchObject({ moved: 40 });
    } finally {
      vi.useRealTimers();
    }
    expect(await table.digest()).toBe(before);
  });

  it("may hold rows by a trigger, which is told rather than tried for ever", async () => {
    const table = await filled();
    await table.query(
      `CREATE FUNCTION ${table.name.split(".")[0]}.hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
    );
    await table.query(
      `CREATE TRIGGER hold BEFORE UPDATE ON ${table.name} FOR EACH ROW EXECUTE FUNCTION ${table.name.split(".")[0]}.hold()`,
    );
    await expect(run(table, forward)).rejects.toThrow("40 rows 101, 102, 104, 105, 107 and 35 more of");
  });

  it("may refuse a row by a constraint: nothing of its batch is moved or journaled", async () => {
    const table = await filled();
    await table.query(`ALTER TABLE ${table.name} ADD CHECK (id <> 110 OR proxy_model_version_id <> 2) NOT VALID`);
    await expect(run(table, forward)).rejects.toThrow("violates check constraint");
    expect(await lies(table)).toEqual([]);
  });
});
