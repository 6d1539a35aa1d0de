import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stateDigest } from "../../src/adapters/postgres/releaseState/digest.ts";
import { restoreState } from "../../src/adapters/postgres/releaseState/dump.ts";
import { ensureReleaseState, useReleaseState } from "../../src/adapters/postgres/releaseState/ensure.ts";
import { readReleases } from "../../src/adapters/postgres/releaseState/journal.ts";
import { dropRetired, markRetired } from "../../src/adapters/postgres/releaseState/retire.ts";
import { withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { silent } from "../../src/domain/progress.ts";
import { makePlatformTables } from "../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { type StateChange, stateOf } from "../support/releaseStates.ts";

/** States that are given up, on a real PostgreSQL: dumped, dropped, restored. */

let postgres: TestPostgres;
let dumps: string;
const options = { progress: silent };

beforeAll(async () => {
  dumps = await mkdtemp(join(tmpdir(), "menagerie-dumps-"));
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  await ensure({ tag: "v1" });
  await sql("INSERT INTO v1.item (name) SELECT 'item ' || i FROM generate_series(1, 500) i");
  await sql("INSERT INTO v1.item (name) VALUES (E'tab\\t newline\\n backslash \\\\ and ü')");
  await sql("INSERT INTO v1.event (item_id) SELECT 1 + i % 500 FROM generate_series(1, 300) i");
  await ensure({ tag: "v2", from: "v1" });
  await ensure({ tag: "v3", from: "v2", seeds: { model: "view" } });
}, 60_000);

afterAll(async () => {
  await postgres.stop();
  await rm(dumps, { recursive: true });
});

async function ensure(change: StateChange): Promise<void> {
  await ensureReleaseState(postgres.server, stateOf(change), options);
  await useReleaseState(postgres.server, stateOf(change).schema);
}

const onPlatform = <T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> =>
  withClient(postgres.server, platformDatabase, work);
const sql = (text: string) => onPlatform(async (client) => (await client.query(text)).rows);
const digest = (schema: string) => onPlatform((client) => stateDigest(client, schema));
const tags = async () => (await onPlatform(readReleases)).map(({ tag }) => tag);

describe("a state", () => {
  it("that nobody gave up stays when its resource is deleted, as when a line of config goes", async () => {
    await dropRetired(postgres.server, "v1", options);
    expect(await tags()).toEqual(["v1", "v2", "v3"]);
  });

  it("that another shows by a view is not given up", async () => {
    const retirement = { environment: "test", keep: ["v3"], retire: ["v1", "v2"], dumpTo: null };
    await expect(markRetired(postgres.server, retirement)).rejects.toThrow(
      'the state in schema "v2" is not dropped, for "v3"."model" shows its rows; keep more releases by menagerie:state.keep, or drop that',
    );
    await dropRetired(postgres.server, "v1", options);
    expect(await tags()).toEqual(["v1", "v2", "v3"]);
  });

  it("is dumped and dropped, and restored as it was, with its indexes, keys and numbers", async () => {
    const before = await digest("v1");
    await markRetired(postgres.server, { environment: "test", keep: ["v2", "v3"], retire: ["v1"], dumpTo: dumps });
    await dropRetired(postgres.server, "v1", options);
    await dropRetired(postgres.server, "v1", options);
    expect(await tags()).toEqual(["v2", "v3"]);
    expect(await sql("SELECT FROM pg_namespace WHERE nspname = 'v1'")).toEqual([]);

    const restored = await restoreState(postgres.server, join(dumps, "v1"), options);
    expect(restored).toEqual({ tag: "v1", schema: "v1", rows: { event: 300, item: 501, model: 0 } });
    expect(await digest("v1")).toEqual(before);
    expect(await sql("INSERT INTO v1.item (name) VALUES ('next') RETURNING id")).toEqual([{ id: "502" }]);
    await expect(sql("INSERT INTO v1.event (item_id) VALUES (0)")).rejects.toThrow(/foreign key/);
    // Not the one that a new release would be seeded from.
    expect(await tags()).toEqual(["v2", "v1", "v3"]);
  });

  it("that is taken up again is not dropped", async () => {
    await markRetired(postgres.server, { environment: "test", keep: ["v2", "v3"], retire: ["v1"], dumpTo: null });
    await useReleaseState(postgres.server, "v1");
    await dropRetired(postgres.server, "v1", options);
    expect(await tags()).toContain("v1");
  });
});

describe("a dump", () => {
  it("is restored only where the state is missing", async () => {
    await expect(restoreState(postgres.server, join(dumps, "v1"), options)).rejects.toThrow(
      'the state of release v1 is there already, in schema "v1"; a dump is restored only where it is missing',
    );
  });

  it("that is incomplete or was changed is refused, and leaves nothing", async () => {
    await expect(restoreState(postgres.server, dumps, options)).rejects.toThrow(
      /is no complete dump of a release's state/,
    );
    const changed = join(dumps, "changed");
    await cp(join(dumps, "v1"), changed, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(changed, "manifest.json"), "utf8"));
    await writeFile(join(changed, "manifest.json"), JSON.stringify({ ...manifest, tag: "v7" }));
    const rows = gunzipSync(readFileSync(join(changed, "item.copy.gz"))).toString();
    await writeFile(join(changed, "item.copy.gz"), gzipSync(rows.replace("item 7", "item 8")));
    await expect(restoreState(postgres.server, changed, options)).rejects.toThrow(
      /item.copy.gz: it is not what was dumped/,
    );
    expect(await sql("SELECT FROM pg_namespace WHERE nspname = 'v7'")).toEqual([]);
  });
});
