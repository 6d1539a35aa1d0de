import type { ClientBase } from "pg";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensurePredictionTables } from "../../../src/adapters/postgres/predictions/ensureTables.ts";
import { clientConfig } from "../../../src/adapters/postgres/server.ts";
import { beginSource } from "../../../src/adapters/postgres/traffic/sources.ts";
import { storeBatch } from "../../../src/adapters/postgres/traffic/storeBatch.ts";
import type { Judgement, Verdict } from "../../../src/domain/judgement/state.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { storedCoin } from "../../../src/domain/serving/coin.ts";
import { stickyHeaderManifest } from "../../../src/domain/serving/stickyHeader.ts";
import { contentVersion } from "../../../src/domain/shadow/evidence.ts";
import type { RolloutSide } from "../../../src/domain/zoo/traffic.ts";
import { judgeOnce } from "../../../src/services/guard/judging.ts";
import { applyManifest, type Manifest } from "../../local/support/manifests.ts";
import { DividedIris } from "../../support/gateway/dividedIris.ts";
import { type JudgedModel, judgedModel, usualJudge, weightFrom } from "../../support/judge/judgedModel.ts";
import { makePlatformTables } from "../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { storePredictions } from "../../support/predictions.ts";

/** Users whom a real gateway keeps on their side by a header, as a guard judges them: by what the gateway tells recorders of each request. */

const [header, schema] = ["x-user", "recorded_iris"];
const sticky = `header:${header}` as const;
const users = Array.from({ length: 2_500 }, (_, number) => `user-${number}@example.com`);
const start = Math.floor(Date.now() / 1000) - 3_000;
let iris: DividedIris;
let postgres: TestPostgres;
let client: ClientBase;
let end: () => Promise<void>;

