import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { addressSeal } from "../../../../src/adapters/postgres/addressSeal.ts";
import { migrate } from "../../../../src/adapters/postgres/migrate.ts";
import { sealEarlierRows } from "../../../../src/adapters/postgres/sealEarlier.ts";
import { clientConfig, withClient } from "../../../../src/adapters/postgres/server.ts";
import { createPatchStore } from "../../../../src/adapters/postgres/trussPatches.ts";
import { headOf } from "../../../../src/domain/patch/chain.ts";
import type { PatchOperation } from "../../../../src/domain/patch/operation.ts";
import type { SyncRecord } from "../../../../src/domain/patch/ports.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

let postgres: TestPostgres;
let pool: pg.Pool;
let version: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await withClient(postgres.server, "postgres", async (client) => {
    await client.query("CREATE ROLE menagerie_owner");
    await client.query("CREATE DATABASE menagerie OWNER menagerie_owner");
  });
  await withClient(postgres.server, platformDatabase, (client) =>
    client.query("CREATE SCHEMA menagerie AUTHORIZATION menagerie_owner"),
  );
  await migrate(postgres.server, silent);
  pool = new pg.Pool({ ...clientConfig(postgres.server, platformDatabase), max: 20 });
  // Connections that end with the server, after the last test.
  pool.on("error", () => {});
});

afterAll(async () => {
  await pool?.end();
  await postgres?.stop();
});

beforeEach(async () => {
  const { rows } = await pool.query<{ id: string }>(
    `WITH m AS (INSERT INTO menagerie.model (name, organization_id)
                SELECT $1, id FROM menagerie.organization WHERE is_admin RETURNING id)
     INSERT INTO menagerie.model_version (model_id, number, truss_hash, is_development)
     SELECT id, 1, 'base', true FROM m RETURNING id`,
    [randomUUID()],
  );
  version = rows[0]?.id ?? "";
});

const seal = addressSeal("the signing key of these tests");
const op = (content: string): PatchOperation => ({
  type: "model_code",
  body: { action: "UPDATE", path: "model.py", content },
});
const patch = (prevHash: string, nextHash: string, content = nextHash) => ({ prevHash, nextHash, ops: [op(content)] });
const record: SyncRecord = {
  generation: 1,
  instance: "c",
  startedAt: 1,
  at: 0,
  intent: null,
  lateUntil: 0,
  broken: null,
  refused: null,
};

test("a version without a full deployment has no chain, and takes no patch", async () => {
  const store = createPatchStore(pool, seal);
  expect(await store.read(version)).toBeUndefined();
  await expect(store.append(version, patch("base", "a"))).rejects.toThrow(/never deployed in full/);
});

test("what is stored is read back, by other replicas too, with NUL and every character", async () => {
  const [one, other] = [createPatchStore(pool, seal), createPatchStore(pool, seal)];
  await one.startGeneration(version, "base");
  await one.append(version, patch("base", "a", 'NUL \0, "quotes", \u2028, 😀'));
  const first = await other.read(version);
  await one.append(version, patch("a", "b"));
  const second = await other.read(version);
  expect(first?.chain.patches).toHaveLength(1);
  expect(second?.chain.patches.map(({ seq, nextHash }) => [seq, nextHash])).toEqual([
    [1, "a"],
    [2, "b"],
  ]);
  expect(second?.chain.patches[0]?.ops).toEqual([op('NUL \0, "quotes", \u2028, 😀')]);
  expect(second).toMatchObject({ record: null, revision: 0, chain: { generation: 1, baseHash: "base" } });
});

test("stale, forked and repeated patches change nothing", async () => {
  const store = createPatchStore(pool, seal);
  await store.startGeneration(version, "base");
  await store.append(version, patch("base", "a"));
  expect(await store.append(version, patch("base", "b"))).toMatchObject({ refused: "stale", headHash: "a" });
  expect(await store.append(version, patch("elsewhere", "b"))).toMatchObject({ refused: "forked" });
  expect(await store.append(version, patch("base", "a"))).toMatchObject({ repeated: true, stored: { seq: 1 } });
  expect((await store.read(version))?.chain.patches).toHaveLength(1);
});

