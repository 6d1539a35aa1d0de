import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { pino } from "pino";
import { Agent } from "undici";
import { addressSeal } from "../../src/adapters/postgres/addressSeal.ts";
import { createKey, findKey } from "../../src/adapters/postgres/apiKeys.ts";
import { findDevelopmentVersion } from "../../src/adapters/postgres/developmentVersions.ts";
import { readPlatformModel, readPointer } from "../../src/adapters/postgres/models.ts";
import { clientConfig, type DatabaseServer, withClient } from "../../src/adapters/postgres/server.ts";
import { createSleepStore } from "../../src/adapters/postgres/sleep/sleepStore.ts";
import { readLastMinute } from "../../src/adapters/postgres/traffic/lastMinute.ts";
import { createPatchStore } from "../../src/adapters/postgres/trussPatches.ts";
import { readStandings } from "../../src/adapters/postgres/zoo/standings.ts";
import { createFolderUploads } from "../../src/adapters/uploads/folderUploads.ts";
import type { UploadStore } from "../../src/adapters/uploads/uploadStore.ts";
import { keyHash, type StoredScope } from "../../src/domain/access/apiKey.ts";
import type { KeyRight } from "../../src/domain/access/rights.ts";
import type { Limits } from "../../src/domain/limits/limits.ts";
import { platformDatabase, roles } from "../../src/domain/platformDatabase.ts";
import { sleepRules } from "../../src/domain/sleep/record.ts";
import type { Access } from "../../src/services/api/access.ts";
import type { Containers } from "../../src/services/api/development/containers.ts";
import { syncFirst } from "../../src/services/api/development/syncFirst.ts";
import { developmentVersions, type Versions } from "../../src/services/api/development/versions.ts";
import type { Deployments } from "../../src/services/api/graphql/context.ts";
import { usageStore } from "../../src/services/api/limits/usageStore.ts";
import { createMetrics } from "../../src/services/api/metrics.ts";
import { apiRoutes } from "../../src/services/api/routes.ts";
import { createApiServer } from "../../src/services/api/server.ts";
import { createWaking, type Waking } from "../../src/services/api/sleep/waking.ts";
import type { CountRequest } from "../../src/services/api/traffic/countAnswer.ts";
import { makePlatformTables, rolePassword } from "./platformTables.ts";
import { startPostgres } from "./postgres.ts";
import { MemoryCluster } from "./versionCluster.ts";

export const adminKey = "mng_admin_test-key-of-the-stack-that-is-long-enough";
export const signingKey = "signing key of the tests, which is long enough";

/** What tests of the API's routes work with. */
export interface ApiUnderTest {
  readonly url: string;
  /** The PostgreSQL server, as its superuser. */
  readonly server: DatabaseServer;
  readonly pool: pg.Pool;
  readonly cluster: MemoryCluster;
  readonly versions: Versions;
  readonly waking: Waking;
  readonly uploads: UploadStore;
  readonly logged: readonly string[];
  /** Runs SQL as the database's superuser. */
  sql<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  /** Makes a model with a development version. */
  newVersion(
    name?: string,
    organization?: string,
  ): Promise<{ modelId: string; versionId: string; organizationId: string }>;
  /** Makes an API key. */
  newKey(scope: StoredScope, rights?: readonly KeyRight[], limits?: Limits): Promise<string>;
  stop(): Promise<void>;
}

