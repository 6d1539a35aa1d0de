import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { missingSqlObjects } from "../../../../src/adapters/postgres/missingObjects.ts";
import { readPlatformState } from "../../../../src/adapters/postgres/plan.ts";
import { ensurePredictionTables } from "../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { applyRightsIn } from "../../../../src/adapters/postgres/rights/apply.ts";
import { platformRights } from "../../../../src/adapters/postgres/rights/files.ts";
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
  const platform = { urn: "platform", type: "pulumi-nodejs:dynamic/menagerie:PlatformSchema" };
  made = [
    ...declared.map(({ type, inputs }, at) => ({ urn: `urn-${at}`, type, outputs: { ...inputs } })),
    { ...platform, outputs: { rights: await platformRights() } },
  ];
});

afterAll(() => postgres.stop());

const recorded = {
  urn: "recorded",
  type: "pulumi-nodejs:dynamic/menagerie:PredictionTables",
  outputs: { schema: "serving_next", writer: "menagerie_api" },
};

async function missing(options = { mayBeginAnew: false }, more: (typeof made)[number][] = []): Promise<string[]> {
  const found = await missingSqlObjects(postgres.server, [...made, ...more], options);
  return found.map(({ type, outputs = {} }) =>
    [type.split(":").at(-1), outputs.name ?? outputs.schema ?? ""].join(" ").trim(),
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
    const isThere = async () => (await predictionTables.read?.("serving_next", own)) !== undefined;
    expect(await isThere()).toBe(true);
    await sql("DROP TABLE serving_next.recorder_log");
    expect(await isThere()).toBe(false);
    expect(await missing({ mayBeginAnew: false }, [schema, recorded])).toEqual(["PredictionTables serving_next"]);
    await sql("DROP SCHEMA serving_next CASCADE");
    // Of what is in a schema, the resources' own code says whether it was this one.
    expect(await missing({ mayBeginAnew: false }, [schema, recorded])).toEqual([
      "Schema serving_next",
      "PlatformSchema",
      "PredictionTables serving_next",
    ]);
  });

  it("are rights that somebody revoked, wholly or in part, each by its name", async () => {
    await sql(`REVOKE INSERT ON ${platformSchemaName}.truss_patch FROM menagerie_api`);
    await sql(`REVOKE SELECT (prefix) ON ${platformSchemaName}.api_key FROM menagerie_operator`);
    await sql(`REVOKE USAGE ON SCHEMA ${platformSchemaName} FROM menagerie_migrator`);
    await sql(`REVOKE CONNECT ON DATABASE ${platformDatabase} FROM menagerie_deployer`);
    const [found, ...others] = await missingSqlObjects(postgres.server, made, { mayBeginAnew: false });
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      urn: "platform",
      what: [
        "menagerie_api: INSERT on table truss_patch",
        "menagerie_deployer: CONNECT on database",
        "menagerie_migrator: USAGE on schema",
        "menagerie_operator: SELECT (prefix) on table api_key",
      ].join("; "),
    });
    await applyRightsIn(postgres.server, platformSchemaName, await platformRights());
    expect(await missing()).toEqual([]);
  });

  it("are one of the platform's tables, which only a backup brings back", async () => {
    await sql(`DROP TABLE ${platformSchemaName}.model_version CASCADE`);
    await expect(readPlatformState(postgres.server, [])).rejects.toThrow(
      /relation "menagerie.model_version" does not exist, which the platform's migrations made; restore the database from a backup/,
    );
  });

  it("are a role, with its rights", async () => {
    await sql(
      "REASSIGN OWNED BY menagerie_reader TO postgres; DROP OWNED BY menagerie_reader; DROP ROLE menagerie_reader",
    );
    const found = await missing();
    expect(found[0]).toBe("Role menagerie_reader");
    expect(found.slice(1)).toEqual(["PlatformSchema"]);
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
