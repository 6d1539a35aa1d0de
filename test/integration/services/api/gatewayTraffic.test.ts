import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { registerVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { clientConfig, withClient } from "../../../../src/adapters/postgres/server.ts";
import { readTraffic } from "../../../../src/adapters/postgres/traffic/readTraffic.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { type PathTraffic, summarize } from "../../../../src/domain/traffic/traffic.ts";
import { proxyStatsMatcher } from "../../../../src/local/mesh/statistics.ts";
import { collectGateways } from "../../../../src/services/api/traffic/collectGateways.ts";
import { readerOfUrl } from "../../../../src/services/api/traffic/gatewayReaders.ts";
import { type CountedEnvoy, services, startCountedEnvoy } from "../../../support/gateway/countedEnvoy.ts";
import { makePlatformTables, rolePassword } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

/** What a real Envoy answered, request by request, in a real database. */

let postgres: TestPostgres;
let pool: pg.Pool;
let envoy: CountedEnvoy;
/** Ids of the versions 1, 2 and 3. */
let ids: string[];
const collecting: (() => Promise<void>)[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  pool = new pg.Pool(clientConfig({ ...postgres.server, user: roles.api, password: rolePassword }, platformDatabase));
  pool.on("error", () => {});
  ids = await withClient(postgres.server, platformDatabase, async (client) => {
    const made: string[] = [];
    for (const number of [1, 2, 3]) {
      const digest = `sha256:${String(number).repeat(64)}`;
      const hash = `h${number}`;
      await registerVersion(client, {
        model: "iris",
        organization: "admin",
        number,
        hash,
        digest,
        current: number === 1,
      });
    }
    const { rows } = await client.query<{ id: string }>("SELECT id::text FROM menagerie.model_version ORDER BY number");
    made.push(...rows.map(({ id }) => id));
    return made;
  });
  envoy = await startCountedEnvoy(proxyStatsMatcher);
  // From its first request on it is seen to count how requests end; this one has no duration.
  await envoy.ask(services.none, "200");
});

afterEach(async () => {
  for (const stop of collecting.splice(0)) await stop();
  await pool.query("DELETE FROM menagerie.traffic_count");
  await pool.query("DELETE FROM menagerie.traffic_source");
});

afterAll(async () => {
  await envoy.stop();
  await pool.end();
  await postgres.stop();
});

/** Reads the gateway every second, as the replica that leads does; resolves once it has read what later readings are compared with. */
async function collect(reader = readerOfUrl(envoy.url)): Promise<() => Promise<void>> {
  const ended = new AbortController();
  let readings = 0;
  const watched: typeof reader = {
    ...reader,
    read: async (...asked) => {
      try {
        return await reader.read(...asked);
      } finally {
        readings += 1;
      }
    },
  };
  const parts = { pool, reader: watched, namespace: "models", log: pino({ level: "silent" }) };
  const done = collectGateways(parts, ended.signal);
  const stop = async () => {
    ended.abort();
    await done;
  };
  collecting.push(stop);
  // One reading is only made when the one before it was stored.
  await expect.poll(() => readings).toBeGreaterThanOrEqual(2);
  return stop;
}

const now = () => Date.now() / 1000;

async function read(from: number, version = 1): Promise<PathTraffic> {
  const asked = { version: ids[version - 1] ?? "", from: new Date(from * 1000), to: new Date() };
  return (await readTraffic(pool, asked)).route;
}

/** The second up to which the gateway's counts are stored, 0 where none are. */
const lastStored = async (): Promise<number> => (await read(now() - 300)).coverage.known.at(-1)?.until ?? 0;

/** The same once some are: what is asked from now on is counted from there on. */
async function storedUntil(): Promise<number> {
  await expect.poll(lastStored).toBeGreaterThan(0);
  return lastStored();
}

const countsAndEnds = ({ coverage, ends }: PathTraffic) => [...coverage.missing, ...ends.missing];

