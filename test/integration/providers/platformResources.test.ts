import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../src/adapters/postgres/apps.ts";
import { migrationNames } from "../../../src/adapters/postgres/migrate.ts";
import { urlOf, withClient } from "../../../src/adapters/postgres/server.ts";
import { planZooMigration } from "../../../src/adapters/postgres/zoo/migration/plan.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import type { MigrationRequest } from "../../../src/domain/zoo/migration.ts";
import { makePlatformTables } from "../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { type DynamicHost, startDynamicHost } from "./dynamicHost.ts";

/** The handlers that work in the database, as the engine calls them, on a real PostgreSQL. */

let postgres: TestPostgres;
let host: DynamicHost;
let latest: string;
let home: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  home = await mkdtemp(join(tmpdir(), "menagerie-home-"));
  host = await startDynamicHost({
    MENAGERIE_DATABASE_URL: urlOf(postgres.server, "postgres"),
    MENAGERIE_HOME: home,
  });
  latest = (await migrationNames()).at(-1) ?? "";
});

afterAll(async () => {
  await host.stop();
  await postgres.stop();
  await rm(home, { recursive: true });
});

describe("platformSchema", () => {
  it("migrates, and answers the version that the tables have", async () => {
    expect(await host.create("platformSchema", { version: latest })).toEqual({
      id: "menagerie",
      outs: { version: latest },
    });
    expect(await host.read("platformSchema", "menagerie", { version: "0001" })).toBe("menagerie");
    const answer = await host.diff("platformSchema", { version: "0001" }, { version: latest });
    expect(answer).toEqual({ changes: true, replaces: [] });
    expect(await host.update("platformSchema", { version: "0001" }, { version: latest })).toEqual({ version: latest });
  });

  it("is the same resource by another way to the server", async () => {
    const olds = { version: latest, database: "postgresql://a:b@c" };
    expect((await host.diff("platformSchema", olds, { version: latest })).changes).toBe(false);
  });

  it("leaves the tables when it is deleted", async () => {
    await host.delete("platformSchema", "menagerie", { version: latest });
    expect(await host.read("platformSchema", "menagerie", { version: latest })).toBe("menagerie");
  });
});

describe("modelVersion", () => {
  const inputs = {
    model: "iris",
    organization: "admin",
    number: 1,
    hash: "h1",
    current: true,
    digest: `sha256:${"a".repeat(64)}`,
  };

  it("answers the row's id, and the same one when it is made again", async () => {
    const { id, outs } = await host.create("modelVersion", inputs);
    expect(outs).toEqual({ ...inputs, versionId: id });
    expect((await host.create("modelVersion", inputs)).id).toBe(id);
    expect(await host.read("modelVersion", id, outs)).toBe(id);
    expect(await host.read("modelVersion", id, { ...outs, hash: "other" })).toBe("");
  });

  it("refuses a number that another content holds", async () => {
    await expect(host.create("modelVersion", { ...inputs, hash: "h2" })).rejects.toThrow(
      /model iris: version 1 has other content .* run `up` again/,
    );
  });

  it("is another one for another content, and the same for another image or when it becomes current", async () => {
    const olds = { ...inputs, versionId: "1" };
    expect((await host.diff("modelVersion", olds, { ...inputs, number: 2, hash: "h2" })).replaces).toEqual([
      "number",
      "hash",
    ]);
    const digest = `sha256:${"b".repeat(64)}`;
    expect(await host.diff("modelVersion", olds, { ...inputs, digest })).toEqual({ changes: true, replaces: [] });
    expect(await host.update("modelVersion", olds, { ...inputs, digest })).toMatchObject({ digest });
  });

  it("keeps its row when it is deleted, because apps may point at it", async () => {
    await host.delete("modelVersion", "1", { ...inputs, versionId: "1" });
    const { rowCount } = await withClient(postgres.server, platformDatabase, (client) =>
      client.query("SELECT FROM menagerie.model_version"),
    );
    expect(rowCount).toBe(1);
  });

  it("fails a preview for a number that is none", async () => {
    expect(await host.check("modelVersion", { ...inputs, number: 0 })).toEqual([
      { property: "number", reason: "0 is not a version number; use 1 to 99999" },
    ]);
  });
});

