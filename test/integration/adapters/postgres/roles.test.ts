import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKey, listKeys, revokeKey } from "../../../../src/adapters/postgres/apiKeys.ts";
import { createApp } from "../../../../src/adapters/postgres/apps.ts";
import { recordAudit } from "../../../../src/adapters/postgres/audit.ts";
import { deleteApp, listDeletedApps, undeleteApp } from "../../../../src/adapters/postgres/deletedApps.ts";
import { registerVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { readPlatformState } from "../../../../src/adapters/postgres/plan.ts";
import { platformRights } from "../../../../src/adapters/postgres/rights/files.ts";
import { sqlState, withClient } from "../../../../src/adapters/postgres/server.ts";
import { actAs } from "../../../../src/adapters/postgres/transaction.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { rightsOf } from "../../../../src/domain/rights/rights.ts";
import { makePlatformTables, rolePassword } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** Each role of `components/platformDatabase.ts` on a real PostgreSQL: it can do its job, and nothing else. */

let postgres: TestPostgres;
const digest = `sha256:${"0".repeat(64)}`;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  await makePlatformTables(postgres.server);
});

afterAll(() => postgres.stop());

const withoutLogin: readonly string[] = [roles.owner, roles.operator, roles.migrator];
type Work<T> = Parameters<typeof withClient<T>>[2];

/** As the role: by its own login, or for those without one as operators become them. */
function as<T>(role: string, work: Work<T>): Promise<T> {
  if (withoutLogin.includes(role)) {
    return withClient(postgres.server, platformDatabase, async (client) => {
      await actAs(client, role);
      return work(client);
    });
  }
  return withClient({ ...postgres.server, user: role, password: rolePassword }, platformDatabase, work);
}

/** `ok`, or PostgreSQL's error code; 42501 is "insufficient privilege". Changes are rolled back. */
function trying(role: string, sql: string): Promise<string> {
  return as(role, async (client) => {
    await client.query("BEGIN");
    try {
      await client.query(sql);
      return "ok";
    } catch (error) {
      return sqlState(error) === "42501" ? "refused" : String(error);
    } finally {
      await client.query("ROLLBACK");
    }
  });
}

