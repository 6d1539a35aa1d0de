import type { ClientBase } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../../../src/adapters/postgres/apps.ts";
import { registerVersion } from "../../../../../src/adapters/postgres/modelVersions.ts";
import { ensurePredictionTables } from "../../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { beginSource } from "../../../../../src/adapters/postgres/traffic/sources.ts";
import { storeBatch } from "../../../../../src/adapters/postgres/traffic/storeBatch.ts";
import { actAs } from "../../../../../src/adapters/postgres/transaction.ts";
import { impactedByRelease, impactedByRollout, readImpact } from "../../../../../src/adapters/postgres/zoo/impact.ts";
import { runMigration } from "../../../../../src/adapters/postgres/zoo/migration/run.ts";
import { movingTarget } from "../../../../../src/adapters/postgres/zoo/migration/target.ts";
import { recordPhase } from "../../../../../src/adapters/postgres/zoo/rollouts.ts";
import { setTraffic } from "../../../../../src/adapters/postgres/zoo/traffic.ts";
import { platformDatabase, roles } from "../../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import { recordedAs } from "../../../../../src/domain/recording/recordedAs.ts";
import { describeImpact, impactHeadline } from "../../../../../src/domain/zoo/impact.ts";
import { impactPage } from "../../../../../src/domain/zoo/impactPage.ts";
import { deploy } from "../../../../support/deploymentRecord.ts";
import { irisServing } from "../../../../support/irisServing.ts";
import { makePlatformTables } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { storePredictions } from "../../../../support/predictions.ts";

/** What a rollout did, on a real PostgreSQL with the rights of readers. */

const [oldHash, newHash] = ["hash of iris 1", "hash of iris 2"];

let postgres: TestPostgres;
let old: string;
let fresh: string;
let tag: string;
let apps: readonly string[];
let requestAt: Date;

const as = <T>(role: string | undefined, work: (client: ClientBase) => Promise<T>): Promise<T> =>
  withClient(postgres.server, platformDatabase, async (client) => {
    if (role !== undefined) await actAs(client, role);
    return work(client);
  });
const reader = <T>(work: (client: ClientBase) => Promise<T>): Promise<T> => as(roles.reader, work);

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  const register = (model: string, number: number, hash: string, current: boolean) =>
    as(roles.deployer, (client) =>
      registerVersion(client, {
        model,
        organization: "admin",
        number,
        hash,
        current,
        url: "registry/m",
        serving: irisServing,
        digest: `sha256:${"d".repeat(64)}`,
      }),
    );
  const phase = (name: "copy" | "version") =>
    as(roles.deployer, (client) =>
      recordPhase(client, {
        model: "iris",
        organization: "admin",
        from: old,
        hash: newHash,
        bakeSeconds: 0,
        phase: name,
        gates: [],
      }),
    );
  const app = (owner: string, zooModel = "iris") =>
    as(roles.operator, (client) => createApp(client, { zooModel, owner }));
  old = await register("iris", 1, oldHash, true);
  const moved = [await app("ada@one.example"), await app("bob@two.example"), await app("cy@three.example")];
  await register("iris_copy", 1, newHash, false);
  await phase("copy");
  fresh = await register("iris", 2, newHash, false);
  await phase("version");
  tag = await as(roles.deployer, (client) => deploy(client, "local", { iris: 2 }));
  const weigh = (weight: number, expected: number | undefined) =>
    as(roles.deployer, (client) => setTraffic(client, { model: "iris", weight, expected, by: "up" }));
  await weigh(1, undefined);
  await weigh(10, 1);
  await register("iris", 2, newHash, true);
  const born = await app("dee@one.example");
  const connection = { server: postgres.server };
  const migration = { name: "iris", from: old, to: fresh } as const;
  for (const direction of ["forward", "reverted"] as const) {
    await movingTarget(connection, (client, target) =>
      runMigration(client, target, { ...migration, direction }, { progress: silent }),
    );
  }
  apps = [...moved, born].map(({ id }) => id);
  const now = Math.floor(Date.now() / 1000);
  await as(roles.api, async (client) => {
    const source = await beginSource(client, { path: "route", name: "gateway", run: "1" }, now - 60);
    const count = (versionId: string, second: number, outcome: "2xx" | "5xx", requests: number) => ({
      versionId,
      second,
      outcome,
      count: requests,
    });
    const counts = [count(fresh, now, "2xx", 90), count(fresh, now + 1, "5xx", 10), count(old, now, "2xx", 500)];
    await storeBatch(client, source, {
      observed: { since: now - 60, until: now + 2 },
      tellsEnds: true,
      counts,
      timed: [],
    });
  });
  requestAt = new Date();
  await as(undefined, async (client) => {
    await ensurePredictionTables(client, "recorded_iris", { readers: [roles.reader] });
    const said = (id: string, attempt: number, hash: string, answer: number) => ({
      id,
      attempt,
      at: requestAt,
      response: { answer },
      version: recordedAs("iris", hash, irisServing.env),
    });
    await storePredictions(client, "recorded_iris", [
      ...[said("same", 1, newHash, 1), said("same", 2, oldHash, 1)],
      ...[said("other", 1, oldHash, 1), said("other", 2, newHash, 2)],
      said("alone", 1, newHash, 3),
    ]);
  });
});

