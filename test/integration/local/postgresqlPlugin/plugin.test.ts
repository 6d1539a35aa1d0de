import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrate } from "../../../../src/adapters/postgres/migrate.ts";
import { platformRights } from "../../../../src/adapters/postgres/rights/files.ts";
import { type DatabaseServer, withClient } from "../../../../src/adapters/postgres/server.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { type ResourcePlugin, startPlugin } from "../../../support/resourcePlugin.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

/** The local plugin over gRPC, and the same resources through the official one where a machine has it. */

const local = join(import.meta.dirname, "../../../../src/local/postgresqlPlugin/pulumi-resource-postgresql");
const pulumiHome = process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");
const official = join(pulumiHome, "plugins/resource-postgresql-v3.18.1/pulumi-resource-postgresql");

const role = "postgresql:index/role:Role";
const database = "postgresql:index/database:Database";
const schema = "postgresql:index/schema:Schema";
const grant = "postgresql:index/grant:Grant";

let postgres: TestPostgres;
let plugin: ResourcePlugin;

beforeAll(async () => {
  postgres = await startPostgres();
  plugin = await startPlugin(local, postgres.server);
});

afterAll(async () => {
  await plugin.stop();
  await postgres.stop();
});

function query(text: string, values: unknown[] = [], where = "postgres") {
  return withClient(postgres.server, where, async (client) => (await client.query(text, values)).rows);
}

describe("a role", () => {
  const inputs = { name: 'odd "role" ü', login: true, password: "pass'word" };

  it("is made, and made again without an error, as after a crash", async () => {
    expect(await plugin.create(role, inputs)).toEqual({ id: inputs.name, properties: inputs });
    expect((await plugin.create(role, inputs)).id).toBe(inputs.name);
    const asRole = { ...postgres.server, user: inputs.name, password: inputs.password };
    expect(
      await withClient(asRole, "postgres", async (client) => (await client.query("SELECT 1 AS one")).rows),
    ).toEqual([{ one: 1 }]);
  });

  it("never shows its password to the server", async () => {
    const [row] = await query("SELECT rolpassword FROM pg_authid WHERE rolname = $1", [inputs.name]);
    expect(row.rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/);
  });

  it("shows as drift what was changed by hand, and is put right", async () => {
    await query(`ALTER ROLE "odd ""role"" ü" CREATEROLE NOLOGIN`);
    const { properties } = await plugin.read(role, inputs.name, inputs);
    expect(properties).toEqual({ ...inputs, login: false, createRole: true });
    expect((await plugin.diff(role, inputs.name, properties, inputs)).changes).toBe(true);
    await plugin.update(role, inputs.name, properties, inputs);
    expect((await plugin.read(role, inputs.name, inputs)).properties).toEqual(inputs);
  });

  it("has its own search path and memberships; those that others made stay", async () => {
    await query("CREATE ROLE readers");
    await query("CREATE ROLE others");
    await query(`GRANT others TO "odd ""role"" ü"`);
    const more = { ...inputs, searchPaths: ['odd "schema"', "public"], roles: ["readers"] };
    expect((await plugin.diff(role, inputs.name, inputs, more)).changes).toBe(true);
    await plugin.update(role, inputs.name, inputs, more);
    expect((await plugin.read(role, inputs.name, more)).properties).toEqual(more);
    const asRole = { ...postgres.server, user: inputs.name, password: inputs.password };
    const path = await withClient(asRole, "postgres", async (client) => (await client.query("SHOW search_path")).rows);
    expect(path).toEqual([{ search_path: '"odd ""schema""", public' }]);

    await query(`REVOKE readers FROM "odd ""role"" ü"`);
    const { properties } = await plugin.read(role, inputs.name, more);
    expect(properties.roles).toEqual([]);
    await plugin.update(role, inputs.name, properties, more);
    expect((await plugin.read(role, inputs.name, more)).properties).toEqual(more);

    await plugin.update(role, inputs.name, more, inputs);
    expect((await plugin.read(role, inputs.name, inputs)).properties).toEqual(inputs);
  });

  it("is another one under another name", async () => {
    const answer = await plugin.diff(role, inputs.name, inputs, { ...inputs, name: "other" });
    expect(answer).toEqual({ changes: true, replaces: ["name"] });
  });

  it("is gone when it was dropped, and dropping it again is not an error", async () => {
    await plugin.delete(role, inputs.name, inputs);
    await plugin.delete(role, inputs.name, inputs);
    expect((await plugin.read(role, inputs.name, inputs)).id).toBe("");
  });
});