describe("zooMigration", () => {
  /** Versions 1 and 2 of a zoo model, and an app that points at the first. */
  async function rollout(model: string) {
    const register = async (number: number) =>
      String((await host.create("modelVersion", { ...version(model, number) })).outs.versionId);
    const from = await register(1);
    const app = await withClient(postgres.server, platformDatabase, (client) =>
      createApp(client, { zooModel: model, owner: `${model}@example.com` }),
    );
    return { app, inputs: { name: model, from, to: await register(2), direction: "forward" } };
  }
  const version = (model: string, number: number) => ({
    model,
    organization: "admin",
    number,
    hash: `h${number}`,
    current: true,
    digest: `sha256:${"c".repeat(64)}`,
  });
  const proxyOf = async (versionId: string) => {
    const { rows } = await withClient(postgres.server, platformDatabase, (client) =>
      client.query("SELECT proxy_model_version_id AS proxy FROM menagerie.model_version WHERE id = $1", [versionId]),
    );
    return rows[0].proxy;
  };

  it("moves apps forward when it is made, back when it is turned round, and writes their ids to a file", async () => {
    const { app, inputs } = await rollout("moved");
    const plan = () => planZooMigration({ server: postgres.server }, inputs as MigrationRequest);
    expect(await plan()).toMatchObject({ rows: 1, users: 1, obstacles: [] });
    const { id, outs } = await host.create("zooMigration", inputs);
    expect(id).toBe(`${inputs.from}-${inputs.to}`);
    expect(outs).toMatchObject({ state: "done", generation: 1, counts: { forward: 1 } });
    expect(await proxyOf(app.versionId)).toBe(inputs.to);
    expect(await readFile(String(outs.file), "utf8")).toBe(`${app.versionId}\tforward\n`);
    const back = await host.update("zooMigration", outs, { ...inputs, direction: "reverted" });
    expect(back).toMatchObject({ counts: { forward: 0, reverted: 1 } });
    expect(await proxyOf(app.versionId)).toBe(inputs.from);
    expect(await readFile(String(back.file), "utf8")).toBe(`${app.versionId}\treverted\n`);
  });

  it("made again after its state was lost moves nothing, and is found by a refresh", async () => {
    const { inputs } = await rollout("lost");
    const { id, outs } = await host.create("zooMigration", inputs);
    expect((await host.create("zooMigration", inputs)).outs).toEqual(outs);
    expect(await host.read("zooMigration", id, outs)).toBe(id);
    expect(await host.read("zooMigration", id, { ...outs, migrationId: "0" })).toBe("");
  });

  it("changes no row when it is deleted", async () => {
    const { app, inputs } = await rollout("deleted");
    const { id, outs } = await host.create("zooMigration", inputs);
    await host.delete("zooMigration", id, outs);
    expect(await proxyOf(app.versionId)).toBe(inputs.to);
  });

  it("is another one for another version, and the same in the other direction or with more organizations", async () => {
    const olds = { name: "iris", from: "1", to: "2", direction: "forward", share: 10, migrationId: "1" };
    const { migrationId: _, ...inputs } = olds;
    expect((await host.diff("zooMigration", olds, { ...inputs, to: "3" })).replaces).toEqual(["to"]);
    expect(await host.diff("zooMigration", olds, { ...inputs, direction: "reverted", share: 100 })).toEqual({
      changes: true,
      replaces: [],
    });
    expect((await host.diff("zooMigration", olds, inputs)).changes).toBe(false);
  });

  it("fails a preview for a pair that is none", async () => {
    expect(await host.check("zooMigration", { name: "iris", from: "1", to: "1", direction: "forward" })).toEqual([
      { property: "direction", reason: "old and new version are both 1; name two different ones" },
    ]);
  });
});

describe("secretValue", () => {
  it("is 32 random bytes that need no quoting, and another each time", async () => {
    const [one, other] = [
      await host.create("secretValue", { bytes: 32 }),
      await host.create("secretValue", { bytes: 32 }),
    ];
    expect(one.outs.value).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(one.outs.value).not.toBe(other.outs.value);
    expect(one.id).not.toContain(String(one.outs.value).slice(0, 8));
  });
});
