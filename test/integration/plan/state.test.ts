import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readStateFiles } from "../../../src/adapters/files/stateFiles.ts";
import { closeDeployment, openDeployment } from "../../../src/adapters/postgres/deployments.ts";
import { dumpState, restoreState } from "../../../src/adapters/postgres/releaseState/dump.ts";
import { ensureReleaseState, useReleaseState } from "../../../src/adapters/postgres/releaseState/ensure.ts";
import { readRelease } from "../../../src/adapters/postgres/releaseState/journal.ts";
import { withClient } from "../../../src/adapters/postgres/server.ts";
import { parseEnvironment } from "../../../src/config/parse.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { silent } from "../../../src/domain/progress.ts";
import { emptyRegistry } from "../../../src/domain/zoo/registry.ts";
import { planState, type StatePlan } from "../../../src/plan/state.ts";
import { intentOf, run, serving } from "../../support/deploymentRecord.ts";
import { makePlatformTables } from "../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

/** What an `up` will refuse, the preview refuses: a state is planned from the database, the SQL files and the record. */

let postgres: TestPostgres;
let folder: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  folder = await mkdtemp(join(tmpdir(), "menagerie-plan-"));
});

afterAll(async () => {
  await postgres.stop();
  await rm(folder, { recursive: true });
});

const write = (sql: string) => writeFile(join(folder, "state.sql"), sql);

async function plan(tag: string, state: Record<string, unknown> = {}): Promise<StatePlan> {
  const spec = parseEnvironment(
    { state: { schemas: "state", ...state } },
    { gatewayUrl: "http://127.0.0.1:8080", databaseAddress: "127.0.0.1:1" },
  );
  if (!spec.state) throw new Error("the config has a state");
  const platform = {
    basis: "read",
    server: postgres.server,
    fromEnvironment: true,
    schemaVersion: "",
    registry: emptyRegistry,
  } as const;
  const planned = await planState(
    { state: { ...spec.state, schemas: folder } },
    platform,
    { tag, environment: "local", planned: [] },
    async () => ({}),
  );
  if (!planned) throw new Error("a state is planned");
  return planned;
}

/** The state that was planned, made; and the record of an `up` that came to its end with it. */
async function up(tag: string): Promise<void> {
  const { current } = await plan(tag);
  const spec = { ...current, files: await readStateFiles(folder), parallel: 1 };
  await ensureReleaseState(postgres.server, spec, { progress: silent });
  await useReleaseState(postgres.server, current.schema);
  await withClient(postgres.server, platformDatabase, async (client) => {
    const intent = {
      ...(await intentOf(client, "local", { iris: Number(tag.slice(1)) })),
      stateSchema: current.schema,
    };
    const id = await openDeployment(client, intent, run, async () => []);
    await closeDeployment(client, "local", id, async () => serving({ iris: Number(tag.slice(1)) }));
  });
}

describe("the plan of a state", () => {
  it("refuses files that PostgreSQL refuses, and tables that cannot be copied", async () => {
    await write("CREATE TABLE item (id bigint PRIMARY KEY, name text)");
    expect((await plan("v1")).description).toBe("new, begins empty");
    await up("v1");
    await withClient(postgres.server, platformDatabase, (client) =>
      client.query("INSERT INTO v1.item VALUES (1, NULL)"),
    );
    await write("CREATE TABLE item (id bigint PRIMARY KEY, name text NOT NULL)");
    await expect(plan("v2")).rejects.toThrow(/columns\["name"\]: the column is NOT NULL now/);
    const columns = { item: { columns: { name: "coalesce(name, '')" } } };
    expect((await plan("v2", { tables: columns })).current.tables).toEqual([
      { name: "item", seed: "copy", from: "v1", columns: { name: "coalesce(name, '')" } },
    ]);
    await write("CREATE TABLE item (id bigint PRIMARY KEY, name textt)");
    await expect(plan("v2")).rejects.toThrow(/state.sql: PostgreSQL refuses it: type "textt" does not exist/);
  });

  it("refuses a changed file under the same tag, unless the config names the state as it is", async () => {
    await write("CREATE TABLE item (id bigint PRIMARY KEY, name text, more int)");
    await expect(plan("v1")).rejects.toThrow(
      /menagerie:state.schemas: the files of .* changed, and the state of release v1 keeps its shape; .* set menagerie:state.release: v1/,
    );
    const pinned = await plan("v9", { release: "v1" });
    expect(pinned.description).toMatch(/^ready; its tables are those of other SQL files/);
    // Nothing that is not needed for going back blocks it: tables that the files do not make any more, files that are gone.
    await write("CREATE TABLE other (id bigint PRIMARY KEY)");
    const restored = { release: "v1", tables: { item: { seed: "view" } } };
    expect((await plan("v9", restored)).current).toEqual(pinned.current);
    await expect(plan("v9", { tables: restored.tables })).rejects.toThrow(/make no such table/);
    await rm(join(folder, "state.sql"));
    expect((await plan("v9", restored)).current).toEqual(pinned.current);
    await expect(plan("v9")).rejects.toThrow(/has no .sql file/);
    await write("CREATE TABLE item (id bigint PRIMARY KEY, name text)");
    const same = await plan("v1");
    expect(pinned.current).toEqual(same.current);
    expect(same.description).toBe("ready");
  });

  it("does not take a state that was dropped for a new one", async () => {
    await up("v2");
    await withClient(postgres.server, platformDatabase, async (client) => {
      await client.query("DROP SCHEMA v1 CASCADE");
      await client.query("DELETE FROM menagerie.release_schema WHERE name = 'v1'");
    });
    await expect(plan("v1")).rejects.toThrow(
      /the state of release v1 was dropped; load its dump by `menagerie data restore/,
    );
    expect((await plan("v3")).description).toBe("new, seeded from v2");
  });

  it("names what somebody dropped by hand, and what to do; releases are seeded from what is there", async () => {
    const sql = (text: string) => withClient(postgres.server, platformDatabase, (client) => client.query(text));
    await up("v3");
    await sql("INSERT INTO v3.item VALUES (7, 'kept')");
    const release = await withClient(postgres.server, platformDatabase, (client) => readRelease(client, "v3"));
    const dump = release && (await dumpState(postgres.server, release, folder, { progress: silent }));
    await sql("DROP TABLE v3.item");
    await expect(plan("v3")).rejects.toThrow(
      /the state of release v3: table "item" of schema "v3" was dropped by hand; drop what is left \(DROP SCHEMA "v3" CASCADE\), then load a dump/,
    );
    const next = await plan("v4");
    expect(next.description).toBe("new, seeded from v2");
    expect(next.lost).toEqual([expect.stringMatching(/^v3: table "item" of schema "v3" was dropped by hand/)]);
    await sql("DROP SCHEMA v3 CASCADE");
    await expect(plan("v3")).rejects.toThrow(/schema "v3" was dropped by hand; load a dump by `menagerie data restore/);
    await restoreState(postgres.server, dump ?? "", { progress: silent });
    expect((await plan("v3")).description).toBe("ready");
    expect((await sql("SELECT id, name FROM v3.item ORDER BY id")).rows.at(-1)).toEqual({ id: "7", name: "kept" });
  });
});