const attempts = {
  "read models": "SELECT * FROM menagerie.model",
  "read organizations": "SELECT * FROM menagerie.organization",
  "read users": "SELECT * FROM menagerie.app_user",
  "read versions": "SELECT * FROM menagerie.model_version",
  "read keys' hashes": "SELECT hash FROM menagerie.api_key",
  "make a model": "INSERT INTO menagerie.model (name, organization_id) VALUES ('x', 1)",
  "make a user": "INSERT INTO menagerie.app_user (email, organization_id) VALUES ('x', 1)",
  "make an organization": "INSERT INTO menagerie.organization (name) VALUES ('x')",
  "read patches": "SELECT * FROM menagerie.truss_patch",
  "read what patches hold": "SELECT ops FROM menagerie.truss_patch",
  "note a reload":
    "INSERT INTO menagerie.truss_reload (model_version_id, generation, seq, is_hot, took_ms, apply_ms) SELECT 1, 1, 1, true, 1, 1 WHERE false",
  "change reloads": "UPDATE menagerie.truss_reload SET took_ms = 1",
  "read signatures of heads": "SELECT signature FROM menagerie.truss_head",
  "change patches": "UPDATE menagerie.truss_patch SET next_hash = 'x'",
  "seal patches": "UPDATE menagerie.truss_patch SET ops = '[]', is_sealed = true WHERE false",
  "delete patches": "DELETE FROM menagerie.truss_patch",
  "change a head": "UPDATE menagerie.truss_head SET seq = 0",
  "move pointers": "UPDATE menagerie.model_version SET proxy_model_version_id = 1",
  "change what is current": "UPDATE menagerie.model_version SET is_current = false",
  "change a key's hash": "UPDATE menagerie.api_key SET hash = hash",
  "delete versions": "DELETE FROM menagerie.model_version",
  "delete keys": "DELETE FROM menagerie.api_key",
  "truncate models": "TRUNCATE menagerie.model CASCADE",
  "make a table": "CREATE TABLE menagerie.x ()",
  "make a temporary table": "CREATE TEMPORARY TABLE x ()",
  "make a schema": "CREATE SCHEMA x",
  "delete a version": "DELETE FROM menagerie.model_version",
  "drop a table": "DROP TABLE menagerie.api_key",
  "rewrite the journal": "DELETE FROM menagerie.schema_migration",
  "forget a migration": "DELETE FROM menagerie.zoo_migration_row",
  "read migrations": "SELECT * FROM menagerie.zoo_migration",
  "make a role": "CREATE ROLE x",
  "become the owner": "SET ROLE menagerie_owner",
  "read the record": "SELECT FROM menagerie.release, menagerie.deployment, menagerie.deployment_outcome",
  "read ranges": "SELECT FROM menagerie.deployment_range",
  "record a release": "INSERT INTO menagerie.release (tag) SELECT 'x' WHERE false",
  "record an intent": "INSERT INTO menagerie.deployment (run) SELECT 'x' WHERE false",
  "record an outcome": "INSERT INTO menagerie.deployment_outcome (reason) SELECT 'x' WHERE false",
  "change the record": "UPDATE menagerie.deployment_outcome SET reason = ''",
  "forget a release": "DELETE FROM menagerie.release",
  "ask what a key may do": "SELECT * FROM menagerie.known_key('AAAAAAAA', 'x')",
  "read the audit": "SELECT * FROM menagerie.audit",
  "add to the audit": "INSERT INTO menagerie.audit (who, what) VALUES ('x', 'a.b')",
  "add to the audit for another time": "INSERT INTO menagerie.audit (who, what, at) VALUES ('x', 'a.b', 'epoch')",
  "change the audit": "UPDATE menagerie.audit SET who = 'y'",
  "delete from the audit": "DELETE FROM menagerie.audit",
  "empty the audit": "TRUNCATE menagerie.audit",
  "read traffic of rollouts": "SELECT * FROM menagerie.rollout_traffic",
  "read the history of traffic": "SELECT * FROM menagerie.rollout_traffic_step",
  "change traffic by hand": "UPDATE menagerie.rollout_traffic SET weight = 0",
  "make traffic by hand": "INSERT INTO menagerie.rollout_traffic (model_id) SELECT 1 WHERE false",
  "forget traffic": "DELETE FROM menagerie.rollout_traffic",
  "add to the history of traffic": "INSERT INTO menagerie.rollout_traffic_step (model_id) SELECT 1 WHERE false",
  "change the history of traffic": "UPDATE menagerie.rollout_traffic_step SET applied_at = now()",
  "set traffic": "SELECT menagerie.set_traffic('nobody', NULL, 10, 0, NULL, 'up', NULL)",
  "note that traffic was applied": "SELECT menagerie.traffic_applied('nobody', 1)",
  "lock a rollout": "SELECT menagerie.lock_rollout(1)",
  "read advances": "SELECT * FROM menagerie.rollout_advance",
  "begin an advance":
    "INSERT INTO menagerie.rollout_advance (stack, model_id, edits, requested_by) SELECT 'x', 1, '[]', 'y' WHERE false",
  "end an advance": "UPDATE menagerie.rollout_advance SET outcome = 'given up', ended_at = now() WHERE false",
  "change what an advance was": "UPDATE menagerie.rollout_advance SET edits = '[]'",
  "forget advances": "DELETE FROM menagerie.rollout_advance",
  "read take-backs": "SELECT FROM menagerie.take_back, menagerie.take_back_step, menagerie.rollout_resume",
  "see what is taken back": "SELECT FROM menagerie.taken_back",
  "see what is resumed": "SELECT FROM menagerie.resumed_take_back",
  "take back": "INSERT INTO menagerie.take_back (model_id, verdict_id) SELECT 1, 1 WHERE false",
  "note a step of a take-back":
    "INSERT INTO menagerie.take_back_step (take_back_id, step) SELECT 1, 'done' WHERE false",
  "change a take-back": "UPDATE menagerie.take_back SET reason = 'x'",
  "forget a take-back": "DELETE FROM menagerie.take_back",
  "have the key of a draw": "SELECT menagerie.draw_key('none')",
  "read keys of draws": "SELECT key FROM menagerie.hash_draw",
  "read users of draws": "SELECT person FROM menagerie.hashed_user",
  "note a user of a draw":
    "INSERT INTO menagerie.hashed_user (model_id, truss_hash, person, generation, is_new, at, hash_from, hash_until) SELECT 1, 'x', 'x', 1, true, now(), 0, 1 WHERE false",
  "change a user of a draw": "UPDATE menagerie.hashed_user SET chance = 0.5",
  "forget users of draws": "DELETE FROM menagerie.hashed_user",
  "resume a rollout": "INSERT INTO menagerie.rollout_resume (take_back_id, who, reason) SELECT 1, 'x', 'x' WHERE false",
  "hold a migration": "UPDATE menagerie.zoo_migration SET paused_at = now() WHERE false",
  "change a phase": "UPDATE menagerie.rollout SET phase = 'off' WHERE false",
  "read sessions": "SELECT * FROM menagerie.console_session",
  "make a session": "INSERT INTO menagerie.console_session (hash, key_id) SELECT '', 1 WHERE false",
  "begin a session": "SELECT menagerie.console_begin('AAAAAAAA', 'x', 'y')",
  "see whose a session is": "SELECT * FROM menagerie.console_viewer('y', true)",
  "note that bodies are seen": "SELECT menagerie.console_shows_bodies('y', '{}')",
  "read links": "SELECT * FROM menagerie.console_link",
  "make a link": "INSERT INTO menagerie.console_link (hash, role, who) SELECT '', '', '' WHERE false",
  "enter by a link": "SELECT menagerie.console_enter('x', 'y')",
  "see what is recorded": "SELECT menagerie.console_recordings()",
  "list recorded requests": "SELECT menagerie.console_recorded('y', 'recorded_iris', NULL, 1)",
  "see a recorded body": "SELECT menagerie.console_body('y', 'recorded_iris', '2026-01-01', 'x', 1)",
  "end a session": "SELECT menagerie.console_end('y')",
  "read a file": "SELECT pg_read_file('PG_VERSION')",
} as const;

