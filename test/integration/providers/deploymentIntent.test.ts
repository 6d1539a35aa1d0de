import { once } from "node:events";
import { createServer } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lockDeployments } from "../../../src/adapters/postgres/deploymentLock.ts";
import { deploymentAsOf } from "../../../src/adapters/postgres/releases.ts";
import { clientConfig, urlOf, withClient } from "../../../src/adapters/postgres/server.ts";
import { platformDatabase, roles } from "../../../src/domain/platformDatabase.ts";
import { whenEngineEnds } from "../../../src/providers/engineEnd.ts";
import { closeAbandonedOnce } from "../../../src/services/api/deployments/abandoned.ts";
import { intentOf, serving } from "../../support/deploymentRecord.ts";
import { makePlatformTables, rolePassword } from "../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { type DynamicHost, startDynamicHost } from "./dynamicHost.ts";

/** Intents as the engine writes them, and as the API settles them, each with the rights of its own role. */

let postgres: TestPostgres;
let pool: pg.Pool;
beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  pool = new pg.Pool(clientConfig({ ...postgres.server, user: roles.api, password: rolePassword }, platformDatabase));
  // The server is stopped while connections of a pool that has ended still say goodbye.
  pool.on("error", () => {});
});

afterAll(async () => {
  await pool.end();
  await postgres.stop();
});

const startHost = () => startDynamicHost({ MENAGERIE_DATABASE_URL: urlOf(postgres.server, "postgres") });

async function inputsOf(environment: string, versions: Record<string, number>) {
  const intent = await withClient(postgres.server, platformDatabase, (client) =>
    intentOf(client, environment, versions),
  );
  return { environment, namespace: "models", tag: intent.tag, models: [], intent: JSON.stringify(intent) };
}

const settle = (versions: Record<string, number>) =>
  closeAbandonedOnce({ pool, observe: async () => serving(versions), log: { info: () => {}, warn: () => {} } });

describe("an intent", () => {
  let host: DynamicHost;

  it("is not settled while its up lives, and is within one look once that is gone", async () => {
    host = await startHost();
    const { outs } = await host.create("deploymentIntent", await inputsOf("test", { iris: 1 }));
    expect(outs.deploymentId).toMatch(/^\d+$/);
    expect(await settle({ iris: 1 })).toEqual([]);
    const second = await startHost();
    try {
      await expect(second.create("deploymentIntent", await inputsOf("test", { iris: 2 }))).rejects.toThrow(
        /another `up` of environment "test" is running \(deployment \d+, by /,
      );
    } finally {
      await second.stop();
    }
    await host.stop();
    await (await lockDeployments(postgres.server, "test")).release();
    expect(await settle({ iris: 1 })).toEqual(["test"]);
    const current = await withClient(postgres.server, platformDatabase, (client) => deploymentAsOf(client, "test"));
    expect(current).toMatchObject({ id: outs.deploymentId, outcome: "deployed", settledBy: "api" });
    expect(await settle({ iris: 1 })).toEqual([]);
    // The second one waits for ten seconds before it gives up.
  });

  it("is settled though the host outlives its engine, which was killed as soon as it was written", async () => {
    host = await startHost();
    const { outs } = await host.create("deploymentIntent", await inputsOf("killed", { iris: 1 }));
    await host.loseEngine();
    await (await lockDeployments(postgres.server, "killed")).release();
    expect(await settle({ iris: 1 })).toEqual(["killed"]);
    const settled = await withClient(postgres.server, platformDatabase, (client) => deploymentAsOf(client, "killed"));
    expect(settled).toMatchObject({ id: outs.deploymentId, settledBy: "api" });
    await host.stop();
  });

  it("is the same for the same inputs, and another row for others", async () => {
    host = await startHost();
    const inputs = await inputsOf("rows", { iris: 1 });
    expect((await host.diff("deploymentIntent", { ...inputs, deploymentId: "1" }, inputs)).changes).toBe(false);
    const other = await inputsOf("rows", { iris: 2 });
    expect(await host.diff("deploymentIntent", inputs, other)).toEqual({ changes: true, replaces: [] });
    await host.stop();
  });
});

describe("the engine's end", () => {
  it("is noticed by its address, also where it was gone before anybody looked", async () => {
    const engine = createServer().listen(0, "127.0.0.1");
    await once(engine, "listening");
    const address = engine.address();
    const port = typeof address === "object" && address ? address.port : 0;
    let ended = 0;
    const seen = once(engine, "connection");
    const gone = new Promise<void>((resolve) => {
      whenEngineEnds(() => {
        ended += 1;
        resolve();
      }, ["node", "provider", `127.0.0.1:${port}`]);
    });
    const goneBefore = new Promise<void>((resolve) => {
      whenEngineEnds(resolve, ["node", "provider", "127.0.0.1:1"]);
    });
    whenEngineEnds(() => {
      ended += 100;
    }, ["node", "a process of its own"]);
    // The watch keeps no process alive, so the test has to.
    const alive = setInterval(() => {}, 1_000);
    const [socket] = await seen;
    expect(ended).toBe(0);
    socket.destroy();
    engine.close();
    await gone;
    await goneBefore;
    clearInterval(alive);
    expect(ended).toBe(1);
  });
});
