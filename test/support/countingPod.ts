import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import { pino } from "pino";
import { Agent } from "undici";
import { type Pointer, readPointer } from "../../src/adapters/postgres/models.ts";
import { readLastMinute } from "../../src/adapters/postgres/traffic/lastMinute.ts";
import { freshCache } from "../../src/services/api/freshCache.ts";
import { createMetrics } from "../../src/services/api/metrics.ts";
import { createApiServer } from "../../src/services/api/server.ts";
import { appCounts } from "../../src/services/api/traffic/appCounts.ts";
import { storeAppCounts } from "../../src/services/api/traffic/storeAppCounts.ts";

/** What one pod of the API service is made of, as far as it answers apps and counts that. */
export interface CountingPod {
  readonly server: Server;
  readonly port: number;
  /** Answers nothing more, and stores what it has counted. */
  end(): Promise<void>;
}

/**
 * Starts one.
 *
 * @param name - of the pod
 * @param origins - where versions answer, by their numbers. A single one is that of all: then every id is an app whose pointer leads to the
 *   version of the same id. With several, pointers are the database's
 */
export async function startCountingPod(
  pool: pg.Pool,
  name: string,
  ...origins: readonly string[]
): Promise<CountingPod> {
  const log = pino({ level: "silent" });
  const counts = appCounts(Date.now);
  const ended = new AbortController();
  const stored = storeAppCounts({ pool, counts, pod: name, log, signal: ended.signal });
  const server = createApiServer({
    access: { required: false, find: async () => undefined },
    pointer: origins.length > 1 ? freshCache((id) => readPointer(pool, id)) : async (id) => ownVersion(id),
    checkDatabase: async () => {},
    originOf: ({ number }) => origins[number - 1] ?? "",
    predictPath: "/v1/models/model:predict",
    dispatcher: new Agent(),
    metrics: createMetrics({
      standings: async () => ({ rollouts: [], apps: [] }),
      minute: () => readLastMinute(pool, Date.now()),
    }),
    count: counts.count,
    log,
    maxBodyBytes: 1_000,
    timeoutMs: 3_000,
    stopping: () => false,
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    port: (server.address() as AddressInfo).port,
    end: async () => {
      server.closeAllConnections();
      server.close();
      await delay(20);
      ended.abort();
      await stored.end();
    },
  };
}

function ownVersion(id: string): Pointer {
  return {
    id,
    name: "mine",
    organizationId: "1",
    organization: "users",
    createdAt: 0,
    versioned: true,
    limits: {},
    isApp: true,
    serving: { versionId: id, model: "iris", number: 1, recorded: false, paths: [], maxTokens: 4096 },
  };
}