afterAll(() => postgres.stop());

const impactOf = (
  subject: string,
  find: (client: ClientBase) => Promise<Awaited<ReturnType<typeof impactedByRollout>>>,
) =>
  reader(async (client) => {
    const found = await find(client);
    if (!found) throw new Error("nothing was found");
    return { subject, versions: [await readImpact(client, found, new Date(Date.now() + 60_000))] };
  });

describe("the impact of a rollout", () => {
  it("has its requests, apps and organizations, its shares of the route, and the answers that differ", async () => {
    const impact = await impactOf("the rollout of iris", (client) => impactedByRollout(client, "iris"));
    const [version] = impact.versions;
    expect(version).toMatchObject({
      model: "iris",
      versionId: fresh,
      number: 2,
      window: { until: null },
      requests: { route: { requests: 100, errors: 10 }, app: { requests: 0, first: null } },
      weights: [{ weight: 1, by: "up" }, { weight: 10 }],
      compared: {
        pairs: 2,
        mismatches: 1,
        outliers: [{ requestId: "other", differences: [{ at: "answer", primary: 1, shadow: 2 }] }],
      },
    });
    const { first, last } = version?.requests.route ?? {};
    expect((last?.getTime() ?? 0) - (first?.getTime() ?? 0)).toBe(2_000);
    expect(new Set(version?.apps.map(({ id }) => id))).toEqual(new Set(apps));
    const [moved, made] = [
      version?.apps.filter(({ until }) => until !== null),
      version?.apps.filter(({ until }) => until === null),
    ];
    expect([moved?.length, made?.map(({ id }) => id)]).toEqual([3, [apps[3]]]);
    expect(impactHeadline(impact)).toMatch(
      /^the rollout of iris answered 100 requests between \S+Z and \S+Z, 10 of which failed, and 4 apps of \d organizations\.$/,
    );
    expect(describeImpact(impact)).toMatch(/ {4}other {2}\S+Z {2}answer: 1 → 2/);
    expect(impactPage(impact, new Date(0))).toContain("<h1>the rollout of iris answered 100 requests");
  });

  it("of a release is that of each version while it was current", async () => {
    const found = await reader((client) => impactedByRelease(client, "local", tag));
    expect(found).toMatchObject([{ model: "iris", versionId: fresh, other: { id: old }, window: { until: null } }]);
    expect(await reader((client) => impactedByRelease(client, "local", "v9.9.9"))).toEqual([]);
  });

  it("of a model that never had a rollout is nothing", async () => {
    expect(await reader((client) => impactedByRollout(client, "tulip"))).toBeUndefined();
  });
});
