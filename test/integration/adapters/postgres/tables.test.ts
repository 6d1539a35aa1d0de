import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createApp, listApps } from "../../../../src/adapters/postgres/apps.ts";
import { deleteApp, listDeletedApps, undeleteApp } from "../../../../src/adapters/postgres/deletedApps.ts";
import { quoteIdentifier } from "../../../../src/adapters/postgres/identifier.ts";
import { migrate, migrationNames } from "../../../../src/adapters/postgres/migrate.ts";
import { modelIdOf, organizationIdOf } from "../../../../src/adapters/postgres/models.ts";
import { registerVersion, retireVersion, versionExists } from "../../../../src/adapters/postgres/modelVersions.ts";
import { readPlatformState } from "../../../../src/adapters/postgres/plan.ts";
import { DatabaseUnreachable, serverFromUrl, urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** On a real PostgreSQL, with nothing but a database, a schema and its owner to begin with. */

let postgres: TestPostgres;
const digest = `sha256:${"0".repeat(64)}`;

beforeAll(async () => {
  postgres = await startPostgres();
  const { server } = postgres;
  expect(await readPlatformState(server, [])).toBeUndefined();
  await withClient(server, "postgres", async (client) => {
    for (const role of ["owner", "deployer", "operator"]) await client.query(`CREATE ROLE menagerie_${role}`);
    await client.query("CREATE DATABASE menagerie OWNER menagerie_owner");
  });
  await onPlatform((client) => client.query("CREATE SCHEMA menagerie AUTHORIZATION menagerie_owner"));
});

afterAll(() => postgres.stop());

function onPlatform<T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> {
  return withClient(postgres.server, platformDatabase, work);
}

const version = (change: Partial<Parameters<typeof registerVersion>[1]> = {}) => ({
  model: "iris",
  organization: "admin",
  number: 1,
  hash: "hash-1",
  digest,
  current: true,
  ...change,
});
const register = (change: Parameters<typeof version>[0] = {}) =>
  onPlatform((client) => registerVersion(client, version(change)));

describe("migrations", () => {
  it("are applied once when several runs begin at the same time, and again change nothing", async () => {
    expect(await readPlatformState(postgres.server, [])).toBeUndefined();
    const latest = (await migrationNames()).at(-1);
    const runs = await Promise.all([1, 2, 3, 4].map(() => migrate(postgres.server, silent)));
    expect(runs).toEqual([latest, latest, latest, latest]);
    expect(await migrate(postgres.server, silent)).toBe(latest);
    const names = await onPlatform((client) => client.query("SELECT name FROM menagerie.schema_migration ORDER BY id"));
    expect(names.rows.map(({ name }) => name)).toEqual(await migrationNames());
  });

  it("leave everything to the owner, who cannot log in", async () => {
    const owners = await onPlatform((client) =>
      client.query(`SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class
                     JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'menagerie'`),
    );
    expect(owners.rows).toEqual([{ owner: "menagerie_owner" }]);
  });

  it("refuse a database that a newer checkout has migrated", async () => {
    await onPlatform((client) =>
      client.query("INSERT INTO menagerie.schema_migration (name, run_on) VALUES ('9999_later', now())"),
    );
    await expect(migrate(postgres.server, silent)).rejects.toThrow(
      /the platform's tables are at 9999_later, which this checkout does not have; use the version that made them/,
    );
    await onPlatform((client) => client.query("DELETE FROM menagerie.schema_migration WHERE name = '9999_later'"));
  });

  it("index versions by what they point at, for walking them in batches", async () => {
    const index = await onPlatform((client) =>
      client.query("SELECT indexdef FROM pg_indexes WHERE indexname = 'model_version_proxy'"),
    );
    expect(index.rows[0].indexdef).toMatch(/\(proxy_model_version_id, id\)$/);
  });
});

describe("registering a version", () => {
  it("answers the same row for the same content, however often and at once", async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => register()));
    expect(new Set(ids).size).toBe(1);
    expect(await onPlatform((client) => versionExists(client, ids[0] ?? "", "hash-1"))).toBe(true);
    expect(await onPlatform((client) => versionExists(client, ids[0] ?? "", "hash-2"))).toBe(false);
  });

  it("refuses a number that another content holds, and a content that has another number", async () => {
    await expect(register({ hash: "hash-2" })).rejects.toThrow(
      "model iris: version 1 has other content (hash hash-1, not hash-2), it was registered after this plan was made; run `up` again",
    );
    await expect(register({ number: 7 })).rejects.toThrow("model iris: this content is version 1, not 7");
  });

  it("gives a number to one of several contents that want it at once", async () => {
    const wanting = ["a", "b", "c", "d"].map((hash) => register({ model: "contested", hash }));
    const results = await Promise.allSettled(wanting);
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const state = await readPlatformState(postgres.server, ["contested"]);
    expect(state?.zoo.versions.get("contested")).toHaveLength(1);
  });

  it("keeps one version current, and none more when it is not to be", async () => {
    await register({ number: 2, hash: "hash-2" });
    await register({ number: 3, hash: "hash-3", current: false });
    const state = await readPlatformState(postgres.server, ["iris", "nobody"]);
    expect(state?.schemaVersion).toBe((await migrationNames()).at(-1));
    expect(state?.zoo.versions.get("iris")?.map(({ number, isCurrent }) => [number, isCurrent])).toEqual([
      [1, false],
      [2, true],
      [3, false],
    ]);
    expect(state?.zoo.versions.get("nobody")).toBeUndefined();
  });

  it("says which organization is missing", async () => {
    await expect(register({ organization: "nobody" })).rejects.toThrow('there is no organization "nobody"');
  });
});