const allowed: Readonly<Record<string, readonly (keyof typeof attempts)[]>> = {
  [roles.api]: [
    ...(["read models", "read organizations", "read versions", "read keys' hashes"] as const),
    ...([
      "make a model",
      "read patches",
      "seal patches",
      "change a head",
      "read the record",
      "record an outcome",
      "read traffic of rollouts",
      "read what patches hold",
      "note a reload",
      "read signatures of heads",
    ] as const),
  ],
  [roles.reader]: [
    ...(["read models", "read organizations", "read users", "read versions", "read migrations"] as const),
    ...(["read the record", "read ranges", "read the audit", "read what patches hold"] as const),
    ...(["read traffic of rollouts", "read the history of traffic"] as const),
    ...(["read take-backs", "see what is taken back", "see what is resumed"] as const),
  ],
  [roles.guard]: [
    ...(["read models", "read organizations", "read migrations", "read take-backs", "see what is taken back"] as const),
    ...(["take back", "note a step of a take-back", "set traffic", "note that traffic was applied"] as const),
    ...(["read traffic of rollouts", "read the history of traffic"] as const),
    ...(["have the key of a draw", "read users of draws", "note a user of a draw"] as const),
  ],
  [roles.console]: [
    ...([
      "read models",
      "read organizations",
      "read users",
      "read versions",
      "read migrations",
      "read advances",
    ] as const),
    ...(["read the record", "read ranges", "read the audit", "read take-backs", "see what is taken back"] as const),
    ...(["see what is resumed", "read traffic of rollouts", "read the history of traffic"] as const),
    ...(["begin a session", "enter by a link", "see whose a session is", "end a session"] as const),
    ...(["see what is recorded", "list recorded requests", "see a recorded body"] as const),
    ...(["read what patches hold", "note that bodies are seen"] as const),
  ],
  [roles.migrator]: ["read models", "move pointers", "read migrations", "become the owner", "hold a migration"],
  [roles.deployer]: [
    ...(["read models", "read organizations", "make a model", "change what is current", "read the record"] as const),
    ...(["record a release", "record an intent", "record an outcome"] as const),
    ...(["read traffic of rollouts", "read the history of traffic", "set traffic"] as const),
    ...(["note that traffic was applied", "see what is taken back", "see what is resumed", "change a phase"] as const),
    "have the key of a draw",
  ],
  [roles.operator]: [
    ...(["read take-backs", "see what is taken back", "see what is resumed", "resume a rollout"] as const),
    ...(["read the record", "read ranges", "read traffic of rollouts", "read the history of traffic"] as const),
    ...(["read models", "read organizations", "read users", "read versions"] as const),
    ...(["make a model", "make a user", "make an organization", "read the audit", "add to the audit"] as const),
    ...(["read advances", "begin an advance", "end an advance", "make a link"] as const),
    "ask what a key may do",
    // The login behind it, here a superuser, may become others again; the role itself may not.
    "become the owner",
  ],
};

