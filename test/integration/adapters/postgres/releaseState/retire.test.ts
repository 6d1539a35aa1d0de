import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeDeployment, openDeployment } from "../../../../../src/adapters/postgres/deployments.ts";
import { stateDigest } from "../../../../../src/adapters/postgres/releaseState/digest.ts";
import { restoreState } from "../../../../../src/adapters/postgres/releaseState/dump.ts";
import { ensureReleaseState, useReleaseState } from "../../../../../src/adapters/postgres/releaseState/ensure.ts";
import { readReleases, usedByApps } from "../../../../../src/adapters/postgres/releaseState/journal.ts";
import { dropRetired, markRetired } from "../../../../../src/adapters/postgres/releaseState/retire.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import { intentOf, run, serving } from "../../../../support/deploymentRecord.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { type StateChange, stateOf } from "../../../../support/releaseStates.ts";

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
});

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
      'the state in schema "v2" is not dropped, because "v3"."model" shows its rows; keep more releases by menagerie:state.keep, or drop that view',
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

describe("a state whose release served a version that apps still point at", () => {
  const deployIn = (stateSchema: string, versions: Record<string, number>) =>
    onPlatform(async (client) => {
      const intent = { ...(await intentOf(client, "apps", versions)), stateSchema };
      const id = await openDeployment(client, intent, run, async () => []);
      await closeDeployment(client, "apps", id, async () => serving(versions));
    });
  const retire = (schema: string) =>
    markRetired(postgres.server, { environment: "apps", keep: [], retire: [schema], dumpTo: null });

  beforeAll(async () => {
    for (const [tag, from] of [["a1"], ["a2", "a1"], ["a3", "a2"]] as const)
      await ensure({ tag, ...(from === undefined ? {} : { from }) });
    await sql(`
      INSERT INTO menagerie.organization (name) VALUES ('acme');
      INSERT INTO menagerie.model (name, organization_id) SELECT 'ranker', id FROM menagerie.organization WHERE is_admin;
      INSERT INTO menagerie.model (name, organization_id) SELECT 'app', id FROM menagerie.organization WHERE NOT is_admin;
      INSERT INTO menagerie.model_version (model_id, number, truss_hash)
        SELECT id, n, 'hash ' || n FROM menagerie.model, generate_series(1, 2) n WHERE name = 'ranker';
      INSERT INTO menagerie.model_version (model_id, number, proxy_model_version_id)
        SELECT a.id, 1, v.id FROM menagerie.model a, menagerie.model_version v WHERE a.name = 'app' AND v.truss_hash = 'hash 1';`);
    await deployIn("a1", { ranker: 1 });
    await deployIn("a2", { ranker: 1, iris: 1 });
    await deployIn("a3", { ranker: 2 });
  });

  it("is not given up, the last one of that version alone", async () => {
    await expect(retire("a2")).rejects.toThrow(
      'the state in schema "a2" is not dropped, because 1 app points at ranker v1 of its release; run `up` again, which keeps it',
    );
    await retire("a1");
  });

  it("is, once the deployment serves that version itself, or the apps point elsewhere", async () => {
    const served = (version: number) =>
      onPlatform((client) => usedByApps(client, "apps", [{ name: "ranker", version }]));
    expect([...(await served(1)).keys()]).toEqual([]);
    expect([...(await served(2)).keys()]).toEqual(["a2"]);
    await sql(`UPDATE menagerie.model_version a SET proxy_model_version_id = v.id
                 FROM menagerie.model_version v WHERE v.truss_hash = 'hash 2' AND a.proxy_model_version_id IS NOT NULL`);
    await retire("a2");
  });
});

describe("a dump", () => {
  it("is restored only where the state is missing", async () => {
    await expect(restoreState(postgres.server, join(dumps, "v1"), options)).rejects.toThrow(
      'the state of release v1 is already there, in schema "v1"; a dump is restored only where it is missing',
    );
  });

  it("that is incomplete or was changed is refused, and leaves nothing", async () => {
    await expect(restoreState(postgres.server, dumps, options)).rejects.toThrow(
      /is not a complete dump of a release's state/,
    );
    const changed = join(dumps, "changed");
    await cp(join(dumps, "v1"), changed, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(changed, "manifest.json"), "utf8"));
    await writeFile(join(changed, "manifest.json"), JSON.stringify({ ...manifest, tag: "v7" }));
    const rows = gunzipSync(readFileSync(join(changed, "item.copy.gz"))).toString();
    await writeFile(join(changed, "item.copy.gz"), gzipSync(rows.replace("item 7", "item 8")));
    await expect(restoreState(postgres.server, changed, options)).rejects.toThrow(
      /item.copy.gz is not what was dumped/,
    );
    expect(await sql("SELECT FROM pg_namespace WHERE nspname = 'v7'")).toEqual([]);
  });
});
