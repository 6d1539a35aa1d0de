import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { clientConfig } from "../../../../../src/adapters/postgres/server.ts";
import { ageTraffic, kept } from "../../../../../src/adapters/postgres/traffic/age.ts";
import { readLastMinute } from "../../../../../src/adapters/postgres/traffic/lastMinute.ts";
import { readTraffic } from "../../../../../src/adapters/postgres/traffic/readTraffic.ts";
import { beginSource, endOtherSources, endSource } from "../../../../../src/adapters/postgres/traffic/sources.ts";
import { storeBatch, type TrafficBatch } from "../../../../../src/adapters/postgres/traffic/storeBatch.ts";
import { platformDatabase, roles } from "../../../../../src/domain/platformDatabase.ts";
import { bucketOf, emptyLatency } from "../../../../../src/domain/traffic/latency.ts";
import type { Outcome, TrafficPath } from "../../../../../src/domain/traffic/outcome.ts";
import { summarize } from "../../../../../src/domain/traffic/traffic.ts";
import { makePlatformTables, rolePassword } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";

/** Counts of requests on a real PostgreSQL, with the rights of the API service and of readers. */

let postgres: TestPostgres;
const pools: pg.Pool[] = [];
let api: pg.Pool;
let reader: pg.Pool;

/** A whole hour, so that minutes and hours begin where seconds do. */
const t = 1_700_002_800;

const poolOf = (user: string, password = rolePassword): pg.Pool => {
  const pool = new pg.Pool(clientConfig({ ...postgres.server, user, password }, platformDatabase));
  pool.on("error", () => {});
  pools.push(pool);
  return pool;
};

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  api = poolOf(roles.api);
  reader = poolOf(roles.reader);
});

afterAll(async () => {
  for (const pool of pools) await pool.end();
  await postgres.stop();
});

beforeEach(async () => {
  await api.query("DELETE FROM menagerie.traffic_count");
  await api.query("DELETE FROM menagerie.traffic_source");
});

/** A batch of `count` requests in each of its seconds. */
function batch(since: number, until: number, count = 0, outcome: Outcome = "2xx", versionId = "1"): TrafficBatch {
  const seconds = Array.from({ length: until - since }, (_, place) => since + place);
  const counts = count === 0 ? [] : seconds.map((second) => ({ versionId, second, outcome, count }));
  return { observed: { since, until }, tellsEnds: true, counts, timed: [] };
}

async function read(from: number, to: number, path: TrafficPath = "app", version = "1") {
  const traffic = await readTraffic(reader, { version, from: new Date(from * 1000), to: new Date(to * 1000) });
  return traffic[path];
}

const missing = async (from: number, to: number, path?: TrafficPath) => (await read(from, to, path)).coverage.missing;
const begin = (name: string, since = t, path: TrafficPath = "app", run = "1") =>
  beginSource(api, { path, name, run }, since);