test("of 20 clients that patch one head at once, one wins, and the chain stays linear over 200 patches", async () => {
  const replicas = Array.from({ length: 4 }, () => createPatchStore(pool, seal));
  await replicas[0]?.startGeneration(version, "base");
  const client = async (number: number) => {
    const store = replicas[number % replicas.length] as ReturnType<typeof createPatchStore>;
    for (let done = 0; done < 10; ) {
      const state = await store.read(version);
      const { hash } = headOf(state?.chain ?? { generation: 0, baseHash: "", patches: [] });
      const result = await store.append(version, patch(hash, `${number}-${done}`));
      if ("stored" in result) done += 1;
      else expect(result.refused).toBe("stale");
    }
  };
  await Promise.all(Array.from({ length: 20 }, (_, number) => client(number)));
  const chain = (await createPatchStore(pool, seal).read(version))?.chain;
  expect(chain?.patches.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  let hash = "base";
  for (const { prevHash, nextHash } of chain?.patches ?? []) {
    expect(prevHash).toBe(hash);
    hash = nextHash;
  }
});

test("a full deployment starts a new generation, from which older replicas go on", async () => {
  const [one, other] = [createPatchStore(pool, seal), createPatchStore(pool, seal)];
  await one.startGeneration(version, "base");
  await one.append(version, patch("base", "a"));
  await other.read(version);
  expect(await one.startGeneration(version, "deployed")).toBe(2);
  expect((await other.read(version))?.chain).toEqual({ generation: 2, baseHash: "deployed", patches: [] });
  expect(await other.append(version, patch("a", "b"))).toMatchObject({ refused: "forked" });
  expect(await other.append(version, patch("deployed", "b"))).toMatchObject({ stored: { seq: 1 } });
});

test("the record is set by revision: of many replicas one wins each time", async () => {
  const store = createPatchStore(pool, seal);
  await store.startGeneration(version, "base");
  const race = (revision: number) =>
    Promise.all(Array.from({ length: 10 }, (_, at) => store.writeRecord(version, { ...record, at }, revision)));
  for (const revision of [0, 1, 2]) {
    expect((await race(revision)).filter(Boolean)).toHaveLength(1);
    expect(await store.read(version)).toMatchObject({ revision: revision + 1, record: { instance: "c" } });
  }
});

test("rows from before credentials were sealed are sealed once, and read as they were", async () => {
  const address = "git+https://T0ken-from-before@host/a.git";
  const ops: PatchOperation[] = [
    { type: "python_requirement", body: { action: "ADD", requirement: address } },
    op("NUL \0, 😀"),
  ];
  const signature = {
    content_hashes_by_path: {},
    config: `requirements: ["${address}"]\n`,
    requirements_file_requirements: [],
  };
  const store = createPatchStore(pool, seal);
  await store.ensureGeneration(version, "base", signature);
  await store.appendSigned(version, { prevHash: "base", nextHash: "a", ops, requirements: [address] }, signature);
  // As an earlier version of the service wrote it.
  await pool.query("ALTER TABLE menagerie.truss_patch DISABLE TRIGGER seal_patch");
  await pool.query(
    "UPDATE menagerie.truss_patch SET ops = $2, requirements = $3, is_sealed = false WHERE model_version_id = $1",
    [...[version, JSON.stringify(ops), JSON.stringify([address])]],
  );
  await pool.query("ALTER TABLE menagerie.truss_patch ENABLE TRIGGER seal_patch");
  await pool.query("UPDATE menagerie.truss_head SET signature = $2, is_sealed = false WHERE model_version_id = $1", [
    ...[version, JSON.stringify(signature)],
  ]);
  await pool.query(
    `INSERT INTO menagerie.development_deployment (model_version_id, upload, config, signature, status)
     VALUES ($1, 'u', $2, $3, 'active')`,
    [version, signature.config, JSON.stringify(signature)],
  );

  const sealed = await Promise.all([sealEarlierRows(pool, seal), sealEarlierRows(pool, seal)]);
  expect(sealed.reduce((sum, rows) => sum + rows)).toBe(3);
  expect(await sealEarlierRows(pool, seal)).toBe(0);
  const { rows } = await pool.query<{ row: string }>(
    `SELECT p::text AS row FROM menagerie.truss_patch p WHERE model_version_id = $1
     UNION ALL SELECT h::text FROM menagerie.truss_head h WHERE model_version_id = $1
     UNION ALL SELECT d::text FROM menagerie.development_deployment d WHERE model_version_id = $1`,
    [version],
  );
  expect(rows).toHaveLength(3);
  for (const { row } of rows) expect(row).not.toContain("T0ken-from-before");
  const other = createPatchStore(pool, seal);
  expect((await other.read(version))?.chain.patches).toMatchObject([{ ops, requirements: [address] }]);
  expect((await other.readHead(version))?.signature).toEqual(signature);
  await expect(
    pool.query("UPDATE menagerie.truss_patch SET ops = '[]' WHERE model_version_id = $1", [version]),
  ).rejects.toThrow("a patch that is stored is never changed");
});

test("limits are kept in the transaction", async () => {
  const store = createPatchStore(pool, seal, { patchesPerGeneration: 1, operationsPerPatch: 2, sizePerPatch: 200 });
  await store.startGeneration(version, "base");
  expect(await store.append(version, patch("base", "a", "x".repeat(300)))).toMatchObject({ refused: "too_large" });
  await store.append(version, patch("base", "a"));
  expect(await store.append(version, patch("a", "b"))).toMatchObject({ refused: "too_many" });
});

test("credentials of addresses are sealed in every row, and read as they were stored", async () => {
  const store = createPatchStore(pool, seal);
  const address = "git+https://ada:T@ken-of-the-patch@host/a.git";
  const signature = {
    content_hashes_by_path: { "config.yaml": null },
    config: `requirements:\n  - "${address}"\nsecond: https://T@ken-of-the-patch@host\n`,
    requirements_file_requirements: [address],
  };
  await store.ensureGeneration(version, "base", signature);
  expect((await store.readHead(version))?.signature).toEqual(signature);
  const quoted = `git+https://ada:it's "T@ken-of-the-patch"@host/b.git`;
  const ops: PatchOperation[] = [
    { type: "python_requirement", body: { action: "ADD", requirement: address } },
    { type: "python_requirement", body: { action: "ADD", requirement: quoted } },
    op(`URL = "https://T@ken-of-the-patch@host"  # https://host/@\n`),
  ];
  await store.appendSigned(version, { prevHash: "base", nextHash: "a", ops, requirements: [address] }, signature);
  const other = createPatchStore(pool, seal);
  expect((await other.read(version))?.chain.patches).toEqual([
    { seq: 1, prevHash: "base", nextHash: "a", ops, requirements: [address] },
  ]);
  expect((await other.readHead(version))?.signature).toEqual(signature);
  const { rows } = await pool.query<{ row: string }>(
    `SELECT p::text AS row FROM menagerie.truss_patch p WHERE model_version_id = $1
     UNION ALL SELECT h::text FROM menagerie.truss_head h WHERE model_version_id = $1`,
    [version],
  );
  expect(rows).toHaveLength(2);
  for (const { row } of rows) expect(row).not.toMatch(/ken-of-the-patch/);
  // Behind another key what was sealed stays so; it is an address still.
  const lost = await createPatchStore(pool, addressSeal("another signing key")).readHead(version);
  expect(URL.canParse(lost?.signature.requirements_file_requirements[0] ?? "")).toBe(true);
});
