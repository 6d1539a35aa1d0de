/**
 * An `up` of its own process, for tests that end it: takes the lock, writes the intent, writes what it serves into a file as a
 * cluster would, closes the intent. It ends itself, or its connection, before the database command that `STOP_AT` counts.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { env } from "node:process";
import { lockDeployments } from "../../../../src/adapters/postgres/deploymentLock.ts";
import { closeDeployment, openDeployment } from "../../../../src/adapters/postgres/deployments.ts";
import { serverFromUrl, withClient } from "../../../../src/adapters/postgres/server.ts";
import type { DeployedModel } from "../../../../src/domain/release/observed.ts";
import { intentOf, run, serving } from "../../../support/deploymentRecord.ts";

const server = serverFromUrl(env.DATABASE_URL ?? "", "DATABASE_URL");
const [environment, cluster, stopAt] = [env.ENVIRONMENT ?? "", env.CLUSTER ?? "", Number(env.STOP_AT)];
const versions = JSON.parse(env.VERSIONS ?? "{}") as Record<string, number>;
const observe = async (): Promise<DeployedModel[]> => serving(JSON.parse(readFileSync(cluster, "utf8")));

// The lock's connection keeps no process alive; in the engine's provider host its server does.
const alive = setInterval(() => {}, 1_000);
const lock = await lockDeployments(server, environment);
const { client } = lock;
const intent = await intentOf(client, environment, versions);
const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
let count = 0;
/** Every step counts: database commands, and each model that begins to be served. */
async function step(): Promise<void> {
  count += 1;
  if (count !== stopAt) return;
  if (env.HOW === "kill") process.kill(process.pid, "SIGKILL");
  const pid = (client as unknown as { processID: number }).processID;
  await withClient(server, "postgres", (other) => other.query("SELECT pg_terminate_backend($1)", [pid]));
}
client.query = (async (...args: unknown[]) => {
  await step();
  return query(...args);
}) as typeof client.query;

const id = await openDeployment(client, intent, run, observe);
const served = JSON.parse(readFileSync(cluster, "utf8")) as Record<string, number>;
const serves: number[] = [];
for (const [name, version] of Object.entries(versions)) {
  await step();
  serves.push(count);
  served[name] = version;
  writeFileSync(cluster, JSON.stringify(served));
}
await closeDeployment(client, environment, id, observe);
await lock.release();
clearInterval(alive);
process.stdout.write(JSON.stringify({ steps: count, serves }));