describe("what sources store", () => {
  it("is added up, by second and outcome, and a second without a row had no request", async () => {
    const [one, two] = [await begin("api-1"), await begin("api-2")];
    await storeBatch(api, one, batch(t, t + 2, 3));
    await storeBatch(api, one, batch(t + 2, t + 4, 1, "unavailable"));
    await storeBatch(api, two, batch(t, t + 5, 2));
    const traffic = await read(t, t + 4);
    expect(traffic.counts).toEqual([
      { since: t, seconds: 1, outcome: "2xx", count: 5 },
      { since: t + 1, seconds: 1, outcome: "2xx", count: 5 },
      { since: t + 2, seconds: 1, outcome: "2xx", count: 2 },
      { since: t + 2, seconds: 1, outcome: "unavailable", count: 1 },
      { since: t + 3, seconds: 1, outcome: "2xx", count: 2 },
      { since: t + 3, seconds: 1, outcome: "unavailable", count: 1 },
    ]);
    expect(traffic.coverage.missing).toEqual([]);
    expect(summarize(traffic)).toMatchObject({ requests: 16, errors: 2, perSecond: 4, errorShare: 2 / 16 });
    expect(summarize(await read(t, t + 4, "app", "2"))).toMatchObject({ requests: 0, perSecond: 0, knownSeconds: 4 });
  });

  it("is stored once, also when a batch is sent again because its answer was lost", async () => {
    const one = await begin("api-1");
    expect(await storeBatch(api, one, batch(t, t + 3, 4))).toBe(true);
    expect(await storeBatch(api, one, batch(t, t + 3, 4))).toBe(false);
    expect(await storeBatch(api, one, batch(t + 3, t + 6, 4))).toBe(true);
    expect(await storeBatch(api, one, batch(t + 3, t + 6, 4))).toBe(false);
    expect(await storeBatch(api, one, batch(t + 2, t + 8, 4))).toBe(false);
    expect(summarize(await read(t, t + 6))).toMatchObject({ requests: 24, knownSeconds: 6 });
  });

  it("is stored by many at the same time without one waiting for ever", async () => {
    const sources = await Promise.all(["a", "b", "c", "d", "e", "f"].map((name) => begin(name)));
    for (let second = t; second < t + 20; second += 1) {
      await Promise.all(
        sources.map((source) => {
          const versions = Array.from({ length: 50 }, (_, place) => String(place + 1));
          if (Number(source) % 2) versions.reverse();
          const counts = versions.map((versionId) => ({ versionId, second, outcome: "2xx" as const, count: 1 }));
          return storeBatch(api, source, { ...batch(second, second + 1), counts });
        }),
      );
    }
    for (const version of ["1", "25", "50"])
      expect(summarize(await read(t, t + 20, "app", version))).toMatchObject({ requests: 120, knownSeconds: 20 });
  });

  it("keeps durations apart from counts", async () => {
    const one = await begin("api-1");
    const latency = (...milliseconds: number[]) => {
      const buckets = emptyLatency();
      for (const each of milliseconds) buckets[bucketOf(each)] = (buckets[bucketOf(each)] ?? 0) + 1;
      return buckets;
    };
    const timed = (second: number, ...milliseconds: number[]) => ({
      versionId: "1",
      second,
      latency: latency(...milliseconds),
    });
    await storeBatch(api, one, { ...batch(t, t + 1, 2), timed: [timed(t, 3, 80)] });
    const two = await begin("api-2");
    await storeBatch(api, two, { ...batch(t, t + 1, 1), timed: [timed(t, 90)] });
    const traffic = await read(t, t + 1);
    expect(traffic.latency).toEqual(latency(3, 80, 90));
    expect(traffic.counts).toEqual([{ since: t, seconds: 1, outcome: "2xx", count: 3 }]);
  });
});

