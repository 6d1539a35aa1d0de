/** The console: `node src/services/console/main.ts`, with the environment variables of `settings.ts`. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { pino } from "pino";
import { readDeclaredShadows } from "../../adapters/files/declaredShadows.ts";
import { clusterReads } from "../../adapters/kubernetes/clusterReads.ts";
import { databaseRecordings } from "../../adapters/postgres/console/recordings.ts";
import { databaseSessions } from "../../adapters/postgres/console/sessions.ts";
import { maskedText } from "../../domain/credentials/maskedText.ts";
import { messageOf } from "../../domain/errors.ts";
import { consolePools } from "./pools.ts";
import { consoleReads } from "./reads.ts";
import { createConsoleServer } from "./server.ts";
import { readSettings } from "./settings.ts";

const log = pino({
  level: process.env.LOG_LEVEL ?? "info",
  base: { service: "console" },
  hooks: { streamWrite: maskedText },
});
process.on("uncaughtException", (error) => {
  log.fatal({ err: error }, messageOf(error));
  process.exit(1);
});

const settings = readSettings(process.env);
const config = new KubeConfig();
config.loadFromCluster();
const pools = consolePools(settings.database, (error) => log.warn({ err: error }, "a database connection broke"));
const cluster = clusterReads(config, settings.modelsNamespace);
/** A page is shown without them as well; the log says why. */
const told =
  <T>(read: () => Promise<T>) =>
  () =>
    read().catch((error: unknown) => {
      log.warn({ err: error }, `a page is not whole: ${messageOf(error)}`);
      throw error;
    });
const server = await createConsoleServer({
  environment: settings.environment,
  suffix: "",
  sessions: databaseSessions(pools.sessions),
  recordings: databaseRecordings(pools.sessions),
  reads: consoleReads(pools.reads, {
    served: told(cluster.served),
    pools: told(cluster.pools),
    shadows: told(() => readDeclaredShadows(settings.shadowsFile)),
  }),
  now: () => new Date(),
  log,
});
server.listen(settings.port, "0.0.0.0");
await once(server, "listening");
log.info({ port: (server.address() as AddressInfo).port }, "listening");

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop(signal));

async function stop(signal: string): Promise<void> {
  log.info({ signal }, "stopping");
  // Pages that are open are connections that never end by themselves.
  server.close();
  server.closeAllConnections();
  await pools.end();
  process.exit(0);
}