describe("apps", () => {
  it("point at the zoo model's current version, one owner having one organization", async () => {
    const [first, second] = await onPlatform(async (client) => [
      await createApp(client, { zooModel: "iris", owner: "Ada@example.com" }),
      await createApp(client, { zooModel: "iris", owner: "ada@example.com", name: "it's mine" }),
    ]);
    const current = (await readPlatformState(postgres.server, ["iris"]))?.zoo.versions.get("iris")?.[1];
    expect(first?.proxyModelVersionId).toBe(current?.id);
    const listed = await onPlatform(listApps);
    expect(listed.map(({ id, owner, zooModel, version }) => ({ id, owner, zooModel, version }))).toEqual(
      [first, second].map((app) => ({ id: app?.id, owner: "Ada@example.com", zooModel: "iris", version: 2 })),
    );
    expect(listed[1]?.name).toBe("it's mine");
    expect(
      (await readPlatformState(postgres.server, ["iris"]))?.zoo.versions.get("iris")?.map(({ apps }) => apps),
    ).toEqual([0, 2, 0]);
  });

  it("are refused in one sentence for an unknown zoo model, one without a version, and a name that is taken", async () => {
    const create = (zooModel: string, name?: string) =>
      onPlatform((client) => createApp(client, { zooModel, owner: "ada@example.com", name }));
    await expect(create("irs")).rejects.toThrow('there is no zoo model "irs"; the zoo has contested, iris');
    await register({ model: "later", current: false });
    await expect(create("later")).rejects.toThrow('zoo model "later" has no current version');
    await expect(create("iris", "it's mine")).rejects.toThrow(
      "--name \"it's mine\": the owner's organization has an app of this name",
    );
  });

  it("are deleted and come back as they were, unless what they pointed at is gone", async () => {
    const counts = async () =>
      (await readPlatformState(postgres.server, ["iris"]))?.zoo.versions.get("iris")?.map(({ apps }) => apps);
    const listed = await onPlatform(listApps);
    const counted = await counts();
    const [app] = listed;
    if (!app) throw new Error("there is no app");
    const { id, proxyModelVersionId } = app;
    const gone = await onPlatform((client) => deleteApp(client, id));
    expect(gone).toMatchObject({ id, name: app.name, proxyModelVersionId, zooModel: "iris", version: 2 });
    expect((await onPlatform(listApps)).map((each) => each.id)).not.toContain(id);
    expect(await counts()).toEqual([0, 1, 0]);
    await expect(onPlatform((client) => deleteApp(client, id))).rejects.toThrow(
      new RegExp(`^app ${id} was deleted at \\S+ already; \`menagerie app undelete ${id}\` brings it back$`),
    );
    expect(await onPlatform(listDeletedApps)).toEqual([gone]);
    expect(await onPlatform((client) => undeleteApp(client, id))).toEqual({
      id,
      versionId: app.versionId,
      proxyModelVersionId,
      version: 2,
      zooModel: "iris",
    });
    expect(await onPlatform(listApps)).toEqual(listed);
    expect(await counts()).toEqual(counted);
    await expect(onPlatform((client) => undeleteApp(client, id))).rejects.toThrow(/app \d+ is not deleted/);

    await onPlatform((client) => deleteApp(client, id));
    await onPlatform(async (client) => {
      await retireVersion(client, proxyModelVersionId, { unused: false });
      await client.query("BEGIN");
      await client.query("UPDATE menagerie.model_version SET is_current = false WHERE id = $1", [proxyModelVersionId]);
      await client.query(
        `UPDATE menagerie.model_version SET is_current = true
          WHERE number = 3 AND model_id = (SELECT model_id FROM menagerie.model_version WHERE id = $1)`,
        [proxyModelVersionId],
      );
      await client.query("COMMIT");
    });
    const back = await onPlatform((client) => undeleteApp(client, id));
    expect(back).toMatchObject({ id, versionId: app.versionId, version: 3 });
    await onPlatform((client) =>
      client.query("UPDATE menagerie.model_version SET proxy_model_version_id = $1 WHERE id = $2", [
        ...[proxyModelVersionId, app.versionId],
      ]),
    );
    await register({ number: 2, hash: "hash-2" });
  });

  it("are pointed at what an earlier Menagerie served: current versions, those of rollouts, and those with apps", async () => {
    const sql = await readFile(
      new URL("../../../../src/adapters/postgres/migrations/0034_served-versions.sql", import.meta.url),
      "utf8",
    );
    const update = /^UPDATE [^;]*;/m.exec(sql)?.[0] ?? "";
    const active = await onPlatform(async (client) => {
      await client.query("BEGIN");
      try {
        await client.query(`
          CREATE TEMPORARY TABLE made ON COMMIT DROP AS
            WITH named (name, phase) AS (VALUES ('rolling', 'bake'), ('rolling_copy', NULL), ('trying', 'copy'),
                   ('trying_copy', NULL), ('over', 'done'), ('alone', NULL)),
                 model AS (INSERT INTO menagerie.model (name, organization_id)
                   SELECT name, (SELECT id FROM menagerie.organization WHERE is_admin) FROM named RETURNING id, name),
                 version AS (INSERT INTO menagerie.model_version (model_id, number, truss_hash, is_current)
                   SELECT id, n, 'hash-' || n, n = 3 FROM model, generate_series(1, 3) n RETURNING id, model_id, number)
            SELECT name, phase, version.* FROM named JOIN model USING (name) JOIN version ON model_id = model.id`);
        await client.query(`INSERT INTO menagerie.rollout (model_id, phase, from_version_id, truss_hash)
          SELECT model_id, phase, id, 'hash-3' FROM made WHERE phase IS NOT NULL AND number = 2`);
        await client.query(
          `UPDATE menagerie.rollout SET bake_started_at = now(), bake_seconds = 0 WHERE phase = 'bake'`,
        );
        await client.query(`INSERT INTO menagerie.model (name, organization_id)
          SELECT 'an app of alone', id FROM menagerie.organization WHERE NOT is_admin LIMIT 1`);
        await client.query(`INSERT INTO menagerie.model_version (model_id, number, proxy_model_version_id)
          SELECT m.id, 1, made.id FROM menagerie.model m, made
           WHERE m.name = 'an app of alone' AND made.name = 'alone' AND made.number = 1`);
        await client.query(update);
        const { rows } = await client.query<{ served: string }>(`SELECT made.name || ' ' || made.number AS served
          FROM made JOIN menagerie.model_version USING (id) WHERE status = 'active' ORDER BY 1`);
        return rows.map(({ served }) => served);
      } finally {
        await client.query("ROLLBACK");
      }
    });
    expect(active).toEqual([
      ...["alone 1", "alone 3", "over 3", "rolling 2", "rolling 3", "trying 2", "trying 3", "trying_copy 3"],
    ]);
  });

  it("are the only models that can be deleted", async () => {
    await expect(onPlatform((client) => deleteApp(client, "99999"))).rejects.toThrow("there is no app 99999");
    const zoo = await onPlatform((client) => modelIdOf(client, "iris"));
    await expect(onPlatform((client) => deleteApp(client, zoo))).rejects.toThrow(
      `model ${zoo}, "iris", is a zoo model, not an app; remove it from menagerie:zoo`,
    );
  });

  it("are found by name or id, and a name that several have is told with the ids", async () => {
    const [app] = await onPlatform(listApps);
    expect(await onPlatform((client) => modelIdOf(client, "it's mine"))).toBe(String(Number(app?.id) + 1));
    expect(await onPlatform((client) => modelIdOf(client, app?.id ?? ""))).toBe(app?.id);
    await onPlatform((client) => createApp(client, { zooModel: "iris", owner: "bob@example.com", name: "it's mine" }));
    await expect(onPlatform((client) => modelIdOf(client, "it's mine"))).rejects.toThrow(
      /several models .*; give one of the ids \d+ \(Ada@example.com\), \d+ \(bob@example.com\)/,
    );
    await expect(onPlatform((client) => organizationIdOf(client, "x"))).rejects.toThrow(
      'there is no organization "x"; use one of Ada@example.com, admin, bob@example.com',
    );
  });
});