describe("a second is missing, never zero,", () => {
  it("while nobody counts, and on the path that nobody counts", async () => {
    await storeBatch(api, await begin("api-1", t + 10), batch(t + 10, t + 20, 1));
    expect(await missing(t, t + 25)).toEqual([
      { since: t, until: t + 10 },
      { since: t + 20, until: t + 25 },
    ]);
    expect(await missing(t, t + 25, "route")).toEqual([{ since: t, until: t + 25 }]);
  });

  it("at the gateway for a version that it cannot tell, whatever it counted of others", async () => {
    // The first one made is version 1, which the other tests ask for at the gateway.
    const admin = poolOf(postgres.server.user, postgres.server.password);
    const { rows } = await admin.query<{ knative: string; standard: string; watched: string }>(
      `WITH model AS (
         INSERT INTO menagerie.model (name, organization_id) SELECT 'sleeper', min(id) FROM menagerie.organization RETURNING id
       ), version AS (
         INSERT INTO menagerie.model_version (model_id, number, truss_hash, serving, is_development)
         SELECT id, number, repeat(number::text, 64), serving::jsonb, development FROM model,
           (VALUES (1, '{"mode": "Standard"}', false), (2, '{"mode": "Knative"}', false), (3, NULL, true))
             AS v (number, serving, development) RETURNING id::text, number
       ) SELECT max(id) FILTER (WHERE number = 2) AS knative, max(id) FILTER (WHERE number = 1) AS standard,
                max(id) FILTER (WHERE number = 3) AS watched FROM version`,
    );
    const [made] = rows;
    if (!made) throw new Error("no versions were made");
    await storeBatch(api, await begin("gateway", t, "route"), batch(t, t + 60));
    await storeBatch(api, await begin("api-1"), batch(t, t + 60, 1, "2xx", made.knative));
    for (const version of [made.knative, made.watched]) {
      const { coverage, counts } = await read(t, t + 60, "route", version);
      expect({ missing: coverage.missing, counts }).toEqual({ missing: [{ since: t, until: t + 60 }], counts: [] });
    }
    expect(summarize(await read(t, t + 60, "route", made.standard))).toMatchObject({ perSecond: 0, knownSeconds: 60 });
    expect(summarize(await read(t, t + 60, "app", made.knative))).toMatchObject({ perSecond: 1, knownSeconds: 60 });
    const last = await readLastMinute(reader, (t + 64) * 1000);
    expect([...last.unknownToGateway].sort()).toEqual([made.knative, made.watched].sort());
    expect(last.versions.map(({ versionId, route }) => [versionId, route.perSecond])).toEqual([
      [made.knative, undefined],
    ]);
  });

  it("as left or broken, where one of those who counted cannot tell these", async () => {
    const [one, two] = [await begin("gateway-1", t, "route"), await begin("gateway-2", t, "route")];
    await storeBatch(api, one, batch(t, t + 30, 1, "client_gone"));
    await storeBatch(api, two, batch(t, t + 10, 1));
    expect(await storeBatch(api, two, { ...batch(t + 10, t + 20, 1), tellsEnds: false })).toBe(true);
    // The batch whose answer was lost changes nothing here either.
    expect(await storeBatch(api, two, { ...batch(t + 10, t + 20, 1), tellsEnds: false })).toBe(false);
    expect(await storeBatch(api, two, batch(t + 20, t + 30, 1))).toBe(true);
    const { coverage, ends, counts } = await read(t, t + 30, "route");
    expect(coverage.missing).toEqual([]);
    expect(ends.missing).toEqual([{ since: t + 10, until: t + 20 }]);
    expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(60);
    const { paths } = await readLastMinute(reader, (t + 34) * 1000);
    expect(paths.route).toMatchObject({ knownSeconds: 30, endsKnownSeconds: 20 });
  });

  it("where one of two was killed, until it is known that it is gone", async () => {
    const [one, two] = [await begin("api-1"), await begin("api-2")];
    await storeBatch(api, one, batch(t, t + 30, 1));
    await storeBatch(api, two, batch(t, t + 10, 1));
    expect(await missing(t, t + 30)).toEqual([{ since: t + 10, until: t + 30 }]);
    expect(await endOtherSources(api, "app", ["api-1"], t + 17)).toEqual(["api-2"]);
    expect(await missing(t, t + 30)).toEqual([{ since: t + 10, until: t + 17 }]);
  });

  it("between a process's last counts and the start of the next one in its pod", async () => {
    await storeBatch(api, await begin("api-1"), batch(t, t + 10, 1));
    const next = await begin("api-1", t + 14, "app", "2");
    await storeBatch(api, next, batch(t + 14, t + 30, 1));
    expect(await missing(t, t + 30)).toEqual([{ since: t + 10, until: t + 14 }]);
  });

  it("where a source begins again, and what it stores late is known from then on", async () => {
    const one = await begin("gateway", t, "route");
    await storeBatch(api, one, batch(t, t + 5, 1));
    await storeBatch(api, one, batch(t + 8, t + 12, 1));
    expect(await missing(t, t + 12, "route")).toEqual([{ since: t + 5, until: t + 8 }]);
    const late = await begin("api-1");
    await storeBatch(api, late, batch(t, t + 2, 1));
    await endSource(api, late, t + 4);
    expect(await storeBatch(api, late, batch(t + 2, t + 12, 1))).toBe(true);
    expect(await missing(t, t + 12)).toEqual([]);
    expect(summarize(await read(t, t + 12))).toMatchObject({ requests: 12 });
  });

  it("and a process that ended in order leaves nothing missing", async () => {
    const one = await begin("api-1");
    await storeBatch(api, one, batch(t, t + 10, 1));
    await endSource(api, one, t + 10);
    await storeBatch(api, await begin("api-2", t + 9), batch(t + 9, t + 20, 1));
    expect(await missing(t, t + 20)).toEqual([]);
  });
});