/** Every second from there until now is known. */
async function expectNoGap(from: number, missing = countsAndEnds): Promise<void> {
  const until = now();
  await expect.poll(async () => missing(await read(from)).filter(({ since }) => since <= until)).toEqual([]);
}

/** How requests ended, once they ended so; a few readings later, too. */
async function expectOutcomes(from: number, expected: object, version = 1): Promise<void> {
  const outcomes = async () => summarize(await read(from, version)).byOutcome;
  await expect.poll(outcomes).toEqual(expected);
  await delay(2_200);
  expect(await outcomes()).toEqual(expected);
}

const times = <T>(count: number, work: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, work));

describe("every request at the gateway", () => {
  it("is counted once for the version that its route led to, by what its client saw", async () => {
    await collect();
    const from = await storedUntil();
    expect(new Set(await times(40, () => envoy.ask(services.ready, "200")))).toEqual(new Set([200]));
    await times(5, () => envoy.ask(services.ready, "404"));
    await times(4, () => envoy.ask(services.ready, "500"));
    await times(3, () => envoy.ask(services.ready, "503"));
    expect(await times(2, () => envoy.ask(services.ready, "late/hang"))).toEqual([504, 504]);
    await times(3, () => envoy.ask(services.ready, "silent"));
    // No pod, and a pod that is asked three times: one answer to the client each.
    expect(await times(7, () => envoy.ask(services.none, "200"))).toEqual(new Array(7).fill(503));
    expect(await times(6, () => envoy.ask(services.refusing, "200"))).toEqual(new Array(6).fill(503));
    await expectOutcomes(from, { "2xx": 40, "4xx_denied": 5, "5xx": 4, unavailable: 6, timeout: 2 });
    await expectOutcomes(from, { unavailable: 7 }, 2);
    await expectOutcomes(from, { unavailable: 6 }, 3);
    await expectNoGap(from);
    // Durations of what the model answered; Envoy brings them up to date every 5 s.
    const durations = async () => (await read(from)).latency.reduce((sum, each) => sum + each, 0);
    await expect.poll(durations).toBe(40 + 5 + 4 + 3);
  });

  it("is counted as left by its client or broken, once, whenever that happens", async () => {
    await collect();
    const from = await storedUntil();
    const asked = await Promise.all([
      times(20, () => envoy.ask(services.ready, "200")),
      times(6, () => envoy.ask(services.ready, "hang", 80)),
      times(5, () => envoy.ask(services.ready, "stream", 120)),
      times(4, () => envoy.ask(services.ready, "break")),
      times(2, () => envoy.askByHttp2(services.ready, "stream", 150)),
      times(2, () => envoy.askByHttp2(services.ready, "hang", 100)),
      times(3, () => envoy.ask(services.ready, "late/stream")),
      times(2, () => envoy.ask(services.ready, "silent")),
    ]);
    expect(asked.map(([status]) => status)).toEqual([200, undefined, 200, 200, 200, undefined, 200, 503]);
    await expectOutcomes(from, { "2xx": 20, client_gone: 15, broken: 7, unavailable: 2 });
    await expectNoGap(from);
  });

  it("is counted when it is over, and as left where its client goes after a while", async () => {
    await collect();
    const from = await storedUntil();
    const leave = Promise.withResolvers<void>();
    const streams = times(3, () => envoy.ask(services.ready, "stream", leave.promise));
    await delay(3_500);
    expect(summarize(await read(from)).requests).toBe(0);
    leave.resolve();
    await streams;
    await expectOutcomes(from, { client_gone: 3 });
    await expectNoGap(from);
  });

  it("is counted for the seconds in which it came, also when nobody looked for a while", async () => {
    const reader = readerOfUrl(envoy.url);
    let away = false;
    let late = 0;
    await collect({
      ...reader,
      read: async (...given) => {
        if (!away) return reader.read(...given);
        late += 1;
        throw new Error("late");
      },
    });
    const from = await storedUntil();
    away = true;
    // One that was under way is over.
    await expect.poll(() => late).toBeGreaterThan(0);
    for (let turn = 0; turn < 10; turn += 1) {
      await times(3, () => envoy.ask(services.ready, "200"));
      await delay(300);
    }
    expect(summarize(await read(from)).requests).toBe(0);
    expect((await read(from)).coverage.missing.length).toBeGreaterThan(0);
    away = false;
    await expectOutcomes(from, { "2xx": 30 });
    // Spread over the seconds since the last reading, no more in the last than in the others.
    const { counts } = await read(from);
    expect(Math.max(...counts.map(({ count }) => count))).toBeLessThanOrEqual(15);
    await expectNoGap(from);
  });
});

