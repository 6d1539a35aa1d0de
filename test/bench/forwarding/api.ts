/**
 * `api.ts HOST:PORT`: the API service's server before the predictor there, with one app and no database. Prints its port. Imports the
 * server of the working directory, which may be another checkout.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pino } from "pino";
import { Agent } from "undici";
import type { createMetrics as metricsOf } from "../../../src/services/api/metrics.ts";
import type { createApiServer as serverOf } from "../../../src/services/api/server.ts";
import { appCounts } from "../../../src/services/api/traffic/appCounts.ts";

const folder = join(process.cwd(), "src/services/api");
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
const noDatabase = async (): Promise<never> => {
  throw new Error("there is no database");
};
const server = createApiServer({
  access: { required: false, find: async () => undefined },
  pointer: async () => pointer,
  checkDatabase: async () => {},
  originOf: () => `http://${process.argv[2]}`,
  predictPath: "/v1/models/model:predict",
  dispatcher: new Agent({ connectTimeout: 3_000, keepAliveTimeout: 4_000, connections: 256 }),
  metrics: createMetrics({ standings: noDatabase, minute: noDatabase }),
  count: appCounts(Date.now).count,
  log: pino({ level: "info" }, pino.destination("/dev/null")),
  maxBodyBytes: 10 * 1024 ** 2,
  timeoutMs: 60_000,
  stopping: () => false,
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