describe.each(Object.entries(allowed))("%s", (role, can) => {
  it.each(Object.entries(attempts))("%s", async (what, sql) => {
    expect(await trying(role, sql)).toBe(can.includes(what as keyof typeof attempts) ? "ok" : "refused");
  });
});

describe.each([roles.guard, roles.console])("%s", (role) => {
  it("has no right in any table, column or function besides those of its file", async () => {
    const described = (await platformRights())[role] ?? {};
    const has = new Set(
      rightsOf(described).map(({ kind, name, privilege, column }) => `${kind} ${name} ${privilege} ${column ?? ""}`),
    );
    const beyond: string[] = [];
    const [columns, functions] = await withClient(postgres.server, platformDatabase, async (client) => [
      (
        await client.query<{ table: string; column: string }>(
          `SELECT relname AS table, attname AS column FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
            WHERE relnamespace = 'menagerie'::regnamespace AND relkind IN ('r', 'v', 'p') AND attnum > 0 AND NOT attisdropped`,
        )
      ).rows,
      (
        await client.query<{ name: string; may: boolean }>(
          `SELECT p.oid::regprocedure::text AS name, has_function_privilege($1, p.oid, 'EXECUTE') AS may
             FROM pg_proc p WHERE pronamespace = 'menagerie'::regnamespace AND prorettype <> 'trigger'::regtype`,
          [role],
        )
      ).rows,
    ]);
    const given = (table: string, privilege: string, column = "") =>
      has.has(`table ${table} ${privilege} `) || has.has(`table ${table} ${privilege} ${column}`);
    const tables = [...new Set(columns.map((each) => each.table))];
    const tries = [
      ...columns.flatMap(({ table, column }) => [
        [given(table, "SELECT", column), `SELECT "${column}" FROM menagerie."${table}" WHERE false`] as const,
        [
          given(table, "INSERT", column),
          `INSERT INTO menagerie."${table}" ("${column}") SELECT NULL WHERE false`,
        ] as const,
        [given(table, "UPDATE", column), `UPDATE menagerie."${table}" SET "${column}" = NULL WHERE false`] as const,
      ]),
      ...tables.map((table) => [false, `DELETE FROM menagerie."${table}"`] as const),
      ...tables.map((table) => [false, `TRUNCATE menagerie."${table}"`] as const),
    ];
    await as(role, async (client) => {
      for (const [isGiven, sql] of tries) {
        await client.query("BEGIN");
        const refused = await client.query(sql).then(
          () => false,
          // Views and columns that nobody writes have errors of their own.
          (error: unknown) => (sqlState(error) === "42501" ? true : undefined),
        );
        await client.query("ROLLBACK");
        if (refused === isGiven) beyond.push(`${sql}: ${refused ? "refused" : "ok"}`);
      }
    });
    for (const { name, may } of functions) {
      if (may !== has.has(`function ${name.replace("menagerie.", "").replaceAll(",", ", ")} EXECUTE `))
        beyond.push(name);
    }
    expect(beyond).toEqual([]);
  });
});