/** What a recorder stores of one request. */
interface Told {
  readonly user: string;
  readonly side: RolloutSide;
  readonly coin: string | undefined;
}

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  const connection = new Client(clientConfig(postgres.server, platformDatabase));
  await connection.connect();
  client = connection;
  end = () => connection.end();
  await ensurePredictionTables(client, schema, { retentionDays: 5 });
  await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - 1)`);
  iris = await DividedIris.open("judged-by-header", { weight: 0, sticky }, { recorded: true });
  const { old: _, new: __, ...route } = iris.route;
  const filter = stickyHeaderManifest({ ...route, header, hash: "content-1", tellsUsers: true });
  await applyManifest(iris.own.cluster, filter as Manifest);
});

afterAll(async () => {
  await iris?.own.close();
  await end?.();
  await postgres?.stop();
});

const key = "0123456789abcdef0123456789abcdef";

/** The gateway divides by a weight, in the second generation or the third. */
async function divided(weight: number, generation: number): Promise<void> {
  await iris.divide({ weight, sticky, drawKey: key }, { ...iris.route, tellsUsers: true });
  const some = users.slice(0, 200);
  // Envoy's threads follow a change one after the other.
  for (let seen = 0; seen < 3; seen += 1) {
    await expect
      .poll(async () => {
        const [once, again] = [await ask(some), await ask(some)];
        return once.every(
          ({ side, coin }, place) => side === again[place]?.side && coin?.startsWith(`hash ${generation} `),
        );
      })
      .toBe(true);
  }
}

async function ask(asked: readonly string[]): Promise<Told[]> {
  const told: Told[] = [];
  let next = 0;
  const one = async () => {
    while (next < asked.length) {
      const place = next;
      next += 1;
      const user = asked[place] ?? "";
      const { side, seen } = await iris.answered({ [header]: user });
      const coin = storedCoin(seen["x-menagerie-coin"], seen.cookie, (name) => [seen[name] ?? ""]);
      told[place] = { user, side, coin };
    }
  };
  await Promise.all(Array.from({ length: 32 }, one));
  iris.own.backends.seen.splice(0);
  return told;
}

/** A judged model whose traffic has the gateway's generations, of which these requests were stored, and what its guard says. */
async function judged(
  model: string,
  requests: readonly (readonly [second: number, told: readonly Told[]])[],
  statusOf: (side: RolloutSide) => number = () => 200,
): Promise<{ readonly verdict: Verdict | undefined; readonly state: Judgement }> {
  await client.query(
    `TRUNCATE ${schema}.inference_requests, ${schema}.inference_response, menagerie.traffic_source, menagerie.traffic_observed`,
  );
  await client.query("UPDATE menagerie.rollout SET judge = NULL");
  const own = await judgedModel(client, model, { ...usualJudge, users: true, recordedIn: schema });
  await weightFrom(client, own, 0, start - 100, sticky);
  await weightFrom(client, own, 10, start, sticky);
  await weightFrom(client, own, 50, start + 100, sticky);
  for (const [second, told] of requests) await store(own, second, told, statusOf);
  const until = start + 900;
  const gateway = await beginSource(client, { path: "route", name: "gateway/one" }, start - 100);
  await storeBatch(client, gateway, {
    observed: { since: start - 100, until },
    tellsEnds: true,
    counts: [],
    timed: [],
  });
  for (;;) {
    await judgeOnce(client, new Date((until + 30) * 1000));
    const { rows } = await client.query<{ pairs: number; state: Judgement }>(
      "SELECT (cursor->>'pairs')::float8 AS pairs, state FROM menagerie.judgement WHERE model_id = $1",
      [own.modelId],
    );
    const [row] = rows;
    if (!row || row.pairs < until - 10) continue;
    const verdicts = await client.query<{ verdict: Verdict }>(
      "SELECT verdict FROM menagerie.verdict WHERE model_id = $1 ORDER BY id DESC LIMIT 1",
      [own.modelId],
    );
    return { verdict: verdicts.rows[0]?.verdict, state: row.state };
  }
}

async function store(
  { hash, model }: JudgedModel,
  second: number,
  told: readonly Told[],
  statusOf: (side: RolloutSide) => number,
): Promise<void> {
  const versions = { new: contentVersion(hash, {}), old: contentVersion("0".repeat(64), {}) };
  await storePredictions(
    client,
    schema,
    told.map(({ side, coin }, place) => ({
      id: `${model}-${second}-${place}`,
      at: new Date((start + second) * 1000 + place * 20),
      status: statusOf(side),
      version: versions[side],
      operation: "predict",
      headers: coin === undefined ? {} : { "x-menagerie-coin": coin },
    })),
  );
}

test("each user counts once a weight, by the chance that was left, and the shares are those of a coin", async () => {
  const early = users.slice(0, 2_000);
  await divided(10, 2);
  const atTen = await ask(early);
  const again = await ask(early.slice(0, 400));
  await divided(50, 3);
  const atHalf = await ask(users);

  const { verdict, state } = await judged("iris", [
    [10, atTen],
    [60, again],
    [120, atHalf],
  ]);
  const sides = (told: readonly Told[]) => new Map(told.map(({ user, side }) => [user, side]));
  const [ten, half] = [sides(atTen), sides(atHalf)];
  const on = (side: RolloutSide, all: ReadonlyMap<string, RolloutSide>, among: readonly string[]) =>
    among.filter((user) => all.get(user) === side).length;
  const was = early.filter((user) => ten.get(user) === "old");
  const fresh = users.slice(2_000);
  const counts = (weight: number, all: ReadonlyMap<string, RolloutSide>, among: readonly string[]) => ({
    weight,
    newFailed: 0,
    newAnswered: on("new", all, among),
    oldFailed: 0,
    oldAnswered: on("old", all, among),
  });
  const byWeight = <Of extends { readonly weight: number }>(all: readonly Of[]) =>
    all.toSorted((one, other) => one.weight - other.weight);
  expect(byWeight(state.errors.routed)).toEqual([
    counts(0.1, ten, early),
    counts(4_000 / 9_000, half, was),
    counts(0.5, half, fresh),
  ]);
  console.log(`judged by header: ${JSON.stringify(state.errors.routed)} ${verdict?.decision}`);
  expect(byWeight(state.users ?? []).map(({ weight }) => weight)).toEqual([0.1, 4_000 / 9_000, 0.5]);
  // Whoever was on the new version stays there.
  for (const [user, side] of ten) if (side === "new") expect(half.get(user), user).toBe("new");
  expect(verdict).toMatchObject({ decision: "good", because: [] });

  const failing = await judged("iris-failing", [[10, atTen]], (side) => (side === "new" ? 500 : 200));
  expect(failing.verdict).toMatchObject({ decision: "bad", because: [expect.stringMatching(/^errors/)] });
});

test("a request without the header is nobody's, and no value of it is stored", async () => {
  const { seen } = await iris.answered({});
  expect(seen["x-menagerie-coin"]).toBe(`hash 3 ${header} ${key}`);
  expect(
    storedCoin(seen["x-menagerie-coin"], seen.cookie, (name) => (name in seen ? [seen[name] ?? ""] : undefined)),
  ).toBe(undefined);
  const [told] = await ask(["ada@example.com"]);
  expect(told?.coin).toMatch(/^hash 3 [0-9a-f]{32}$/);
});
