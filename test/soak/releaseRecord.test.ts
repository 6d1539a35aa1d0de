import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { deploymentAsOf, listAttempts, listDeployments } from "../../src/adapters/postgres/releases.ts";
import { clientConfig, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase, roles } from "../../src/domain/platformDatabase.ts";
import type { DeployedModel } from "../../src/domain/release/observed.ts";
import { drift } from "../../src/domain/release/outcome.ts";
import { closeAbandonedOnce } from "../../src/services/api/deployments/abandoned.ts";
import { type StackOfDatabase, stackName, startStackOfDatabase } from "../support/databaseStack/stack.ts";
import { serving } from "../support/deploymentRecord.ts";
import { makePlatformTables } from "../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";

/** The record as the real engine writes it: attempts that fail, are tried again, and are killed. */

let postgres: TestPostgres;
let stack: StackOfDatabase;
/** The toolchain, where it is not there yet. */
const startWithin = 1_800_000;
const upWithin = 300_000;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  stack = await startStackOfDatabase(postgres.server);
}, startWithin);

afterAll(async () => {
  await stack.stop();
  await postgres.stop();
});

afterEach(() => stack.answers.clear());

const up = (versions: Record<string, number>) => stack.run(["up", "--yes", "--skip-preview"], { versions });

/** Attempts in their order: what each intended, and how it ended. */
function attempts(): Promise<string[]> {
  return withClient(postgres.server, platformDatabase, async (client) => {
    const services = (models: readonly DeployedModel[]): string =>
      models
        .map(({ service }) => service)
        .sort()
        .join(" ");
    const all = (await listAttempts(client, { environment: stackName })).reverse();
    const ranges = new Map((await listDeployments(client)).map((range) => [range.id, services(range.models)]));
    return all.map(({ id, intended, outcome }) => `${services(intended)}: ${outcome} ${ranges.get(id) ?? ""}`.trim());
  });
}

/** The API service's look at what was left open. It may itself not read what only the owner may. */
async function settleAsApi(): Promise<void> {
  const pool = new pg.Pool(clientConfig(postgres.server, platformDatabase));
  pool.on("connect", (client) => void client.query(`SET ROLE ${roles.api}`));
  const observe = async () => serving(Object.fromEntries(stack.served));
  try {
    await expect
      // Until the engine's plugins have ended, which hold the intent's lock.
      .poll(() => closeAbandonedOnce({ pool, observe, log: { info: () => {}, warn: () => {} } }), { timeout: 60_000 })
      .toEqual([stackName]);
  } finally {
    await pool.end();
  }
}

describe("the record of deployments", () => {
  it("holds an attempt that failed, its retry that was killed half-way, and the one that came to the end", {
    timeout: upWithin,
  }, async () => {
    const first = await up({ iris: 1, greeter: 1 });
    expect(first.code, first.said).toBe(0);
    expect(await attempts()).toEqual(["greeter-v1 iris-v1: deployed greeter-v1 iris-v1"]);

    stack.answers.set("iris", "refuses").set("greeter", "refuses");
    expect((await up({ iris: 2, greeter: 2 })).code).not.toBe(0);
    await settleAsApi();
    expect((await attempts()).slice(1)).toEqual(["greeter-v2 iris-v2: unchanged"]);

    // The retry has the same inputs. One model is moved, then the engine is killed.
    stack.answers.set("iris", "serves and never answers").set("greeter", "never answers");
    await stack.killedUp({ versions: { iris: 2, greeter: 2 } }, "iris");
    expect(Object.fromEntries(stack.served)).toEqual({ iris: 2, greeter: 1 });
    await settleAsApi();
    expect((await attempts()).slice(2)).toEqual(["greeter-v2 iris-v2: mixed greeter-v1 iris-v2"]);

    stack.answers.clear();
    const preview = await stack.run(["preview", "--diff"], { versions: { iris: 2, greeter: 2 } });
    expect(preview.said).toContain("the last `up` did not come to its end, so this one is a new attempt");
    const last = await up({ iris: 2, greeter: 2 });
    expect(last.code, last.said).toBe(0);
    expect((await attempts()).slice(3)).toEqual(["greeter-v2 iris-v2: deployed greeter-v2 iris-v2"]);
  });

  it("is left alone where nothing changes: a preview shows nothing of it", {
    timeout: upWithin,
  }, async () => {
    const before = await attempts();
    const preview = await stack.run(["preview", "--expect-no-changes"], { versions: { iris: 2, greeter: 2 } });
    expect(preview.code, preview.said).toBe(0);
    expect(await attempts()).toEqual(before);
  });

  const iris = `urn:pulumi:${stackName}::menagerie::pulumi-nodejs:dynamic/menagerie:Served::iris`;
  const greeter = iris.replace(/iris$/, "greeter");

  it.each([
    { version: 3, options: ["--target", iris] },
    // The record's end depends on it.
    { version: 4, options: ["--target", iris, "--target-dependents"] },
    { version: 5, options: ["--exclude", greeter] },
  ])(
    "is not written by an up with $options: what is served differs from it until the next whole up",
    {
      timeout: upWithin,
    },
    async ({ version, options }) => {
      const before = await attempts();
      const versions = { iris: version, greeter: version };
      const targeted = await stack.run(["up", "--yes", "--skip-preview", ...options], { versions });
      expect(targeted.code, targeted.said).toBe(0);
      expect(stack.served.get("iris")).toBe(version);
      expect(stack.served.get("greeter")).toBe(version - 1);
      expect(await attempts()).toEqual(before);
      expect(await driftOfRecord()).toEqual([`iris: v${version} instead of v${version - 1}`]);
      expect((await up(versions)).code).toBe(0);
      const deployed = `greeter-v${version} iris-v${version}`;
      expect((await attempts()).slice(before.length)).toEqual([`${deployed}: deployed ${deployed}`]);
      expect(await driftOfRecord()).toEqual([]);
    },
  );
});

/** As `menagerie releases` compares the record with the cluster. */
async function driftOfRecord(): Promise<string[]> {
  const current = await withClient(postgres.server, platformDatabase, (client) => deploymentAsOf(client, stackName));
  return drift(current?.models ?? [], serving(Object.fromEntries(stack.served)));
}
