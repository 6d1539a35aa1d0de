import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { DatabaseServer } from "../../src/adapters/postgres/server.ts";
import { withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase, roles } from "../../src/domain/platformDatabase.ts";
import { rolePassword } from "./platformTables.ts";

/** An API service's server in a process of its own. */
export interface LimitedPod {
  readonly url: string;
  /** As a node that loses power would. */
  kill(): Promise<void>;
  /** As Kubernetes would. */
  stop(): Promise<void>;
}

/** @param clockMs - by how much its clock is wrong */
export async function startLimitedPod(server: DatabaseServer, predictor: string, clockMs = 0): Promise<LimitedPod> {
  const own = { ...server, user: roles.api, password: rolePassword };
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "limitedApi.ts"), JSON.stringify({ server: own, predictor, clockMs })],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  process.once("exit", () => child.kill("SIGKILL"));
  const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const end = (signal: NodeJS.Signals) => async () => {
    if (hasEnded(child)) return;
    child.kill(signal);
    await once(child, "exit");
  };
  return { url: `http://127.0.0.1:${port}`, kill: end("SIGKILL"), stop: end("SIGTERM") };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

/**
 * Does `work` within one minute of the database's clock, as limits of a minute are counted: where it began too late in a minute, or the
 * machine was too slow, again in a later one. So it makes what it needs itself.
 *
 * @param seconds - that it usually takes
 */
export async function withinAMinute<T>(server: DatabaseServer, seconds: number, work: () => Promise<T>): Promise<T> {
  for (;;) {
    const minute = await minuteWith(server, seconds);
    const outcome = await work().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if ((await databaseTime(server)) >= minute + 60_000) continue;
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }
}

/** Waits until a minute of the database's clock has begun of which at least so many seconds are left, and answers when it began. */
async function minuteWith(server: DatabaseServer, seconds: number): Promise<number> {
  for (;;) {
    const time = await databaseTime(server);
    if (60_000 - (time % 60_000) >= seconds * 1000) return time - (time % 60_000);
    await delay(60_000 - (time % 60_000) + 20);
  }
}

async function databaseTime(server: DatabaseServer): Promise<number> {
  return withClient(server, platformDatabase, async (client) => {
    const { rows } = await client.query<{ time: string }>(
      "SELECT extract(epoch FROM clock_timestamp()) * 1000 AS time",
    );
    return Number(rows[0]?.time);
  });
}
