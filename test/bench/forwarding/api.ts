/**
 * `api.ts HOST:PORT [none | counted | limited]`: the API service's server before the predictor there, with one app, one key and no database.
 * `none` has no part that counts or limits; `counted` has, with a key without limits; `limited` with one that has a limit of requests, which
 * is never used up, and a database that answers at once. Prints `{port, key}`. Imports the server of the working directory, which may
 * be another checkout.
 */
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pino } from "pino";
import { Agent } from "undici";
import { apiKey, keyHash, prefixLength } from "../../../src/domain/access/apiKey.ts";
import type { Limiter as LimiterOf } from "../../../src/domain/limits/limiter.ts";
import type { UsageCounts as Counts } from "../../../src/domain/limits/usage.ts";
import type { LimitParts } from "../../../src/services/api/limits/countedRequest.ts";
import type { createMetrics as metricsOf } from "../../../src/services/api/metrics.ts";
import type { createApiServer as serverOf } from "../../../src/services/api/server.ts";
import { appCounts } from "../../../src/services/api/traffic/appCounts.ts";

const folder = join(process.cwd(), "src/services/api");
const [, , predictor, how = "counted"] = process.argv;
/** As `main.ts` has it, where the checkout counts usage. */
const limits = how !== "none" && existsSync(join(folder, "limits")) ? await counting() : undefined;
const key = apiKey("k".repeat(prefixLength), "s".repeat(43));
const stored = {
  id: "1",
  hash: Buffer.from(keyHash(key)),
  scope: { modelId: "1" },
  rights: [],
  limits: how === "limited" ? { requestsPerMinute: 1_000_000_000 } : {},
};
const { createApiServer } = (await import(join(folder, "server.ts"))) as { createApiServer: typeof serverOf };
const { createMetrics } = (await import(join(folder, "metrics.ts"))) as { createMetrics: typeof metricsOf };
const pointer = {
  id: "1",
  name: "iris",
  organizationId: "1",
  organization: "admin",
  createdAt: 0,
  versioned: true,
  limits: {},
  isApp: true,
  serving: { versionId: "2", model: "multiplier", number: 1, recorded: false, paths: [], maxTokens: 4096 },
};
const server = createApiServer({
  access: { required: true, find: async () => stored },
  pointer: async () => pointer,
  checkDatabase: async () => {},
  originOf: () => `http://${predictor}`,
  predictPath: "/v1/models/model:predict",
  dispatcher: new Agent({ connectTimeout: 3_000, keepAliveTimeout: 4_000, connections: 256 }),
  metrics: createMetrics({ standings: noDatabase, minute: noDatabase }),
  count: appCounts(Date.now).count,
  log: pino({ level: "info" }, pino.destination("/dev/null")),
  maxBodyBytes: 10 * 1024 ** 2,
  timeoutMs: 60_000,
  stopping: () => false,
  ...(limits && { limits }),
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log(JSON.stringify({ port: (server.address() as AddressInfo).port, key }));

async function counting(): Promise<LimitParts> {
  const domain = join(process.cwd(), "src/domain/limits");
  const { UsageCounts } = (await import(join(domain, "usage.ts"))) as { UsageCounts: typeof Counts };
  const { Limiter } = (await import(join(domain, "limiter.ts"))) as { Limiter: typeof LimiterOf };
  const counts = new UsageCounts();
  const limiter = new Limiter({
    take: async (asks) => asks.map(({ want }) => ({ ...minute(), granted: want, taken: 0 })),
    now: () => performance.now(),
    databaseTime: Date.now,
    onAway: () => {},
  });
  setInterval(() => counts.take(limiter.adjustments()), 1_000).unref();
  return { limiter, counts, day: () => new Date().toISOString().slice(0, 10), onRefused: () => {} };
}

function minute() {
  const now = Date.now();
  const since = now - (now % 60_000);
  return { since, leftMs: since + 60_000 - now };
}

async function noDatabase(): Promise<never> {
  throw new Error("there is no database");
}