describe("database, schema and grants", () => {
  const app = { name: "app", owner: "keeper" };
  const space = { name: "sp ace", database: "app", owner: "keeper", dropCascade: true };
  const onTables = {
    role: "guest",
    database: "app",
    schema: "sp ace",
    objectType: "table",
    objects: ["b", "a"],
    privileges: ["SELECT", "INSERT"],
  };
  const onColumns = { ...onTables, objectType: "column", objects: ["a"], columns: ["id"], privileges: ["UPDATE"] };

  beforeAll(async () => {
    for (const name of ["keeper", "guest"]) await plugin.create(role, { name, login: false });
    expect((await plugin.create(database, app)).id).toBe("app");
    expect((await plugin.create(database, app)).id).toBe("app");
    expect((await plugin.create(schema, space)).id).toBe("app.sp ace");
    for (const table of ["a", "b"]) await query(`CREATE TABLE "sp ace".${table} (id int)`, [], "app");
  });

  it("a grant gives exactly its privileges on all its objects", async () => {
    const { id } = await plugin.create(grant, onTables);
    expect(id).toBe("guest_app_sp ace_table_a_b");
    expect((await plugin.read(grant, id, onTables)).properties).toEqual(onTables);
    await query('GRANT DELETE ON "sp ace".b TO guest', [], "app");
    const drifted = (await plugin.read(grant, id, onTables)).properties;
    expect(drifted.privileges).toEqual(["DELETE", "INSERT", "SELECT"]);
    await plugin.update(grant, id, drifted, onTables);
    expect((await plugin.read(grant, id, onTables)).properties).toEqual(onTables);
  });

  it("the order of a grant's lists means nothing", async () => {
    const turned = { ...onTables, objects: ["a", "b"], privileges: ["INSERT", "SELECT"] };
    expect((await plugin.diff(grant, "x", onTables, turned)).changes).toBe(false);
  });

  it("a change of a table's grant leaves what is granted on its columns", async () => {
    const { id } = await plugin.create(grant, onColumns);
    await plugin.update(grant, "x", onTables, { ...onTables, privileges: ["SELECT"] });
    expect((await plugin.read(grant, id, onColumns)).properties).toEqual(onColumns);
  });

  it("everybody can be shut out of a database", async () => {
    const nobody = { role: "public", database: "app", objectType: "database", privileges: [] };
    const { id } = await plugin.create(grant, nobody);
    expect((await plugin.read(grant, id, nobody)).properties).toEqual(nobody);
    const [row] = await query("SELECT has_database_privilege('guest', 'app', 'CONNECT') AS may");
    expect(row.may).toBe(false);
  });

  it("two grants on one object at once both arrive", async () => {
    const roles = Array.from({ length: 6 }, (_, index) => `guest${index}`);
    for (const name of roles) await plugin.create(role, { name, login: false });
    await Promise.all(roles.map((name) => plugin.create(grant, { ...onTables, role: name })));
  });

  it("a grant of what does not exist is refused in a sentence, and one whose table went is gone", async () => {
    const missing = { ...onTables, objects: ["c"] };
    await expect(plugin.create(grant, missing)).rejects.toThrow("cannot grant on table sp ace.c: it does not exist");
    expect((await plugin.read(grant, "x", missing)).id).toBe("");
    await plugin.delete(grant, "x", missing);
    await plugin.delete(grant, "x", { ...missing, database: "nowhere" });
  });

  it("are deleted in any state, also twice", async () => {
    await plugin.delete(schema, "app.sp ace", space);
    await plugin.delete(schema, "app.sp ace", space);
    await plugin.delete(database, "app", app);
    await plugin.delete(database, "app", app);
    await plugin.delete(schema, "app.sp ace", space);
    expect((await plugin.read(schema, "app.sp ace", space)).id).toBe("");
    expect((await plugin.read(database, "app", app)).id).toBe("");
  });
});