describe("jobs", () => {
  it("the deployer registers versions, the operator makes apps and keys, the reader plans", async () => {
    const version = { model: "iris", organization: "admin", number: 1, hash: "h", digest, current: true };
    const id = await as(roles.deployer, (client) => registerVersion(client, version));
    const app = await as(roles.operator, (client) => createApp(client, { zooModel: "iris", owner: "a@example.com" }));
    expect(app.proxyModelVersionId).toBe(id);
    await as(roles.operator, async (client) => {
      await deleteApp(client, app.id);
      expect(await listDeletedApps(client)).toMatchObject([{ id: app.id, zooModel: "iris", version: 1 }]);
      expect(await undeleteApp(client, app.id)).toMatchObject(app);
      const { key } = await createKey(client, { modelId: app.id });
      expect(await revokeKey(client, key.split("_")[1] ?? "")).toBe(key.split("_")[1]);
      expect(await listKeys(client)).toMatchObject([{ revokedAt: expect.any(Date) }]);
    });
    const reader = { ...postgres.server, user: roles.reader, password: rolePassword };
    expect((await readPlatformState(reader, ["iris"]))?.zoo.versions.get("iris")).toMatchObject([{ id, apps: 1 }]);
  });

  it("a key has the rights that it was made with, of those that there are", async () => {
    await as(roles.operator, async (client) => {
      const organizationId = (await client.query<{ id: string }>("SELECT min(id) AS id FROM menagerie.organization"))
        .rows[0]?.id;
      const { id } = await createKey(client, { organizationId: organizationId ?? "" }, ["export", "batch"]);
      expect((await listKeys(client)).find((each) => each.id === id)?.rights).toEqual(["export", "batch"]);
      const other = createKey(client, { organizationId: organizationId ?? "" }, ["rule" as "export"]);
      await expect(other).rejects.toThrow(/api_key_known_rights/);
    });
  });

  it("the audit says who it was by the database, and nobody changes it, not even a superuser", async () => {
    await as(roles.operator, (client) =>
      recordAudit(client, { what: "key.create", who: "ada@laptop", details: { prefix: "abcdefgh" } }),
    );
    await withClient(postgres.server, platformDatabase, async (client) => {
      const { rows } = await client.query("SELECT login, who, what, details FROM menagerie.audit");
      expect(rows).toEqual([
        { login: postgres.server.user, who: "ada@laptop", what: "key.create", details: { prefix: "abcdefgh" } },
      ]);
      for (const sql of [
        "UPDATE menagerie.audit SET who = 'x'",
        "DELETE FROM menagerie.audit",
        "TRUNCATE menagerie.audit",
      ]) {
        await expect(client.query(sql), sql).rejects.toThrow("rows of the audit are never changed or deleted");
      }
      await client.query("INSERT INTO menagerie.audit (who, what, login, at) VALUES ('x', 'a.b', 'another', 'epoch')");
      const forged = await client.query(
        "SELECT login FROM menagerie.audit WHERE who = 'x' AND at > now() - interval '1 hour'",
      );
      expect(forged.rows).toEqual([{ login: postgres.server.user }]);
    });
  });

  it("nobody but these connects to the database", async () => {
    await withClient(postgres.server, "postgres", (client) =>
      client.query(`CREATE ROLE stranger LOGIN PASSWORD '${rolePassword}'`),
    );
    await expect(as("stranger", (client) => client.query("SELECT 1"))).rejects.toThrow(
      /permission denied for database/,
    );
  });

  it.each(withoutLogin)("%s cannot log in", async (role) => {
    await expect(
      withClient({ ...postgres.server, user: role, password: rolePassword }, platformDatabase, async () => {}),
    ).rejects.toThrow();
  });
});
