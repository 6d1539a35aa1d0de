import type { ClientBase, Pool } from "pg";
import { readActivity } from "../../adapters/postgres/activity.ts";
import { listApps } from "../../adapters/postgres/apps.ts";
import { readMark, readShownStandings } from "../../adapters/postgres/console/reads.ts";
import { listOrganizationLimits } from "../../adapters/postgres/limits/databaseLimits.ts";
import { readUsage } from "../../adapters/postgres/limits/readUsage.ts";
import { listDeployments } from "../../adapters/postgres/releases.ts";
import { readLastMinute } from "../../adapters/postgres/traffic/lastMinute.ts";
import type { ClusterReads, ConsoleReads } from "../../domain/console/ports.ts";
import { freshCache } from "../api/freshCache.ts";

/** Every page that is open asks for these again and again, and gets them from one question. Milliseconds. */
const sharedFor = 1_000;

/** What pages are made from, read by the functions that commands use. */
export function consoleReads(pool: Pool, cluster: ClusterReads): ConsoleReads {
  const withClient = async <T>(work: (client: ClientBase) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      return await work(client);
    } catch (error) {
      broken = error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      client.release(broken);
    }
  };
  const minute = freshCache(() => readLastMinute(pool, Date.now()), { freshFor: sharedFor });
  const served = freshCache(() => cluster.served(), { freshFor: sharedFor });
  const pools = freshCache(() => cluster.pools(), { freshFor: sharedFor });
  return {
    standings: (name) => withClient((client) => readShownStandings(client, name)),
    minute: () => minute(""),
    served: () => served(""),
    pools: () => pools(""),
    activity: (question) => readActivity(pool, question),
    apps: (question) => listApps(pool, question),
    usage: (question) => readUsage(pool, question),
    limits: () => listOrganizationLimits(pool),
    releases: (limit) => withClient((client) => listDeployments(client, { limit })),
    mark: () => readMark(pool),
  };
}