describe("a check refuses", () => {
  it.each<[string, Record<string, unknown>, string]>([
    [role, { name: "x".repeat(64) }, "name: "],
    [role, { login: true }, "name: missing; give one"],
    [role, { name: "a", superuser: true }, "superuser: is not served by the local PostgreSQL plugin; leave it out"],
    [role, { name: "a", password: "pässword" }, "password: holds characters other than printable ASCII"],
    [role, { name: "a", login: "yes" }, "login: is not a boolean"],
    [grant, { role: "a", database: "d", objectType: "table", privileges: ["SELECT"] }, "schema: missing"],
    [
      grant,
      { role: "a", database: "d", objectType: "function", privileges: [] },
      'objectType: "function" is not served',
    ],
    [
      grant,
      { role: "a", database: "d", schema: "s", objectType: "schema", privileges: ["SELECT; DROP"] },
      'privileges: "SELECT; DROP" is not one of CREATE, USAGE',
    ],
  ])("%s %j", async (type, inputs, reason) => {
    const { failures } = await plugin.check(type, inputs);
    expect(failures.join("\n")).toContain(reason);
    expect(failures.join("\n")).not.toContain("pässword");
  });

  it("nothing that a preview does not know yet", async () => {
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    expect((await plugin.check(role, { name: "a", password: unknown })).failures).toEqual([]);
  });
});

/** Everything about roles, ownership and privileges that a catalog says. */
async function catalog(server: DatabaseServer): Promise<unknown> {
  const cluster = await withClient(server, "postgres", async (client) => [
    (
      await client.query(`SELECT rolname, rolcanlogin, rolinherit, rolcreaterole, rolcreatedb, rolsuper
                            FROM pg_roles WHERE rolname LIKE 'menagerie%' ORDER BY 1`)
    ).rows,
    (
      await client.query(`SELECT pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding,
                                 array(SELECT unnest(datacl)::text ORDER BY 1) AS acl
                            FROM pg_database WHERE datname = 'menagerie'`)
    ).rows,
  ]);
  const platform = await withClient(server, "menagerie", async (client) => [
    (
      await client.query(`SELECT nspname, pg_get_userbyid(nspowner) AS owner, array(SELECT unnest(nspacl)::text ORDER BY 1) AS acl
                            FROM pg_namespace WHERE nspname = 'menagerie'`)
    ).rows,
    (
      await client.query(`SELECT relname, array(SELECT unnest(relacl)::text ORDER BY 1) AS acl
                            FROM pg_class WHERE relnamespace = 'menagerie'::regnamespace AND relkind = 'r' ORDER BY 1`)
    ).rows,
    (
      await client.query(`SELECT attrelid::regclass::text AS relation, attname, array(SELECT unnest(attacl)::text ORDER BY 1) AS acl
                            FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid::regclass::text LIKE 'menagerie.%'
                           ORDER BY 1, 2`)
    ).rows,
  ]);
  return { cluster, platform };
}

/** Makes the program's database on one server by its own code and on a second one, as `login`, through a plugin. */
async function viaPlugin(
  executable: string,
  settings: readonly string[] = [],
  login = async ({ server }: TestPostgres): Promise<DatabaseServer> => server,
): Promise<unknown> {
  const [first, second] = [await startPostgres(), await startPostgres(["fsync=off", ...settings])];
  const server = await login(second);
  const through = await startPlugin(executable, server);
  try {
    // The program's own resources, as recorded while they were made on the first server.
    for (const { type, inputs } of await makePlatformTables(first.server)) {
      const checked = await through.check(type, { ...inputs });
      expect(checked.failures).toEqual([]);
      await through.create(type, checked.inputs);
    }
    await migrate(server, silent, await platformRights());
    expect(await catalog(second.server)).toEqual(await catalog(first.server));
    return await catalog(second.server);
  } finally {
    await through.stop();
    await first.stop();
    await second.stop();
  }
}

/** The rights of `menagerie:postgresCluster.adminUser`, with the setting that its manifest makes. */
async function asAdministrator({ server }: TestPostgres): Promise<DatabaseServer> {
  const [user, password] = ["platform-admin", "adm1n's"];
  await withClient(server, "postgres", (client) =>
    client.query(`CREATE ROLE "${user}" LOGIN CREATEDB CREATEROLE PASSWORD ${client.escapeLiteral(password)}`),
  );
  return { ...server, user, password };
}

describe("the program's database", () => {
  it.runIf(wholeMatrix)("is the same when an administrator who is not a superuser makes and migrates it", () =>
    viaPlugin(local, ["createrole_self_grant=set, inherit"], asAdministrator),
  );

  it("is the same catalog state through the local plugin's wire as by its code", () => viaPlugin(local));

  it.skipIf(!existsSync(official))(
    `is the same through the official plugin${existsSync(official) ? "" : ` (skipped: ${official} is not there)`}`,
    () => viaPlugin(official),
  );
});
