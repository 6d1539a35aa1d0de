import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { missingSqlObjects } from "../../../../src/adapters/postgres/missingObjects.ts";
import { readPlatformState } from "../../../../src/adapters/postgres/plan.ts";
import { ensurePredictionTables } from "../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase, platformSchemaName } from "../../../../src/domain/platformDatabase.ts";
import { planPlatform } from "../../../../src/plan/platform.ts";
import { predictionTables } from "../../../../src/resources/predictionTables.handler.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** What a person dropped by hand, one thing after another, as the next `up` finds it. */

let postgres: TestPostgres;
let made: { urn: string; type: string; outputs: Record<string, unknown> }[];

const sql = (text: string, database = platformDatabase) =>
  withClient(postgres.server, database, (client) => client.query(text));

beforeAll(async () => {
  postgres = await startPostgres();
  const declared = await makePlatformTables(postgres.server);
  made = declared.map(({ type, inputs }, at) => ({ urn: `urn-${at}`, type, outputs: { ...inputs } }));
}, 60_000);

afterAll(() => postgres.stop());

const recorded = {
  urn: "recorded",
  type: "pulumi-nodejs:dynamic/menagerie:PredictionTables",
  outputs: { schema: "serving_next", writer: "menagerie_api" },
};

async function missing(options = { mayBeginAnew: false }, more: (typeof made)[number][] = []): Promise<string[]> {
  const found = await missingSqlObjects(postgres.server, [...made, ...more], options);
  return found.map(({ type, outputs = {} }) =>
    [type.split(":").at(-1), outputs.name ?? outputs.schema ?? outputs.role].join(" "),
  );
}

describe("objects that a person dropped", () => {
  it("are none where all is there", async () => {
    expect(await missing()).toEqual([]);
  });

  it("are a recorded model's tables, or its schema with them", async () => {
    const schema = {
      urn: "schema",
      type: "postgresql:index/schema:Schema",
      outputs: { name: "serving_next", database: platformDatabase },
    };
    await sql("CREATE SCHEMA serving_next");
    await withClient(postgres.server, platformDatabase, (client) =>
      ensurePredictionTables(client, "serving_next", { writers: ["menagerie_api"] }),
    );
    expect(await missing({ mayBeginAnew: false }, [schema, recorded])).toEqual([]);
    const url = urlOf(postgres.server, postgres.server.maintenanceDatabase);
    const own = { schema: "serving_next", retentionDays: 1, writer: "menagerie_api", revision: 1, database: url };
    const exists = (change: object = {}) => predictionTables.exists?.("serving_next", { ...own, ...change });
    expect(await exists()).toBe(true);
    expect([await exists({ writer: "menagerie_deployer" }), await exists({ writer: "nobody" })]).toEqual([
      false,
      false,
    ]);
    await sql("DROP TABLE serving_next.recorder_log");
    expect(await exists()).toBe(false);
    expect(await missing({ mayBeginAnew: false }, [schema, recorded])).toEqual(["PredictionTables serving_next"]);
    await sql("DROP SCHEMA serving_next CASCADE");
    expect(await missing({ mayBeginAnew: false }, [schema, recorded])).toEqual([
      "Schema serving_next",
      "PredictionTables serving_next",
    ]);
  });

  it("are grants of which something was revoked, and none of those on what is gone", async () => {
    await sql(`REVOKE INSERT ON ${platformSchemaName}.truss_patch FROM menagerie_api`);
    await sql(`REVOKE SELECT (prefix) ON ${platformSchemaName}.api_key FROM menagerie_operator`);
    await sql(`REVOKE USAGE ON SCHEMA ${platformSchemaName} FROM menagerie_migrator`);
    await sql(`REVOKE CONNECT ON DATABASE ${platformDatabase} FROM menagerie_deployer`);
    const found = await missingSqlObjects(postgres.server, made, { mayBeginAnew: false });
    expect(found.map(({ outputs = {} }) => `${outputs.role} ${outputs.objectType}`).sort()).toEqual([
      "menagerie_api table",
      "menagerie_deployer database",
      "menagerie_migrator schema",
      "menagerie_operator column",
    ]);
    await sql(`GRANT INSERT ON ${platformSchemaName}.truss_patch TO menagerie_api`);
    await sql(`GRANT SELECT (prefix) ON ${platformSchemaName}.api_key TO menagerie_operator`);
    await sql(`GRANT USAGE ON SCHEMA ${platformSchemaName} TO menagerie_migrator`);
    await sql(`GRANT CONNECT ON DATABASE ${platformDatabase} TO menagerie_deployer`);
    expect(await missing()).toEqual([]);
  });

  it("are one of the platform's tables, which only a backup brings back", async () => {
    await sql(`DROP TABLE ${platformSchemaName}.model_version CASCADE`);
    await expect(readPlatformState(postgres.server, [])).rejects.toThrow(
      /relation "menagerie.model_version" does not exist, which the platform's migrations made; restore the database from a backup/,
    );
  });

  it("are a role, with its grants", async () => {
    await sql(
      "REASSIGN OWNED BY menagerie_reader TO postgres; DROP OWNED BY menagerie_reader; DROP ROLE menagerie_reader",
    );
    const found = await missing();
    expect(found[0]).toBe("Role menagerie_reader");
    expect(found.length).toBeGreaterThan(1);
    expect(found.slice(1).every((each) => each.startsWith("Grant "))).toBe(true);
  });

  it("are the platform's tables only where they may be made anew, for the server may be another one", async () => {
    await sql(`DROP SCHEMA ${platformSchemaName} CASCADE`);
    expect(await missing()).toEqual([]);
    expect(await missing({ mayBeginAnew: true })).toContain(`Schema ${platformSchemaName}`);
    const spec = {
      database: { host: "unused", port: 1, adminUser: "unused", sslMode: "disable" as const },
      previewDatabase: "required" as const,
      zoo: {},
    };
    const plan = (mayBeginAnew: boolean, schemaVersion?: string) =>
      planPlatform(spec as never, {
        url: urlOf(postgres.server, postgres.server.maintenanceDatabase),
        password: undefined,
        preview: false,
        mayBeginAnew,
        lastOutputs: async () => ({ schemaVersion: schemaVersion ?? null }),
      });
    await expect(plan(false, "0012_x")).rejects.toThrow(
      /does not have the platform's tables, which the last `up` left at 0012_x; correct the address or restore a backup, or set MENAGERIE_NEW_DATABASE=true/,
    );
    expect((await plan(true, "0012_x"))?.basis).toBe("new database");
    expect((await plan(false))?.basis).toBe("new database");
  });
});