describe("age", () => {
  it("makes minutes of seconds and hours of minutes, without losing a request or a duration", async () => {
    const one = await begin("api-1");
    const timed = [t, t + 59, t + 60].map((second) => ({
      versionId: "1",
      second,
      latency: emptyLatency().map((_, place) => place),
    }));
    await storeBatch(api, one, { ...batch(t, t + 120, 2), timed });
    await ageTraffic(api, t + kept.seconds + 60);
    expect((await read(t, t + 120)).counts).toEqual([
      { since: t, seconds: 60, outcome: "2xx", count: 120 },
      ...Array.from({ length: 60 }, (_, place) => ({ since: t + 60 + place, seconds: 1, outcome: "2xx", count: 2 })),
    ]);
    const before = await read(t, t + 120);
    await ageTraffic(api, t + kept.minutes + 3600);
    const after = await read(t, t + 120);
    expect(after.counts).toEqual([{ since: t, seconds: 3600, outcome: "2xx", count: 240 }]);
    expect(after.latency).toEqual(before.latency);
    expect(after.latency).toEqual(emptyLatency().map((_, place) => 3 * place));
    await endSource(api, one, t + 120);
    await ageTraffic(api, t + kept.hours + 7200);
    expect((await api.query("SELECT FROM menagerie.traffic_count")).rowCount).toBe(0);
    expect((await api.query("SELECT FROM menagerie.traffic_source")).rowCount).toBe(0);
  });

  it("adds what was stored late to the minute that it belongs to", async () => {
    const one = await begin("api-1");
    await storeBatch(api, one, batch(t, t + 30, 1));
    await ageTraffic(api, t + kept.seconds + 60);
    await storeBatch(api, one, batch(t + 30, t + 60, 1));
    await ageTraffic(api, t + kept.seconds + 60);
    expect((await read(t, t + 60)).counts).toEqual([{ since: t, seconds: 60, outcome: "2xx", count: 60 }]);
  });
});

it("readers change nothing, and the API service changes no more than counts", async () => {
  const one = await begin("api-1");
  await storeBatch(api, one, batch(t, t + 1, 1));
  for (const sql of [
    "INSERT INTO menagerie.traffic_count VALUES (1, 'app', now(), 1, '2xx', 1)",
    "UPDATE menagerie.traffic_count SET count = 2",
    "DELETE FROM menagerie.traffic_observed",
    "UPDATE menagerie.traffic_source SET ended_at = now()",
  ])
    await expect(reader.query(sql), sql).rejects.toThrow("permission denied");
  for (const sql of [
    "UPDATE menagerie.traffic_count SET version_id = 2",
    "UPDATE menagerie.traffic_observed SET since = now()",
    "UPDATE menagerie.traffic_source SET name = 'other'",
    "TRUNCATE menagerie.traffic_count",
  ])
    await expect(api.query(sql), sql).rejects.toThrow("permission denied");
});
