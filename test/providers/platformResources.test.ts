import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrationNames } from "../../src/adapters/postgres/migrate.ts";
import { urlOf, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { makePlatformTables } from "../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { type DynamicHost, startDynamicHost } from "./dynamicHost.ts";

/** The handlers that work in the database, as the engine calls them, on a real PostgreSQL. */

let postgres: TestPostgres;
let host: DynamicHost;
let latest: string;

/** initdb and the server, on a busy machine; in milliseconds. */
const startWithin = 60_000;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  host = await startDynamicHost({ MENAGERIE_DATABASE_URL: urlOf(postgres.server, "postgres") });
  latest = (await migrationNames()).at(-1) ?? "";
}, startWithin);

afterAll(async () => {
  await host.stop();
  await postgres.stop();
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
    ...{ model: "iris", organization: "admin", number: 1, hash: "h1", current: true },
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
      /model iris: version 1 is another content .* run `up` again/,
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
      { property: "number", reason: "0 is no version number; use 1 to 99999" },
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
