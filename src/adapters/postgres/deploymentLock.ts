import { setTimeout as delay } from "node:timers/promises";
import pg, { type ClientBase } from "pg";
import type { OperatorError } from "../../domain/errors.ts";
import { platformDatabase } from "../../domain/platformDatabase.ts";
import { refuse } from "./refusals.ts";
import { clientConfig, type DatabaseServer, DatabaseUnreachable } from "./server.ts";

/** Who deploys to an environment, for as long as its connection lives: a process that is killed lets go at once. */
export interface DeploymentLock {
  readonly client: pg.Client;
  /** Whether the connection broke, and the lock with it. */
  broken(): boolean;
  release(): Promise<void>;
}

/** A settler holds the lock for the time of one transaction. In milliseconds. */
const patience = 10_000;
const retryEvery = 250;

/**
 * Takes the lock of an environment's deployments, which one `up` at a time holds from its intent to its end. The
 * connection does not keep the process alive. It needs a session of its own: a pooler in transaction mode has none.
 * @throws OperatorError when another `up` holds it.
 */
export async function lockDeployments(server: DatabaseServer, environment: string): Promise<DeploymentLock> {
  const client = new pg.Client({ ...clientConfig(server, platformDatabase), keepAlive: true });
  let broken = false;
  client.on("error", () => {
    broken = true;
  });
  client.on("end", () => {
    broken = true;
  });
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    throw new DatabaseUnreachable(server, platformDatabase, error);
  }
  try {
    // So that the server notices within half a minute when this machine is gone without a word.
    await client.query("SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3");
    await client.query("SET idle_session_timeout = 0");
    const deadline = Date.now() + patience;
    while (!(await tryDeploymentLock(client, environment))) {
      if (Date.now() > deadline) throw await busy(client, environment);
      await delay(retryEvery);
    }
    // The types do not know it yet (pg 8.23).
    (client as pg.Client & { unref(): void }).unref();
    return { client, broken: () => broken, release: () => client.end().catch(() => {}) };
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

const key = "hashtextextended('menagerie.deployment:' || $1::text, 0)";

/** Takes the lock for this session if nobody has it. Sessions count: as often as taken it is to be let go. */
export async function tryDeploymentLock(client: ClientBase, environment: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(`SELECT pg_try_advisory_lock(${key}) AS locked`, [
    environment,
  ]);
  return rows[0]?.locked === true;
}

export async function unlockDeployments(client: ClientBase, environment: string): Promise<void> {
  await client.query(`SELECT pg_advisory_unlock(${key})`, [environment]);
}

async function busy(client: ClientBase, environment: string): Promise<OperatorError> {
  const { rows } = await client.query<{ id: string; requested_by: string; began_at: Date; open: boolean }>(
    `SELECT d.id, d.requested_by, d.began_at, o.deployment_id IS NULL AS open
       FROM menagerie.deployment d LEFT JOIN menagerie.deployment_outcome o ON o.deployment_id = d.id
      WHERE d.environment = $1 ORDER BY d.id DESC LIMIT 1`,
    [environment],
  );
  const [last] = rows;
  const who = last?.open
    ? ` (deployment ${last.id}, by ${last.requested_by}, since ${last.began_at.toISOString()})`
    : "";
  return refuse("deployment.under-way", { environment, who });
}