/** The API service's server as its own database role on a real PostgreSQL, over a cluster in memory. */
export async function startDevelopmentApi(
  options: {
    readonly maxBodyBytes?: number;
    /** What pushes become; made once tables and uploads are there. @default pushes are refused */
    readonly deployments?: (parts: Pick<ApiUnderTest, "pool" | "uploads" | "cluster">) => Deployments;
    readonly containers?: Containers;
    /** @default requests without a key are answered */
    readonly requireApiKey?: boolean;
    readonly count?: CountRequest;
    /** A platform's database that somebody else made, with the password of the API's role. @default one of its own */
    readonly database?: { readonly server: DatabaseServer; readonly password: string };
    /** Where every predictor is, or each version's by its number. @default nowhere */
    readonly predictor?: string | ((number: number) => string);
  } = {},
): Promise<ApiUnderTest> {
  const { maxBodyBytes = 64 * 1024 * 1024 } = options;
  const postgres = options.database ? { ...options.database, stop: async () => {} } : await startPostgres();
  if (!options.database) await makePlatformTables(postgres.server);
  const password = options.database?.password ?? rolePassword;
  const pool = new pg.Pool({
    ...clientConfig({ ...postgres.server, user: roles.api, password }, platformDatabase),
    max: 10,
  });
  // Connections that end with the server, after the last test.
  pool.on("error", () => {});
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(line) });
  const cluster = new MemoryCluster();
  const folder = await mkdtemp(join(tmpdir(), "menagerie-uploads-"));
  const uploads = createFolderUploads(folder, 32 * 1024 * 1024);
  const sync = syncFirst({ cluster, syncToHead: (versionId) => versions.syncToHead(versionId), log });
  const waking = createWaking({
    store: createSleepStore(pool, { ...sleepRules, leaseSeconds: 3, failureSeconds: 0, maxHeld: 4 }),
    cluster,
    prepare: async ({ versionId }, ignored) =>
      versionId === undefined ? { kind: "answers" } : sync(versionId, ignored),
    holder: randomUUID(),
    log,
    leaseMs: 3_000,
    holdMs: 6_000,
  });
  const versions: Versions = developmentVersions({
    store: createPatchStore(pool, addressSeal(signingKey)),
    cluster,
    containers: options.containers ?? cluster.containers,
    log,
    namespace: "models",
    clock: { now: Date.now, sleep: delay },
    newId: randomUUID,
    syncWithin: 8_000,
    waking,
  });
  const access: Access = {
    required: options.requireApiKey ?? false,
    find: (prefix) => findKey(pool, prefix),
    adminKeyHash: keyHash(adminKey),
  };
  const ended = new AbortController();
  const metrics = createMetrics({
    standings: () => readStandings(pool),
    minute: () => readLastMinute(pool, Date.now()),
  });
  const usage = usageStore({ pool, log, holdsLimits: true, takeWithinMs: 60_000, signal: ended.signal });
  const limits = { ...usage, onRefused: metrics.refused };
  const deployments = options.deployments?.({ pool, uploads, cluster });
  const server = createApiServer({
    access,
    routes: apiRoutes({
      access,
      pool,
      versions,
      cluster,
      signingKey,
      log,
      maxBodyBytes,
      timeoutMs: 5_000,
      find: (versionId: string) => findDevelopmentVersion(pool, versionId),
      dispatcher: new Agent(),
      waking,
      modelsNamespace: "models",
      served: (name: string) => readPlatformModel(pool, name),
      limits,
      count: options.count ?? (() => {}),
      pushes: deployments && { uploads, deployments },
    }),
    limits,
    pointer: (id) => readPointer(pool, id),
    checkDatabase: async () => void (await pool.query("SELECT 1")),
    originOf: ({ number }) => {
      const { predictor = "http://127.0.0.1:1" } = options;
      return typeof predictor === "string" ? predictor : predictor(number);
    },
    waking,
    predictPath: "/v1/models/model:predict",
    dispatcher: new Agent(),
    metrics,
    count: options.count ?? (() => {}),
    log,
    maxBodyBytes,
    timeoutMs: 5_000,
    stopping: () => false,
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const sql: ApiUnderTest["sql"] = (text, values = []) =>
    withClient(postgres.server, platformDatabase, async (client) => (await client.query(text, values)).rows);
  return {
    pool,
    cluster,
    versions,
    waking,
    uploads,
    logged,
    sql,
    server: postgres.server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async newVersion(name = randomUUID(), organization = "admin") {
      await sql("INSERT INTO menagerie.organization (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", [organization]);
      const [row] = await sql<{ modelId: string; versionId: string; organizationId: string }>(
        `WITH m AS (INSERT INTO menagerie.model (name, organization_id)
                    SELECT $1, id FROM menagerie.organization WHERE name = $2 RETURNING id, organization_id)
         INSERT INTO menagerie.model_version (model_id, number, truss_hash, is_development)
         SELECT id, 1, 'base', true FROM m
         RETURNING id AS "versionId", model_id AS "modelId", (SELECT organization_id FROM m) AS "organizationId"`,
        [name, organization],
      );
      if (!row) throw new Error("the version was not made");
      return row;
    },
    newKey: (scope, rights, own) =>
      withClient(
        postgres.server,
        platformDatabase,
        async (client) => (await createKey(client, scope, rights, own)).key,
      ),
    async stop() {
      server.closeAllConnections();
      server.close();
      ended.abort();
      await usage.end();
      await pool.end();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
