/**
 * `limitedApi.ts OPTIONS`: an API service's server in a process of its own, with the role of the service on a real PostgreSQL and one
 * model behind everything. OPTIONS is JSON: `{server, predictor, clockMs}`; `clockMs` is by how much its clock is wrong. Prints its port; ends
 * on SIGTERM as the service does.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { pino } from "pino";
import { Agent } from "undici";
import type { DatabaseServer } from "../../src/adapters/postgres/server.ts";
import { clientConfig } from "../../src/adapters/postgres/server.ts";
import { keyHash } from "../../src/domain/access/apiKey.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { authorizeRoute } from "../../src/services/api/authorizeRoute.ts";
import { settledRoute } from "../../src/services/api/limits/settledRoute.ts";
import { usageStore } from "../../src/services/api/limits/usageStore.ts";
import { lookups } from "../../src/services/api/lookups.ts";
import { createMetrics } from "../../src/services/api/metrics.ts";
import { createApiServer } from "../../src/services/api/server.ts";

const { server, predictor, clockMs } = JSON.parse(process.argv[2] ?? "") as {
  server: DatabaseServer;
  predictor: string;
  clockMs: number;
};
const signingKey = "signing key of the tests, which is long enough";
const right = Date.now;
Date.now = () => right() + clockMs;

const log = pino({ level: process.env.LOG_LEVEL ?? "silent" }, pino.destination(2));
const pool = new pg.Pool({ ...clientConfig(server, platformDatabase), max: 10 });
pool.on("error", () => {});
const ended = new AbortController();
// A database that is slow because of the machine is not away: limits are held to the request.
const usage = usageStore({ pool, log, holdsLimits: true, takeWithinMs: 60_000, signal: ended.signal });
const { find, pointer, served, checkDatabase } = lookups(pool);
const access = { required: true, find, adminKeyHash: keyHash("mng_admin_test-key-of-the-stack-that-is-long-enough") };
const none = async (): Promise<never> => {
  throw new Error("nobody asks");
};
const metrics = createMetrics({ standings: none, minute: none });
const limits = { ...usage, onRefused: metrics.refused };
const api = createApiServer({
  access,
  limits,
  pointer,
  checkDatabase,
  routes: [
    authorizeRoute({ access, modelsNamespace: "models", served, limits, signingKey }),
    settledRoute(limits, signingKey),
  ],
  originOf: () => predictor,
  predictPath: "/v1/models/model:predict",
  dispatcher: new Agent({ connections: null }),
  metrics,
  count: () => {},
  log,
  maxBodyBytes: 10_000_000,
  timeoutMs: 30_000,
  stopping: () => false,
});
api.listen(0, "127.0.0.1");
await once(api, "listening");
console.log((api.address() as AddressInfo).port);
process.once("SIGTERM", async () => {
  api.close();
  api.closeAllConnections();
  ended.abort();
  await usage.end();
  await pool.end();
  process.exit(0);
});