describe("a fault makes seconds missing:", () => {
  it("a gateway that was killed, whose counters start again", async () => {
    await collect();
    const from = await storedUntil();
    const requests = async () => summarize(await read(from)).requests;
    await times(10, () => envoy.ask(services.ready, "200"));
    await expect.poll(requests).toBe(10);
    const before = await storedUntil();
    await times(5, () => envoy.ask(services.ready, "200"));
    await envoy.kill();
    const killed = now();
    await delay(1_500);
    await envoy.start();
    const back = now();
    await times(20, () => envoy.ask(services.ready, "200"));
    // The five that nobody read before the end are lost, or were read; what came after is there.
    await expect.poll(requests).toBeGreaterThanOrEqual(30);
    expect(await requests()).toBeLessThanOrEqual(35);
    await expect.poll(lastStored).toBeGreaterThan(back);
    const { coverage, ...traffic } = await read(from);
    const after = coverage.known.at(-1)?.since ?? 0;
    const gaps = coverage.missing.filter(({ since }) => since < after);
    expect(gaps.some(({ since, until }) => since <= killed && until >= killed)).toBe(true);
    // Its first whole second is known.
    expect(after).toBeLessThanOrEqual(Math.ceil(back) + 1);
    expect(gaps.every(({ since }) => since >= before)).toBe(true);
    expect(summarize({ coverage, ...traffic }).inKnown["2xx"] ?? 0).toBeGreaterThanOrEqual(10);
  });

  it("a replica that led and is gone, until another one leads", async () => {
    const stop = await collect();
    const from = await storedUntil();
    await times(10, () => envoy.ask(services.ready, "200"));
    await expect.poll(async () => summarize(await read(from)).requests).toBe(10);
    await stop();
    const stopped = now();
    await times(7, () => envoy.ask(services.ready, "200"));
    await delay(2_000);
    await collect();
    await times(10, () => envoy.ask(services.ready, "200"));
    await expectOutcomes(from, { "2xx": 20 });
    const gaps = (await read(from)).coverage.missing;
    expect(gaps.some(({ since, until }) => since <= stopped + 1 && until > stopped)).toBe(true);
  });

  it("how requests ended, where the gateway counts answers by their heads alone", async () => {
    const plain = await startCountedEnvoy(proxyStatsMatcher, { tellsEnds: false });
    try {
      await collect(readerOfUrl(plain.url));
      const from = await storedUntil();
      await times(10, () => plain.ask(services.ready, "200"));
      await times(4, () => plain.ask(services.ready, "break"));
      await times(3, () => plain.ask(services.ready, "stream", 100));
      await times(2, () => plain.ask(services.ready, "hang", 80));
      await expectOutcomes(from, { "2xx": 17 });
      const traffic = await read(from);
      expect(summarize(traffic)).toMatchObject({ byOutcome: { "2xx": 17 }, endsKnownSeconds: 0 });
      expect(traffic.ends.known).toEqual([]);
      await expectNoGap(from, ({ coverage }) => [...coverage.missing]);
    } finally {
      await plain.stop();
    }
  });

  it("a gateway that keeps no counters of its destinations, as Istio's own do by default", async () => {
    const plain = await startCountedEnvoy({});
    try {
      await collect(readerOfUrl(plain.url));
      const from = now() - 1;
      await times(10, () => plain.ask(services.ready, "200"));
      await delay(2_500);
      const { known } = (await read(from)).coverage;
      expect(known).toEqual([]);
    } finally {
      await plain.stop();
    }
  });
});