describe("identifiers", () => {
  it.each(['a"b', "with space", "dröp; table--", "'; SELECT 1", "日本語", "x".repeat(63), "$1", "\\"])(
    "%j names exactly what it says",
    async (name) => {
      const found = await onPlatform(async (client) => {
        await client.query(`CREATE TEMPORARY TABLE ${quoteIdentifier(name)} (${quoteIdentifier(name)} integer)`);
        return client.query("SELECT count(*)::integer AS n FROM pg_class WHERE relname = $1", [name]);
      });
      expect(found.rows).toEqual([{ n: 1 }]);
    },
  );

  it.each([
    ["", "is empty"],
    ["x".repeat(64), "a PostgreSQL identifier at most 63"],
    ["日".repeat(22), "a PostgreSQL identifier at most 63"],
    ["a\0b", "holds a NUL character"],
    ["\ud800", "is not valid Unicode"],
  ])("%j is refused", (name, reason) => expect(() => quoteIdentifier(name)).toThrow(reason));
});

describe("the way to a server", () => {
  it("survives being written as a url", () => {
    const { server } = postgres;
    expect(serverFromUrl(urlOf(server, "postgres"), "X")).toEqual(server);
    const odd = { ...server, host: "::1", user: "a@b:c", password: undefined, maintenanceDatabase: "a/b" };
    expect(serverFromUrl(urlOf(odd, "a/b"), "X")).toEqual(odd);
  });

  it.each(["mysql://a@b", "postgresql://", "postgresql://h/db", "postgresql://u:hunter2@h?sslmode=prefer", "hunter2"])(
    "is told as wrong without its password: %s",
    (url) => {
      expect(() => serverFromUrl(url, "MENAGERIE_DATABASE_URL")).toThrow(/^MENAGERIE_DATABASE_URL .*; use postgresql:/);
      expect(() => serverFromUrl(url, "MENAGERIE_DATABASE_URL")).not.toThrow(/hunter2/);
    },
  );

  it("may be reached by a socket's directory, where TLS is not a question", async () => {
    const folder = await mkdtemp(join(tmpdir(), "socket-"));
    // The server may run as another user.
    await chmod(folder, 0o777);
    const own = await startPostgres(["fsync=off", `unix_socket_directories=${folder}`]);
    onTestFinished(async () => {
      await own.stop();
      await rm(folder, { recursive: true });
    });
    const { port, user, password } = own.server;
    const login = `${user}:${encodeURIComponent(password ?? "")}`;
    const server = serverFromUrl(`postgresql://${login}@/postgres?host=${folder}&port=${port}`, "URL");
    expect(server).toMatchObject({ host: folder, port });
    expect(serverFromUrl(urlOf(server, "postgres"), "URL")).toEqual(server);
    await expect(
      withClient(server, "postgres", async (client) => (await client.query("SELECT 1")).rowCount),
    ).resolves.toBe(1);
    await expect(withClient({ ...server, host: "/no/such" }, "postgres", async () => 1)).rejects.toThrow(
      "cannot connect by a socket in /no/such (ENOENT); give the directory and the port that the server listens at",
    );
  });

  it("says of a server without TLS how to go on, and not to start it", async () => {
    const strict = { ...postgres.server, sslMode: "verify-full" as const };
    await expect(withClient(strict, "postgres", async () => 1)).rejects.toThrow(
      "it has no TLS, and sslmode is verify-full; turn TLS on at the server, or say sslmode=disable",
    );
  });

  it("is told in one sentence when nobody answers, or the password is wrong", async () => {
    const closed = { ...postgres.server, port: 1 };
    await expect(readPlatformState(closed, [])).rejects.toThrow(
      "PostgreSQL at 127.0.0.1:1, database menagerie, user postgres: cannot connect (ECONNREFUSED); start it or correct the address",
    );
    await expect(readPlatformState(closed, [])).rejects.toBeInstanceOf(DatabaseUnreachable);
    await expect(readPlatformState({ ...postgres.server, password: "wrong" }, [])).rejects.toThrow(
      /refused: wrong user or password/,
    );
  });
});
