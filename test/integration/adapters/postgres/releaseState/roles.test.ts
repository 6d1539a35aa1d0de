import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureReleaseState } from "../../../../../src/adapters/postgres/releaseState/ensure.ts";
import { applyRightsIn } from "../../../../../src/adapters/postgres/rights/apply.ts";
import { type ReleaseObjects, releaseRights } from "../../../../../src/adapters/postgres/rights/files.ts";
import { type DatabaseServer, sqlState, withClient } from "../../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import { declaredRelations } from "../../../../../src/domain/release/declaredRelations.ts";
import { given } from "../../../../../src/environment/given.ts";
import { kindOf } from "../../../../../src/local/postgresqlPlugin/provider.ts";
import { plain } from "../../../../../src/local/postgresqlPlugin/wire.ts";
import { environmentOnPlatform, statesOf } from "../../../../support/componentEnvironment.ts";
import { makePlatformTables, rolePassword } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { stateOf } from "../../../../support/releaseStates.ts";

/** The logins of `components/releaseSchema.ts` on a real PostgreSQL: each sees its own release, and nothing else. */

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  await makeRelease(postgres.server, { tag: "v1" });
  await sql("INSERT INTO v1.item (name) VALUES ('one'), ('two')");
  await makeRelease(postgres.server, { tag: "v2", from: "v1", seeds: { model: "view" } });
});

afterAll(() => postgres.stop());

const sql = (text: string) => withClient(postgres.server, platformDatabase, (client) => client.query(text));

/** What the component declares, in the order of its dependencies: its states by the seeding, its other parts by the local plugin. */
async function makeRelease(server: DatabaseServer, change: Parameters<typeof stateOf>[0]): Promise<void> {
  const state = stateOf(change);
  await pulumi.runtime.setMocks(
    {
      async newResource({ type, name, inputs: marked, id }) {
        const inputs = plain(marked) as Record<string, unknown>;
        if (type.startsWith("postgresql:index/")) await kindOf(type).ensure(server, inputs);
        if (type.endsWith(":ReleaseState")) {
          expect(inputs).toMatchObject({ schema: state.schema, tables: state.tables });
          await ensureReleaseState(server, state, { progress: silent });
          await applyRightsIn(server, state.schema, await releaseRights(inputs as unknown as ReleaseObjects));
        }
        return { id: id ?? name, state: type.endsWith(":SecretValue") ? { ...inputs, value: rolePassword } : inputs };
      },
      call: ({ inputs }) => inputs,
    },
    "menagerie",
    "test",
  );
  const { ReleaseSchema } = await import("../../../../../components/releaseSchema.ts");
  const { tag, seedFrom, declared, tables, files } = state;
  const { sequences } = declaredRelations(files.map(({ sql }) => sql).join(";"));
  const planned = {
    tag,
    schema: state.schema,
    seedFrom,
    declared,
    tables,
    views: [],
    ...given({ sequences: sequences ? (true as const) : undefined }),
  };
  const environment = environmentOnPlatform({}, { state: statesOf(planned) });
  new ReleaseSchema(tag, { environment, schemas: "state" });
  await pulumi.runtime.disconnect();
}

/** `ok`, or `refused`; changes are rolled back. */
function trying(role: string, text: string): Promise<string> {
  return withClient({ ...postgres.server, user: role, password: rolePassword }, platformDatabase, async (client) => {
    await client.query("BEGIN");
    try {
      await client.query(text);
      return "ok";
    } catch (error) {
      return sqlState(error) === "42501" ? "refused" : String(error);
    } finally {
      await client.query("ROLLBACK");
    }
  });
}

const attempts = {
  "read its own items, without a schema name": "SELECT * FROM item",
  "write its own items": "INSERT INTO item (name) VALUES ('x')",
  "delete its own events": "DELETE FROM event",
  "read its own models": "SELECT * FROM model",
  "write its own models": "INSERT INTO model VALUES ('x')",
  "empty its own items": "TRUNCATE item CASCADE",
  "read v1's items": "SELECT * FROM v1.item",
  "write v1's items": "UPDATE v1.item SET name = 'x'",
  "write v1's models": "INSERT INTO v1.model VALUES ('x')",
  "read the source data": "SELECT * FROM source.raw",
  "write the source data": "DELETE FROM source.raw",
  "make a table": "CREATE TABLE mine ()",
  "make a table in public": "CREATE TABLE public.mine ()",
  "make a temporary table": "CREATE TEMPORARY TABLE mine ()",
  "drop a table": "DROP TABLE event",
  "read the platform's tables": "SELECT * FROM menagerie.model",
  "read the journal of releases": "SELECT * FROM menagerie.release_schema",
  "become the owner": "SET ROLE menagerie_state",
  "become v1's service": "SET ROLE service_v1",
} as const;
type Attempt = keyof typeof attempts;

const own: readonly Attempt[] = [
  "read its own items, without a schema name",
  "write its own items",
  "delete its own events",
  "read its own models",
];
const allowed: Readonly<Record<string, readonly Attempt[]>> = {
  // A table seeded by view is the release's before, so that nobody writes it here.
  service_v2: own,
  pipeline_v2: [...own, "empty its own items", "read the source data"],
};

describe.each(Object.entries(allowed))("%s", (role, can) => {
  beforeAll(async () => {
    await sql("CREATE SCHEMA IF NOT EXISTS source AUTHORIZATION menagerie_state");
    await sql("CREATE TABLE IF NOT EXISTS source.raw ()");
    await sql("GRANT USAGE ON SCHEMA source TO menagerie_pipeline");
    await sql("GRANT SELECT ON source.raw TO menagerie_pipeline");
  });

  it.each(Object.entries(attempts))("%s", async (what, text) => {
    expect(await trying(role, text)).toBe(can.includes(what as Attempt) ? "ok" : "refused");
  });
});

describe("sequences that the files make", () => {
  it("give numbers to both logins of the release, and to nobody else", async () => {
    const files = [
      { name: "s.sql", sql: "CREATE TABLE visit (id bigserial PRIMARY KEY, note text); CREATE SEQUENCE ticket" },
    ];
    await makeRelease(postgres.server, { tag: "s1", files, tables: ["visit"] });
    for (const role of ["service_s1", "pipeline_s1"]) {
      expect(await trying(role, "INSERT INTO visit (note) VALUES ('x')")).toBe("ok");
      expect(await trying(role, "SELECT nextval('ticket')")).toBe("ok");
    }
    expect(await trying("service_v1", "SELECT nextval('s1.ticket')")).toBe("refused");
    expect(await trying("service_s1", "SELECT setval('ticket', 1)")).toBe("refused");
  });
});

describe("the release before", () => {
  it("goes on with its own rows, and none of the new one's", async () => {
    const v1 = { ...postgres.server, user: "service_v1", password: rolePassword };
    const items = () =>
      withClient(v1, platformDatabase, async (client) => (await client.query("SELECT name FROM item")).rows);
    await sql("INSERT INTO v2.item (name) VALUES ('three')");
    expect(await items()).toEqual([{ name: "one" }, { name: "two" }]);
    expect(await trying("service_v1", "SELECT * FROM v2.item")).toBe("refused");
  });
});
