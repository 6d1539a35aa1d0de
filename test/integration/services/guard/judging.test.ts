import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, type ClientBase } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  endJudgement,
  foldStored,
  pruneJudgements,
  storeRows,
} from "../../../../src/adapters/postgres/judgement/judgements.ts";
import { readLooks, readVerdicts } from "../../../../src/adapters/postgres/judgement/readVerdicts.ts";
import { ensurePredictionTables } from "../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { clientConfig } from "../../../../src/adapters/postgres/server.ts";
import { beginSource, endSource } from "../../../../src/adapters/postgres/traffic/sources.ts";
import { storeBatch } from "../../../../src/adapters/postgres/traffic/storeBatch.ts";
import { failureShares } from "../../../../src/domain/judgement/coin.ts";
import type { DeclaredJudge } from "../../../../src/domain/judgement/declared.ts";
import { describeVerdict } from "../../../../src/domain/judgement/description.ts";
import { beginJudgement, foldRow } from "../../../../src/domain/judgement/judgement.ts";
import { latencyEdges } from "../../../../src/domain/judgement/latencyRatio.ts";
import { patience } from "../../../../src/domain/judgement/routedRows.ts";
import type { JudgementRow } from "../../../../src/domain/judgement/rows.ts";
import type { Judgement, Verdict } from "../../../../src/domain/judgement/state.ts";
import { gistOf, verdictOf } from "../../../../src/domain/judgement/verdict.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { contentVersion } from "../../../../src/domain/shadow/evidence.ts";
import type { Outcome } from "../../../../src/domain/traffic/outcome.ts";
import { judgeOnce } from "../../../../src/services/guard/judging.ts";
import type { ErrorScenario } from "../../../support/judge/errorRollout.ts";
import { type FoldScenario, foldSettings, rowsOfRollout } from "../../../support/judge/foldRollout.ts";
import { copyOf, type JudgedModel, judgedModel, usualJudge, weightFrom } from "../../../support/judge/judgedModel.ts";
import { randomOf } from "../../../support/judge/random.ts";
import { rolloutRows } from "../../../support/judge/rolloutRows.ts";
import { beyondMargin, equalVersions } from "../../../support/judge/scenarios.ts";
import { binomialTail } from "../../../support/judge/table.ts";
import { makePlatformTables, rolePassword } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { type StoredPrediction, storePredictions } from "../../../support/predictions.ts";
import { wholeMatrix } from "../../../support/wholeMatrix.ts";

/** The judge on a real PostgreSQL: from counts to rows, and from rows to verdicts. */

let postgres: TestPostgres;
let client: ClientBase;
let end: () => Promise<void>;
let made = 0;
let judged: JudgedModel;
/** The gateway's source, and the second up to which it has told. */
let gateway: string;
/** The API service's, which tells as long as the gateway does. */
let api: string;
let told: number;
/** Long enough ago for recorders to have stored, and in the days of the tables. */
const start = Math.floor(Date.now() / 1000) - 3_000;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  const connection = await connected();
  client = connection;
  judging = connection;
  end = () => connection.end();
});

async function connected(): Promise<Client> {
  const connection = new Client(clientConfig(postgres.server, platformDatabase));
  await connection.connect();
  return connection;
}

afterAll(async () => {
  await end?.();
  await postgres.stop();
});

beforeEach(async () => {
  await client.query(
    "TRUNCATE menagerie.traffic_source, menagerie.traffic_observed, menagerie.traffic_count; UPDATE menagerie.rollout SET judge = NULL",
  );
  await begin();
});

async function begin(judge: DeclaredJudge = usualJudge): Promise<void> {
  made += 1;
  judged = await judgedModel(client, `judged-${made}`, judge);
  gateway = await beginSource(client, { path: "route", name: "gateway/one" }, start - 100);
  api = await beginSource(client, { path: "app", name: "api/one" }, start - 100);
  const observed = { since: start - 100, until: start };
  for (const source of [gateway, api])
    await storeBatch(client, source, { observed, tellsEnds: true, counts: [], timed: [] });
  told = start;
}

type Counts = Partial<Record<Outcome, number>>;

/** The next second of the gateway, with what the new version and the old one answered. */
async function second(fresh: Counts = {}, old: Counts = {}, source = gateway, ofApps: Counts = {}): Promise<void> {
  const of = (versionId: string, counts: Counts) =>
    Object.entries(counts).map(([outcome, count]) => ({ versionId, second: told, outcome: outcome as Outcome, count }));
  const observed = { since: told, until: told + 1 };
  const counts = [...of(judged.fresh, fresh), ...of(judged.old, old)];
  await storeBatch(client, source, { observed, tellsEnds: true, counts, timed: [] });
  if (source !== gateway) return;
  await storeBatch(client, api, { observed, tellsEnds: true, counts: of(judged.fresh, ofApps), timed: [] });
  told += 1;
}

async function seconds(count: number, fresh: Counts = {}, old: Counts = {}, ofApps: Counts = {}): Promise<void> {
  for (let each = 0; each < count; each += 1) await second(fresh, old, gateway, ofApps);
}

/** Ten percent, in force since long ago. */
const tenPercent = () => weightFrom(client, judged, 10, start - 100);
/** Judges. By the guard's own login, it has the guard's rights alone. */
let judging: ClientBase;
const judge = (now = told + 1) => judgeOnce(judging, new Date(now * 1000));

async function verdicts(): Promise<Verdict[]> {
  const { rows } = await client.query<{ verdict: Verdict }>(
    "SELECT verdict FROM menagerie.verdict WHERE model_id = $1 ORDER BY id",
    [judged.modelId],
  );
  return rows.map(({ verdict }) => verdict);
}
const decisions = async () => (await verdicts()).map(({ decision }) => decision);

async function judgements() {
  const { rows } = await client.query<{ risk: number; isOpen: boolean; total: unknown }>(
    `SELECT (state->>'risk')::float8 AS risk, ended_at IS NULL AS "isOpen", state->'total' AS total
       FROM menagerie.judgement WHERE model_id = $1 ORDER BY id`,
    [judged.modelId],
  );
  return rows;
}

describe("a rollout", () => {
  it("whose new version fails is bad, once, with what was counted until then; what comes later is shown apart", async () => {
    await tenPercent();
    await second({ "5xx": 12 }, { "2xx": 108 });
    const found = await judge();
    expect(found.at(-1)).toMatchObject({ model: judged.model, verdict: { decision: "bad" } });
    expect(await decisions()).toEqual(["bad"]);
    expect((await verdicts()).at(-1)?.because[0]).toMatch(/^errors \d+ of \d+ against 0 of \d+, at least/);
    await seconds(5, { "2xx": 4 }, { "5xx": 36 });
    expect(await judge()).toEqual([]);
    const { rows } = await client.query(
      "SELECT generation::float8, state->'afterDecision' AS later FROM menagerie.verdict v JOIN menagerie.judgement j ON j.id = judgement_id WHERE decision = 'bad' AND v.model_id = $1",
      [judged.modelId],
    );
    expect(rows).toEqual([
      { generation: 1, later: { new: { requests: 20, failed: 0 }, old: { requests: 180, failed: 180 } } },
    ]);
  });

  it("is shown with its verdict, when that came, and what was counted after it", async () => {
    await tenPercent();
    await seconds(3, { "2xx": 4 }, { "2xx": 36 });
    await judge();
    const shown = async () => (await readVerdicts(client, [judged.model])).get(judged.model);
    expect(await shown()).toMatchObject({
      risk: 0.005,
      action: "revert",
      afterDecision: null,
      verdict: { decision: "undecided" },
    });
    await seconds(3, { "5xx": 4 }, { "2xx": 36 });
    await judge();
    await seconds(2, { "5xx": 4 }, { "2xx": 36 });
    await judge();
    const last = await shown();
    expect(last).toMatchObject({
      since: expect.any(Date),
      verdict: { decision: "bad" },
      afterDecision: { new: { requests: 16, failed: 16 } },
      history: [{ decision: "undecided" }, { decision: "bad", because: [expect.stringMatching(/^errors/)] }],
    });
    expect(last && describeVerdict(last)).toEqual([
      expect.stringMatching(/^judge: bad since /),
      expect.stringMatching(/^ {2}errors \d+ of \d+ against 0 of \d+/),
      "  after the decision: errors 16 of 16 against 0 of 144",
    ]);
    expect((await readVerdicts(client, "every")).has(judged.model)).toBe(true);
  });

  it("is good when the bound is at the margin, and a denied client is nobody's failure while a refused body is", async () => {
    await tenPercent();
    await seconds(30, { "2xx": 20, "4xx_denied": 20 }, { "2xx": 180, "4xx_denied": 180 });
    await judge();
    expect((await decisions()).at(-1)).toBe("good");
    await seconds(20, { "4xx_rejected": 40 }, { "2xx": 360 });
    await judge();
    expect((await decisions()).at(-1)).toBe("bad");
  });

  it("without requests is undecided, and so it is with one an hour", async () => {
    await tenPercent();
    await seconds(2);
    await judge();
    expect(await decisions()).toEqual([]);
    await second({ "2xx": 1 });
    await storeBatch(client, gateway, {
      observed: { since: told, until: told + 3_600 },
      tellsEnds: true,
      counts: [],
      timed: [],
    });
    told += 3_600;
    await second({}, { "2xx": 1 });
    await judge();
    await judge();
    expect(await decisions()).toEqual(["undecided"]);
    expect((await judgements())[0]?.total).toEqual({
      new: { requests: 1, failed: 0 },
      old: { requests: 1, failed: 0 },
    });
  });

  it("with both versions failing alike is held, and the verdict says so", async () => {
    await tenPercent();
    await seconds(30, { "5xx": 20 }, { "5xx": 180 });
    await judge();
    expect((await verdicts()).at(-1)).toMatchObject({
      decision: "undecided",
      because: expect.arrayContaining([expect.stringMatching(/^both versions fail: errors/)]),
    });
    const bothFail = async () => (await readVerdicts(client, [judged.model])).get(judged.model)?.bothFail;
    expect(await bothFail()).toBe(true);
    // Once both answer, or the rollout is over, nobody has to look.
    await seconds(10, { "2xx": 1_000 }, { "2xx": 9_000 });
    await judge();
    expect(await bothFail()).toBe(false);
    await seconds(10, { "5xx": 1_000 }, { "5xx": 9_000 });
    await judge();
    expect(await bothFail()).toBe(true);
    await client.query("UPDATE menagerie.rollout SET judge = NULL WHERE model_id = $1", [judged.modelId]);
    await judge();
    expect(await bothFail()).toBe(false);
  });

  it("counts nothing of the seconds in which its weight changes", async () => {
    await weightFrom(client, judged, 1, start - 100);
    await seconds(3, { "2xx": 1 }, { "2xx": 99 });
    await weightFrom(client, judged, 50, told);
    await seconds(5, { "5xx": 50 }, { "2xx": 50 });
    await judge();
    expect(await decisions()).toEqual(["undecided"]);
    await seconds(5, { "5xx": 50 }, { "2xx": 50 });
    await judge();
    expect((await decisions()).at(-1)).toBe("bad");
  });
});

describe("a source", () => {
  it("that is late has time, and its seconds count when it tells them", async () => {
    await tenPercent();
    const other = await beginSource(client, { path: "route", name: "gateway/two" }, start);
    await seconds(10, { "5xx": 4 }, { "2xx": 36 });
    await judge();
    expect(await decisions()).toEqual([]);
    await storeBatch(client, other, {
      observed: { since: start, until: told },
      tellsEnds: true,
      counts: [],
      timed: [],
    });
    await judge();
    expect((await decisions()).at(-1)).toBe("bad");
  });

  it("that is missing makes the verdict undecided by its name, until it tells again; its seconds count for nothing", async () => {
    await tenPercent();
    const other = await beginSource(client, { path: "route", name: "gateway/two" }, start);
    await seconds(patience + 5, { "5xx": 4 }, { "2xx": 36 });
    await judge();
    expect((await verdicts()).at(-1)).toMatchObject({
      decision: "undecided",
      because: expect.arrayContaining(["gateway/two does not report"]),
    });
    expect((await judgements())[0]?.total).toMatchObject({ new: { requests: 0 } });
    await endSource(client, other, told);
    await seconds(patience + 5, { "5xx": 4 }, { "2xx": 36 });
    await judge();
    expect((await decisions()).at(-1)).toBe("bad");
  });

  it("that nobody has heard of since is missing, and what it tells later counts", async () => {
    await tenPercent();
    await seconds(1, { "2xx": 4 }, { "2xx": 36 });
    await judge(told + patience + 1);
    expect((await verdicts()).at(-1)?.because[0]).toBe("gateway/one does not report");
    await seconds(patience, { "5xx": 4 }, { "2xx": 36 });
    await judge();
    expect((await decisions()).at(-1)).toBe("bad");
  });

  it("is not missed when the guard's clock jumps: no second is lost, and none counts twice", async () => {
    await tenPercent();
    await seconds(2, { "2xx": 4 }, { "2xx": 36 });
    await judge(told + 86_400);
    await judge(start - 86_400);
    await seconds(2, { "2xx": 4 }, { "2xx": 36 });
    await judge();
    await judge(start + 1);
    await judge();
    expect((await judgements())[0]?.total).toMatchObject({ new: { requests: 16 }, old: { requests: 144 } });
  });
});

describe("recorded pairs", () => {
  const schema = "recorded_pairs";
  const paired: DeclaredJudge = {
    ...usualJudge,
    maxMismatch: 0.02,
    recordedIn: schema,
    compare: { ignore: ["took_ms"] },
  };

  beforeAll(async () => {
    await ensurePredictionTables(client, schema, { retentionDays: 5 });
    await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - 1)`);
  });

  /** A request that the new version answered, and its copy to the old one. */
  async function both(
    place: number,
    fresh: Partial<StoredPrediction>,
    old: Partial<StoredPrediction> = {},
  ): Promise<void> {
    const id = `${judged.model}-${place}`;
    const at = new Date((start + 10) * 1000 + place * 10);
    const response = { class: 1, took_ms: place };
    const of = { id, at, response, operation: "predict" };
    await storePredictions(client, schema, [
      { ...of, attempt: 1, version: contentVersion(judged.hash, {}), ...fresh },
      { ...of, attempt: 2, version: contentVersion("0".repeat(64), {}), ...old },
    ]);
  }

  async function judgedPairs(count: number, answer: (place: number) => Partial<StoredPrediction>) {
    await begin(paired);
    await weightFrom(client, judged, 100, start - 100);
    for (let place = 0; place < count; place += 1) await both(place, answer(place));
    await seconds(60, { "2xx": 20 });
    // A minute of pairs each.
    for (let turn = 0; turn < 4; turn += 1) await judge(told + 30);
    return (await verdicts()).at(-1);
  }

  it("at full weight find a version whose answers differ, by the judge's own rules", async () => {
    expect(await judgedPairs(40, () => ({ response: { class: 2 } }))).toMatchObject({
      decision: "bad",
      because: [expect.stringMatching(/^\d+ of \d+ pairs differ/)],
    });
  });

  it("find one that fails where the old one does not", async () => {
    expect(await judgedPairs(20, () => ({ status: 500 }))).toMatchObject({
      decision: "bad",
      because: [expect.stringMatching(/^errors/)],
    });
  });

  it("of apps' requests, which no gateway counts, find a version that fails for apps alone", async () => {
    await begin(paired);
    await weightFrom(client, judged, 100, start - 100);
    await client.query("UPDATE menagerie.rollout SET phase = 'forward' WHERE model_id = $1", [judged.modelId]);
    for (let place = 0; place < 20; place += 1) await both(place, { status: 500 });
    await seconds(20, {}, {}, { "5xx": 20 });
    await judge(told + 30);
    await judge(told + 30);
    expect((await verdicts()).at(-1)).toMatchObject({
      decision: "bad",
      because: [expect.stringMatching(/^errors 400 of 400 against 0 of \d+, at least/)],
    });
  });

  it("of the copy are judged before it answers anybody", async () => {
    await begin(paired);
    const copy = await copyOf(client, judged, start - 100);
    for (let place = 0; place < 40; place += 1) await both(place, { response: { class: 2 }, version: copy });
    await seconds(60, {}, { "2xx": 20 });
    // A minute of pairs each.
    for (let turn = 0; turn < 4; turn += 1) await judge(told + 30);
    expect((await verdicts()).at(-1)).toMatchObject({
      decision: "bad",
      because: [expect.stringMatching(/^\d+ of \d+ pairs differ/)],
    });
  });

  it("are good where they agree, each counted once however often it is judged; an id that came thrice is nobody's pair", async () => {
    const found = await judgedPairs(1_500, (place) => ({ response: { took_ms: -place, class: 1 } }));
    expect(found).toMatchObject({ decision: "good" });
    await storePredictions(client, schema, [
      {
        id: "thrice",
        at: new Date((start + 20) * 1000),
        attempt: 1,
        status: 500,
        version: contentVersion(judged.hash, {}),
      },
      { id: "thrice", at: new Date((start + 20) * 1000), attempt: 2, version: contentVersion(judged.hash, {}) },
      { id: "thrice", at: new Date((start + 20) * 1000), attempt: 3, version: contentVersion("0".repeat(64), {}) },
    ]);
    await seconds(5, { "2xx": 20 });
    await judge(told + 30);
    const { rows } = await client.query(
      "SELECT state->'mismatch' AS mismatch FROM menagerie.judgement WHERE model_id = $1",
      [judged.modelId],
    );
    expect(rows).toEqual([{ mismatch: { compared: 1_500, mismatches: 0 } }]);
  });
});

/** The gateway tells until then; the judge looks as often as it takes. */
async function judgedUntil(second: number): Promise<void> {
  const observed = { since: told, until: second };
  for (const source of [gateway, api])
    await storeBatch(client, source, { observed, tellsEnds: true, counts: [], timed: [] });
  for (told = Math.max(told, second); ; ) {
    await judge(told + 30);
    const { rows } = await client.query<{ pairs: number }>(
      "SELECT (cursor->>'pairs')::float8 AS pairs FROM menagerie.judgement WHERE model_id = $1 AND ended_at IS NULL",
      [judged.modelId],
    );
    if ((rows[0]?.pairs ?? 0) > told - 10) return;
  }
}

const counted = async () =>
  (
    await client.query<{ state: Judgement }>("SELECT state FROM menagerie.judgement WHERE model_id = $1 ORDER BY id", [
      judged.modelId,
    ])
  ).rows.map(({ state }) => ({ errors: state.errors.routed, users: state.users ?? [] }));

describe("users whom a cookie keeps on their side", () => {
  const schema = "recorded_users";
  const ofUsers: DeclaredJudge = { ...usualJudge, users: true, recordedIn: schema };
  const versions = () => ({ new: contentVersion(judged.hash, {}), old: contentVersion("0".repeat(64), {}) });
  let generation: number;

  beforeAll(async () => {
    await ensurePredictionTables(client, schema, { retentionDays: 5 });
    await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - 1)`);
  });

  beforeEach(async () => {
    // The other tests' models have cookies of the same generation.
    await client.query(`TRUNCATE ${schema}.inference_requests, ${schema}.inference_response`);
    await begin(ofUsers);
    generation = await weightFrom(client, judged, 50, start - 100, "cookie");
  });

  /** Users one after the other, a tenth of a second apart, each with a request that is drawn and some that follow it. */
  async function users(
    count: number,
    statusOf: (side: "new" | "old", request: number) => number,
    length = 4,
  ): Promise<void> {
    for (let user = 0; user < count; user += 1) {
      const side = user % 2 === 0 ? "new" : "old";
      const drawn = `${judged.model}-${user}`;
      const requests = Array.from({ length }, (_, request) => ({
        id: request === 0 ? drawn : `${drawn}-${request}`,
        at: new Date((start + 10) * 1000 + user * 100 + request * 20),
        status: statusOf(side, request),
        version: versions()[side],
        operation: "predict",
        headers: { "x-menagerie-coin": request === 0 ? `drawn ${generation}` : `kept ${generation} ${drawn}` },
      }));
      await storePredictions(client, schema, requests);
    }
  }

  it("are judged by their first requests at once", async () => {
    await users(40, (side) => (side === "new" ? 500 : 200));
    await judgedUntil(start + 30);
    expect(await decisions()).toEqual(["undecided", "bad"]);
    expect((await verdicts()).at(-1)?.because).toEqual([expect.stringMatching(/^errors/)]);
  });

  it("and by all of their requests once their time is over, each once", async () => {
    await users(300, (side, request) => (side === "new" && request > 0 ? 500 : 200));
    await judgedUntil(start + 100);
    const weight = 0.5;
    const first = { weight, newFailed: 0, newAnswered: 150, oldFailed: 0, oldAnswered: 150 };
    expect(await counted()).toEqual([{ errors: [first], users: [] }]);
    expect(await decisions()).not.toContain("bad");
    await judgedUntil(start + 700);
    expect((await decisions()).at(-1)).toBe("bad");
    expect((await verdicts()).at(-1)?.because).toEqual([
      expect.stringMatching(/^of the requests of a user 75 % fail, by \d+ users, against 0 %/),
    ]);
  });

  it("are good where both versions answer alike", async () => {
    await users(2_000, () => 200, 1);
    await judgedUntil(start + 1_000);
    expect((await decisions()).at(-1)).toBe("good");
    const weight = 0.5;
    const first = { weight, newFailed: 0, newAnswered: 1_000, oldFailed: 0, oldAnswered: 1_000 };
    const all = failureShares.map((share) => (share === 0 ? 1_000 : 0));
    expect(await counted()).toEqual([{ errors: [first], users: [{ weight, new: all, old: all }] }]);
  });

  it("are those of the judgement in which they were drawn", async () => {
    await users(100, () => 200);
    await judgedUntil(start + 100);
    await client.query(
      `UPDATE menagerie.rollout SET judge = judge || '{"maxErrorIncrease": 0.02}' WHERE model_id = $1`,
      [judged.modelId],
    );
    await judgedUntil(start + 800);
    expect((await counted())[1]).toEqual({ errors: [], users: [] });
  });
});

describe("requests that the coin drew, as recorders stored them", () => {
  const schema = "recorded_draws";
  const byRecorders: DeclaredJudge = { ...usualJudge, recorded: true, recordedIn: schema };
  const timed: DeclaredJudge = { ...byRecorders, maxLatencyRatio: { p50: 1.5 }, warmupSeconds: 30 };
  const versions = () => ({ new: contentVersion(judged.hash, {}), old: contentVersion("0".repeat(64), {}) });
  const counted = async () =>
    (
      await client.query<{ state: Judgement }>(
        "SELECT state FROM menagerie.judgement WHERE model_id = $1 ORDER BY id DESC LIMIT 1",
        [judged.modelId],
      )
    ).rows[0]?.state;
  const of = (requests: number, failed: Readonly<Record<"new" | "old", number>>, weight = 0.5) => ({
    weight,
    newFailed: failed.new,
    newAnswered: requests - failed.new,
    oldFailed: failed.old,
    oldAnswered: requests - failed.old,
  });
  let generation: number;
  let stored = 0;

  beforeAll(async () => {
    await ensurePredictionTables(client, schema, { retentionDays: 5 });
    await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - 1)`);
  });

  async function beginDrawn(judge: DeclaredJudge) {
    await client.query(
      `TRUNCATE ${schema}.inference_requests, ${schema}.inference_response, ${schema}.recording_losses`,
    );
    await client.query("UPDATE menagerie.rollout SET judge = NULL");
    await begin(judge);
    generation = await weightFrom(client, judged, 50, start - 100);
  }

  /** Requests that the coin drew for each side in turn, 20 ms apart, from a second on. */
  async function drawn(
    count: number,
    answer: (side: "new" | "old", place: number) => Partial<StoredPrediction>,
    { coin = `coin ${generation}`, from = 10 } = {},
  ): Promise<void> {
    const all = Array.from({ length: count }, (_, place) => {
      const side = place % 2 === 0 ? "new" : "old";
      stored += 1;
      return {
        id: `${judged.model}-${stored}`,
        at: new Date((start + from) * 1000 + place * 20),
        version: versions()[side],
        operation: "chat",
        headers: { "x-menagerie-coin": coin },
        ...answer(side, place),
      };
    });
    await storePredictions(client, schema, all);
  }

  const brokenOff = { failure: "failed" as const, raw: "data: {}", streamed: { firstTokenMs: 5, completionTokens: 1 } };

  it("find a version whose streams of 200 end in an error, while the gateway counts them as answered", async () => {
    await beginDrawn(byRecorders);
    await drawn(80, (side) => (side === "new" ? brokenOff : {}));
    await seconds(10, {}, {});
    await seconds(2, { "2xx": 20 }, { "2xx": 20 });
    await judgedUntil(start + 30);
    expect((await verdicts()).at(-1)).toMatchObject({
      decision: "bad",
      because: [expect.stringMatching(/^errors in recordings \d+ of \d+ against 0 of \d+/)],
    });
    const state = await counted();
    expect(state?.errors.routed).toEqual([of(40, { new: 0, old: 0 })]);
    expect(state?.recorded?.[0]?.newAnswered).toBe(0);
  });

  it("are those that a gateway told of: not apps' requests, those of another time, or ids that come again", async () => {
    await beginDrawn(byRecorders);
    await drawn(40, () => ({}));
    const failing = () => ({ status: 500 });
    await drawn(20, failing, { coin: "" });
    await drawn(20, failing, { coin: `coin ${generation + 1}` });
    await drawn(20, failing, { coin: `drawn ${generation}` });
    await drawn(20, failing, { from: -300 });
    const again = `${judged.model}-again`;
    await drawn(2, (_, place) => ({ ...failing(), id: again, attempt: place + 1, version: versions().new }));
    await judgedUntil(start + 30);
    expect((await counted())?.recorded).toEqual([of(20, { new: 0, old: 0 })]);
  });

  it("have durations until the first token, but for those of a pod's first seconds; what failed before it took at least as long", async () => {
    await beginDrawn(timed);
    const first = (milliseconds: number) => ({
      raw: "data: {}",
      streamed: { firstTokenMs: milliseconds, completionTokens: 1 },
    });
    // Pods of the new version become ready 20 s after the beginning: until 50 s later nothing is timed.
    await drawn(100, (side) => ({ latencyMs: 3_000, ...first(side === "new" ? 40 : 100) }), { from: 0 });
    await drawn(100, (side) => ({ latencyMs: 3_000, ...first(side === "new" ? 9_000 : 100) }), { from: 25 });
    await drawn(100, (side) => (side === "new" ? { status: 503, latencyMs: 70 } : { latencyMs: 80 }), { from: 60 });
    const readiness = async (service: string) => ({
      pods: 2,
      since: service.endsWith("v2") ? [start + 20.4, start - 5_000] : [start - 5_000],
    });
    await second({ "2xx": 1 }, { "2xx": 1 });
    await judgeOnce(client, new Date((start + 40) * 1000), { readiness });
    await seconds(90, { "2xx": 1 }, { "2xx": 1 });
    for (let turn = 0; turn < 4; turn += 1) await judgeOnce(client, new Date((start + 130) * 1000), { readiness });
    const state = await counted();
    expect(state?.recorded).toEqual([of(150, { new: 50, old: 0 })]);
    const [fresh, old] = [state?.latency.counts.p50.fresh, state?.latency.counts.p50.old];
    const total = (counts: readonly number[] | undefined) => counts?.reduce((sum, each) => sum + each, 0);
    expect([total(fresh?.surely), total(old?.surely)]).toEqual([100, 100]);
    const between = (counts: readonly number[] | undefined, from: number, to: number) =>
      counts?.reduce((sum, each, place) => {
        const [low, high] = [latencyEdges[place - 1] ?? 0, latencyEdges[place] ?? Number.POSITIVE_INFINITY];
        return high > from && low < to ? sum + each : sum;
      }, 0);
    // By edges times the ratio: 40 ms and 70 ms are counted as 27 and 47.
    expect(between(fresh?.surely, 26, 27)).toBe(50);
    expect(between(fresh?.surely, 46, 47)).toBe(50);
    expect(fresh?.perhaps.at(-1)).toBe(50);
    expect(between(old?.perhaps, 80, 101)).toBe(100);
  });

  it("are undecided where recorders lost some, by name, and the gateway's counts are judged all the same", async () => {
    await beginDrawn(byRecorders);
    await drawn(80, (side) => (side === "new" ? brokenOff : {}));
    await client.query(
      `INSERT INTO ${schema}.recording_losses (log_id, position, lost_at, reason, requests, recorder)
       VALUES (gen_random_uuid(), 1, to_timestamp($1), 'full', 7, 'iris-v2-transformer-x'), (gen_random_uuid(), 1, to_timestamp($2), 'full', 9, 'before')`,
      [start + 10, start - 900],
    );
    await seconds(12, { "2xx": 20 }, { "2xx": 20 });
    await judgedUntil(start + 30);
    expect((await verdicts()).at(-1)).toMatchObject({ decision: "undecided" });
    expect((await verdicts()).at(-1)?.because).toContain("the recorders lost the records of 7 requests");
    await seconds(4, { "5xx": 20 }, { "2xx": 20 });
    await judge(told + 1);
    expect((await verdicts()).at(-1)).toMatchObject({
      decision: "bad",
      because: [expect.stringMatching(/^errors 20 of/)],
    });
  });

  it("are good where both versions answer alike", async () => {
    await beginDrawn(byRecorders);
    await drawn(2_000, () => ({}));
    await seconds(60, { "2xx": 30 }, { "2xx": 30 });
    await judgedUntil(start + 120);
    expect((await decisions()).at(-1)).toBe("good");
    expect((await counted())?.recorded).toEqual([of(1_000, { new: 0, old: 0 })]);
  });
});

describe("users whom a header keeps on their side", () => {
  const schema = "recorded_by_header";
  const ofUsers: DeclaredJudge = { ...usualJudge, users: true, recordedIn: schema };
  const versions = () => ({ new: contentVersion(judged.hash, {}), old: contentVersion("0".repeat(64), {}) });
  let asked = 0;
  let guard: Client;

  beforeAll(async () => {
    await ensurePredictionTables(client, schema, { retentionDays: 5, readers: [roles.guard] });
    await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - 1)`);
    const login = { ...postgres.server, user: roles.guard, password: rolePassword };
    guard = new Client(clientConfig(login, platformDatabase));
    await guard.connect();
    judging = guard;
  });

  afterAll(async () => {
    judging = client;
    await guard.end();
  });

  beforeEach(async () => {
    await client.query(`TRUNCATE ${schema}.inference_requests, ${schema}.inference_response`);
    await begin(ofUsers);
  });

  const divide = (weight: number, at: number) => weightFrom(client, judged, weight, at, "header:x-user");

  /** Of 200 users, one for every fiftieth of a hundredth of all hashes. */
  const everybody = Array.from({ length: 200 }, (_, user) => user);
  const sideAt = (user: number, weight: number) => (user * 50 >= 10_000 - 100 * weight ? "new" : "old");

  /** Each of these users comes once, a tenth of a second after the one before, with some requests; sides take turns. */
  async function come(
    { generation, weight, at }: { readonly generation: number; readonly weight: number; readonly at: number },
    statusOf: (side: "new" | "old", request: number) => number = () => 200,
    { users = everybody, requests = 1 } = {},
  ): Promise<void> {
    const inTurn = users.toSorted((one, other) => ((one * 77) % 200) - ((other * 77) % 200));
    for (const [place, user] of inTurn.entries()) {
      const side = sideAt(user, weight);
      asked += 1;
      await storePredictions(
        client,
        schema,
        Array.from({ length: requests }, (_, request) => ({
          id: `${judged.model}-${asked}-${request}`,
          at: new Date(at * 1000 + place * 100 + request * 10),
          status: statusOf(side, request),
          version: versions()[side],
          operation: "predict",
          headers: { "x-menagerie-coin": `hash ${generation} ${user.toString(16).padStart(32, "0")}` },
        })),
      );
    }
  }

  const fails = (side: "new" | "old") => (side === "new" ? 500 : 200);
  const none = failureShares.map(() => 0);
  const unfailing = (users: number) => none.map((_, place) => (place === 0 ? users : 0));

  it("are judged by their first requests at once", async () => {
    const generation = await divide(50, start - 100);
    await come({ generation, weight: 50, at: start + 10 }, fails, {
      users: everybody.filter((user) => user % 5 === 0),
    });
    await judgedUntil(start + 30);
    expect(await decisions()).toEqual(["undecided", "bad"]);
    expect((await verdicts()).at(-1)?.because).toEqual([expect.stringMatching(/^errors/)]);
  });

  it("and by all of their requests once their time is over", async () => {
    const generation = await divide(50, start - 100);
    const later = (side: "new" | "old", request: number) => (request > 0 ? fails(side) : 200);
    await come({ generation, weight: 50, at: start + 10 }, later, { requests: 4 });
    await judgedUntil(start + 100);
    expect(await decisions()).not.toContain("bad");
    await judgedUntil(start + 700);
    expect((await verdicts()).at(-1)).toMatchObject({
      decision: "bad",
      because: [expect.stringMatching(/^of the requests of a user 75 % fail, by \d+ users, against 0 %/)],
    });
  });

  it("count once under a weight however often they come, and under the next one by what was left to chance", async () => {
    const first = { generation: await divide(10, start - 100), weight: 10 };
    await come({ ...first, at: start + 10 });
    await judgedUntil(start + 40);
    await come({ ...first, at: start + 40 });
    await judgedUntil(start + 70);
    const atTen = { weight: 0.1, newFailed: 0, newAnswered: 20, oldFailed: 0, oldAnswered: 180 };
    expect((await counted())[0]?.errors).toEqual([atTen]);
    const half = { generation: await divide(50, start + 70), weight: 50 };
    await come({ ...half, at: start + 72 });
    await come({ ...half, at: start + 100 });
    await judgedUntil(start + 200);
    const left = { weight: 4_000 / 9_000, newFailed: 0, newAnswered: 80, oldFailed: 0, oldAnswered: 100 };
    expect((await counted())[0]?.errors).toEqual([atTen, left]);
    // A control of another size is another generation, which draws nobody.
    const again = { generation: await divide(50.001, start + 200), weight: 50 };
    await come({ ...again, at: start + 202 });
    await judgedUntil(start + 900);
    expect((await counted())[0]).toEqual({
      errors: [atTen, left],
      users: [
        { weight: 0.1, new: unfailing(20), old: unfailing(180) },
        { weight: 4_000 / 9_000, new: unfailing(80), old: unfailing(100) },
      ],
    });
  });

  it("who come first under two weights in one turn of the judge count for both", async () => {
    const one = { generation: await divide(10, start - 100), weight: 10 };
    await come({ ...one, at: start + 2 }, undefined, { users: everybody.slice(100) });
    const other = { generation: await divide(50, start + 13), weight: 50 };
    await come({ ...other, at: start + 14 });
    await judgedUntil(start + 100);
    const errors = (await counted())[0]?.errors ?? [];
    expect(errors.toSorted((one, other) => one.weight - other.weight)).toEqual([
      { weight: 0.1, newFailed: 0, newAnswered: 20, oldFailed: 0, oldAnswered: 80 },
      { weight: 4_000 / 9_000, newFailed: 0, newAnswered: 80, oldFailed: 0, oldAnswered: 0 },
      { weight: 0.5, newFailed: 0, newAnswered: 0, oldFailed: 0, oldAnswered: 100 },
    ]);
  });

  it("are no news to an edited judge", async () => {
    const first = { generation: await divide(10, start - 100), weight: 10 };
    await come({ ...first, at: start + 10 });
    await judgedUntil(start + 100);
    await client.query(
      `UPDATE menagerie.rollout SET judge = judge || '{"maxErrorIncrease": 0.02}' WHERE model_id = $1`,
      [judged.modelId],
    );
    await come({ ...first, at: start + 100 }, fails);
    await judgedUntil(start + 800);
    expect((await counted())[1]).toEqual({ errors: [], users: [] });
  });

  it("are those of whom a gateway told: what clients say while one version answers all counts for nothing", async () => {
    const generation = await divide(10, start - 100);
    await divide(100, start + 5);
    await come({ generation, weight: 10, at: start + 20 }, fails);
    await judgedUntil(start + 100);
    expect((await counted())[0]?.errors).toEqual([]);
  });

  it("are on a side where they cannot be: nobody knows what was drawn, and they count no more", async () => {
    const first = { generation: await divide(10, start - 100), weight: 10 };
    const some = everybody.slice(190);
    await come({ ...first, at: start + 10 }, undefined, { users: some });
    const half = { generation: await divide(50, start + 30), weight: 50 };
    // As if the gateway drew each request by itself.
    await come({ ...half, weight: 0, at: start + 40 }, undefined, { users: some });
    await judgedUntil(start + 100);
    expect((await counted())[0]?.errors).toEqual([
      { weight: 0.1, newFailed: 0, newAnswered: 10, oldFailed: 0, oldAnswered: 0 },
    ]);
  });

  it("are forgotten with their key 14 days after the rollout, and not before", async () => {
    const first = { generation: await divide(10, start - 100), weight: 10 };
    await come({ ...first, at: start + 10 });
    await judgedUntil(start + 100);
    const key = async () =>
      (await client.query<{ key: string }>("SELECT menagerie.draw_key($1) AS key", [judged.model])).rows[0]?.key;
    const before = await key();
    expect(before).toMatch(/^[0-9a-f]{32}$/);
    expect(await key()).toBe(before);
    const left = async () =>
      (
        await client.query<{ users: number; keys: number }>(
          `SELECT (SELECT count(*)::int FROM menagerie.hashed_user WHERE model_id = $1) AS users,
                  (SELECT count(*)::int FROM menagerie.hash_draw WHERE model_id = $1) AS keys`,
          [judged.modelId],
        )
      ).rows[0];
    const old = "now() - interval '15 days'";
    await client.query(`UPDATE menagerie.hash_draw SET made_at = ${old} WHERE model_id = $1`, [judged.modelId]);
    await client.query(`UPDATE menagerie.rollout_traffic_step SET at = ${old} WHERE model_id = $1`, [judged.modelId]);
    await pruneJudgements(client);
    expect(await left()).toEqual({ users: 200, keys: 1 });
    await client.query("UPDATE menagerie.rollout SET phase = 'done' WHERE model_id = $1", [judged.modelId]);
    await pruneJudgements(client);
    await pruneJudgements(client);
    expect(await left()).toEqual({ users: 0, keys: 0 });
  });
});

describe("pods", () => {
  it.each([
    { pods: { new: 1, old: 9 }, says: "p50 may be more or less than 1.5 times" },
    { pods: { new: 1, old: 1 }, says: "p50: load differs, requests per pod are over twice as many on one side" },
    { pods: undefined, says: "p50: the pods of both versions were not counted under this weight" },
  ])("of both versions are counted where latency is judged: $says", async ({ pods, says }) => {
    await client.query("UPDATE menagerie.rollout SET judge = NULL");
    await begin({ ...usualJudge, maxLatencyRatio: { p50: 1.5 } });
    await tenPercent();
    await seconds(30, { "2xx": 4 }, { "2xx": 36 });
    const asked: string[] = [];
    const readiness = async (service: string) => {
      asked.push(service);
      return pods && { pods: pods[service.endsWith("v2") ? "new" : "old"], since: [] };
    };
    await judgeOnce(client, new Date((told + 1) * 1000), { readiness });
    expect(asked.sort()).toEqual([`${judged.model}-v1`, `${judged.model}-v2`]);
    const p50 = (await verdicts()).at(-1)?.metrics.find(({ metric }) => metric === "p50");
    expect(p50?.sentence).toContain(says);
  });
});

describe("a fixed limit", () => {
  const limited: DeclaredJudge = { ...usualJudge, limits: [{ query: "queue", max: 3, for: "20s" }] };
  type Series = readonly (readonly [number, string])[];
  let values: Series | "down" = [];
  /** Beside the one of `values`, or instead of it. */
  let others: { readonly instead?: readonly Series[]; readonly beside?: readonly Series[] } = {};
  let asked: string[] = [];
  const prometheus = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      asked.push(new URLSearchParams(text).get("query") ?? "");
      response.statusCode = values === "down" ? 503 : 200;
      response.end(
        JSON.stringify({
          status: "success",
          data: { resultType: "matrix", result: series().map((each) => ({ metric: {}, values: each })) },
        }),
      );
    });
  });
  const series = (): readonly Series[] =>
    others.instead ?? [...(values === "down" ? [] : [values]), ...(others.beside ?? [])];
  let url: string;

  beforeAll(async () => {
    prometheus.listen(0, "127.0.0.1");
    await once(prometheus, "listening");
    url = `http://127.0.0.1:${(prometheus.address() as AddressInfo).port}`;
  });
  afterAll(() => prometheus.close());

  const judgeAt = (now: number) => judgeOnce(client, new Date(now * 1000), { prometheus: { url } });

  it("holds the verdict while it is not known, and is bad when it was above for its time", async () => {
    await begin(limited);
    await tenPercent();
    await seconds(60, { "2xx": 20 }, { "2xx": 180 });
    values = "down";
    await judgeAt(told + 1);
    expect((await verdicts()).at(-1)).toMatchObject({
      decision: "undecided",
      because: ["limit queue is not known: Prometheus answers 503 (a fixed limit, outside the risk)"],
    });
    values = Array.from({ length: 21 }, (_, place) => [told - 9 + place, "2"]);
    await judgeAt(told + 11);
    expect((await decisions()).at(-1)).toBe("good");
    values = Array.from({ length: 21 }, (_, place) => [told + 1 + place, "+Inf"]);
    await judgeAt(told + 12);
    expect((await decisions()).at(-1)).toBe("good");
    await judgeAt(told + 21);
    expect((await verdicts()).at(-1)).toMatchObject({
      decision: "bad",
      because: ["limit queue was above 3 for 20s, and is Infinity (a fixed limit, outside the risk)"],
    });
    expect(asked).toEqual(["queue", "queue", "queue"]);
  });

  it.each<[string, (now: number) => typeof others, string]>([
    ["no series", () => ({ instead: [] }), "limit queue has no value"],
    ["several series", (now) => ({ beside: [[[now, "9"]]] }), "limit queue has 2 series, and one is judged"],
    ["NaN", (now) => ({ instead: [[[now, "NaN"]]] }), "limit queue is not a number"],
  ])("of which Prometheus has %s holds the verdict until it has one value", async (_what, answer, says) => {
    await begin(limited);
    await tenPercent();
    await seconds(60, { "2xx": 20 }, { "2xx": 180 });
    values = Array.from({ length: 21 }, (_, place) => [told - 19 + place, "9"]);
    others = answer(told + 1);
    await judgeAt(told + 1);
    expect((await verdicts()).at(-1)).toMatchObject({
      decision: "undecided",
      because: [expect.stringContaining(says)],
    });
    values = [[told + 11, "2"]];
    others = {};
    await judgeAt(told + 11);
    expect((await decisions()).at(-1)).toBe("good");
  });

  it("is not asked for while the new version answers nobody", async () => {
    await begin(limited);
    await weightFrom(client, judged, 0, start - 100);
    asked = [];
    await judgeAt(told + 1);
    expect(asked).toEqual([]);
  });
});

describe("a judge", () => {
  const edit = (change: Partial<DeclaredJudge>) =>
    client.query("UPDATE menagerie.rollout SET judge = judge || $2 WHERE model_id = $1", [
      judged.modelId,
      JSON.stringify(change),
    ]);

  it("that is edited, or ended by a resume, begins again with half of the risk that is left", async () => {
    await tenPercent();
    await seconds(3, { "5xx": 4 }, { "2xx": 36 });
    await judge();
    await edit({ maxErrorIncrease: 0.02 });
    await second({ "2xx": 4 }, { "2xx": 36 });
    await judge();
    await endJudgement(client, judged.modelId);
    await second({ "2xx": 4 }, { "2xx": 36 });
    await judge();
    expect(
      (await judgements()).map(({ risk, isOpen, total }) => [risk, isOpen, (total as { new: unknown }).new]),
    ).toEqual([
      [0.005, false, expect.anything()],
      [0.0025, false, { requests: 4, failed: 0 }],
      [0.00125, true, { requests: 4, failed: 0 }],
    ]);
  });

  it("goes on where only what follows is edited", async () => {
    await tenPercent();
    await second({ "2xx": 4 }, { "2xx": 36 });
    await judge();
    await edit({ action: "tell" });
    await judge();
    expect(await judgements()).toMatchObject([{ risk: 0.005, isOpen: true }]);
    const { rows } = await client.query(
      "SELECT settings->>'action' AS action FROM menagerie.judgement WHERE model_id = $1",
      [judged.modelId],
    );
    expect(rows).toEqual([{ action: "tell" }]);
  });

  it("ends with the rollout; of one that cannot be read, the others are judged", async () => {
    await tenPercent();
    await second({ "2xx": 4 }, { "2xx": 36 });
    await judge();
    const first = judged;
    await begin();
    await tenPercent();
    await client.query("UPDATE menagerie.rollout SET judge = '{}' WHERE model_id = $1", [first.modelId]);
    await seconds(3, { "5xx": 4 }, { "2xx": 36 });
    const failed: string[] = [];
    await judgeOnce(client, new Date((told + 1) * 1000), { onFailed: (model) => failed.push(model) });
    expect(failed).toEqual([first.model]);
    expect((await decisions()).at(-1)).toBe("bad");
    await client.query("UPDATE menagerie.rollout SET phase = 'done' WHERE model_id = $1", [judged.modelId]);
    await judgeOnce(client, new Date((told + 1) * 1000), { onFailed: () => {} });
    expect(await judgements()).toMatchObject([{ isOpen: false }]);
  });
});

/** Verdicts of rows in memory, as the fold in PostgreSQL must write them. */
function expectedVerdicts(rows: readonly JudgementRow[], settings: DeclaredJudge): Verdict[] {
  let state = beginJudgement(settings.risk);
  let gist: string | undefined;
  const found: Verdict[] = [];
  for (const row of rows) {
    state = foldRow(state, row, settings);
    const next = gistOf(state, settings);
    if (next !== gist) found.push(verdictOf(state, settings));
    gist = next;
  }
  return JSON.parse(JSON.stringify(found));
}

async function stored(rows: readonly JudgementRow[]): Promise<string> {
  await weightFrom(client, judged, 10, start);
  await judge(start);
  const { rows: found } = await client.query<{ id: string }>(
    "SELECT id::text AS id FROM menagerie.judgement WHERE model_id = $1",
    [judged.modelId],
  );
  const id = found[0]?.id ?? "";
  await storeRows(client, id, async ({ stored: _, folded: __, ...cursor }) => ({
    rows,
    cursor,
  }));
  return id;
}

describe("killed at any row", () => {
  const failing = beyondMargin.find(({ name }) => name === "errors +5 points, outages of both");

  it("the same verdicts follow, each once", async () => {
    const random = randomOf(7);
    for (let seed = 0; seed < 5; seed += 1) {
      await begin();
      const rows = rolloutRows(failing as ErrorScenario, seed, 500);
      const id = await stored(rows);
      let kills = 0;
      for (let isWhole = false; !isWhole; ) {
        // Some statement of the turn finds its connection gone.
        const lives = Math.floor(random() * 9);
        const outcome = await foldThenKilled(id, 1 + Math.floor(random() * 40), lives);
        if (outcome === undefined) kills += 1;
        else isWhole = outcome;
      }
      expect(kills).toBeGreaterThan(0);
      expect(await verdicts()).toEqual(expectedVerdicts(rows, usualJudge));
    }
  });

  /** One turn on a connection whose server process is killed before its n-th statement; undefined where that was in its middle. */
  async function foldThenKilled(id: string, most: number, lives: number): Promise<boolean | undefined> {
    const own = await connected();
    own.on("error", () => {});
    const { rows } = await own.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    let asked = 0;
    const query = own.query.bind(own) as (...args: readonly unknown[]) => Promise<unknown>;
    const dying = Object.create(own, {
      query: {
        value: async (...args: readonly unknown[]) => {
          asked += 1;
          if (asked > lives) await client.query("SELECT pg_terminate_backend($1)", [rows[0]?.pid]);
          return query(...args);
        },
      },
    }) as ClientBase;
    try {
      return (await foldStored(dying, id, most)).isWhole;
    } catch {
      return undefined;
    } finally {
      await own.end().catch(() => {});
    }
  }
});

describe("looks at the evidence", () => {
  const looksOf = (id: string) => readLooks(client, id);

  it("are stored with what verdicts rest on, further apart the longer a judgement lasts, for 14 days", async () => {
    await begin();
    const rows = rolloutRows(beyondMargin[0] as ErrorScenario, 1, 500);
    const id = await stored(rows);
    // One for the first fold, and one for each that came to another verdict.
    let folds = 0;
    for (let isWhole = false; !isWhole; folds += 1) isWhole = (await foldStored(client, id, 1)).isWhole;
    const looks = await looksOf(id);
    const said = await verdicts();
    expect(said.at(-1)?.decision).toBe("bad");
    expect(folds).toBeGreaterThan(looks.length);
    expect(looks.length).toBeLessThanOrEqual(said.length + 1);
    const { low, high, limit } = looks.at(-1)?.shares[0]?.bounds ?? {};
    expect(looks.at(-1)?.shares[0]).toMatchObject({ metric: "errors", bad: 1 });
    expect(low).toBeGreaterThan(Number(limit));
    expect(high).toBeGreaterThan(Number(low));
    expect(looks.map(({ at }) => at)).toEqual(looks.map(({ at }) => at).toSorted((a, b) => a - b));

    const age = "UPDATE menagerie.judgement_look SET at = at - interval '15 days' WHERE judgement_id = $1";
    await client.query(age, [id]);
    await pruneJudgements(client);
    expect(await looksOf(id)).toEqual([]);
  });
});

describe("rows that are old", () => {
  it("are deleted once they are in the state, and the same verdicts follow", async () => {
    const random = randomOf(11);
    for (const scenario of beyondMargin.slice(0, 3)) {
      await begin();
      const rows = rolloutRows(scenario, 1, 500);
      const id = await stored(rows);
      for (let isWhole = false; !isWhole; ) {
        await client.query(
          "UPDATE menagerie.judgement_row SET at = now() - interval '15 days' WHERE judgement_id = $1 AND seq <= $2",
          [id, Math.floor(random() * rows.length)],
        );
        isWhole = (await foldStored(client, id, 1 + Math.floor(random() * 40))).isWhole;
        await pruneJudgements(client);
        const { rows: left } = await client.query(
          `SELECT count(*) FILTER (WHERE seq > folded)::int AS "toFold", $2 - max(folded) AS expected,
                  count(*) FILTER (WHERE seq <= folded AND at < now() - interval '14 days')::int AS old
             FROM (SELECT (cursor->>'folded')::int AS folded FROM menagerie.judgement WHERE id = $1) j
             LEFT JOIN menagerie.judgement_row r ON r.judgement_id = $1`,
          [id, rows.length],
        );
        expect(left).toEqual([{ toFold: left[0].expected, expected: expect.any(Number), old: 0 }]);
      }
      expect(await verdicts()).toEqual(expectedVerdicts(rows, usualJudge));
    }
  });

  it("are verdicts too, but for those that are shown, that took something back, or that changed a weight", async () => {
    await tenPercent();
    await second({ "2xx": 1 }, { "2xx": 9 });
    await judge();
    await client.query("DELETE FROM menagerie.verdict WHERE model_id = $1", [judged.modelId]);
    const { rows } = await client.query<{ id: string }>(
      `INSERT INTO menagerie.verdict (judgement_id, model_id, decision, verdict, at)
       SELECT j.id, j.model_id, CASE place WHEN 1 THEN 'bad' ELSE 'undecided' END, '{}', now() - interval '15 days'
         FROM menagerie.judgement j, generate_series(1, 40) place WHERE j.model_id = $1 ORDER BY place RETURNING id::text AS id`,
      [judged.modelId],
    );
    const ids = rows.map(({ id }) => id);
    await client.query("UPDATE menagerie.rollout_traffic_step SET verdict_id = $2 WHERE model_id = $1", [
      judged.modelId,
      ids[4],
    ]);
    await pruneJudgements(client);
    const { rows: left } = await client.query<{ id: string }>(
      "SELECT id::text AS id FROM menagerie.verdict WHERE model_id = $1 ORDER BY menagerie.verdict.id",
      [judged.modelId],
    );
    expect(left.map(({ id }) => id)).toEqual([ids[0], ids[4], ...ids.slice(20)]);
  });
});

describe("simulated rollouts, folded in PostgreSQL", () => {
  const count = 170;
  /** Requests of a row: as many rows as a rollout of some minutes has. */
  const perRow = wholeMatrix ? 500 : 5_000;
  const errors = (scenario: ErrorScenario) => ({
    name: scenario.name,
    settings: usualJudge,
    rows: (seed: number): readonly JudgementRow[] => rolloutRows(scenario, seed, perRow),
  });
  const whole = (scenario: FoldScenario) => ({
    name: `four metrics: ${scenario.name}`,
    settings: { ...usualJudge, ...foldSettings },
    rows: (seed: number): readonly JudgementRow[] => [...rowsOfRollout(scenario, seed, wholeMatrix ? 100 : 1_000)],
  });
  const [equal, , waves] = equalVersions.filter(({ perUser }) => perUser === undefined);

  it.each([
    { ...errors(equal as ErrorScenario), isBad: false },
    { ...errors(waves as ErrorScenario), isBad: false },
    { ...errors(beyondMargin[0] as ErrorScenario), isBad: true },
    { ...whole({ name: "equal versions" }), isBad: false },
    { ...whole({ name: "equal, outages of both", outages: true }), isBad: false },
    { ...whole({ name: "latency 3 times", times: 3 }), isBad: true },
  ])("$name: as in memory, within the risk", async ({ settings, rows: rowsOf, isBad }) => {
    let bad = 0;
    for (let seed = 0; seed < count; seed += 1) {
      await begin(settings);
      const rows = rowsOf(seed);
      const id = await stored(rows);
      const folded = [];
      for (let isWhole = false; !isWhole; ) {
        const turn = await foldStored(client, id);
        folded.push(...turn.verdicts.map(({ verdict }) => verdict));
        isWhole = turn.isWhole;
      }
      const expected = expectedVerdicts(rows, settings);
      expect(JSON.parse(JSON.stringify(folded)), `seed ${seed}`).toEqual(expected);
      if (expected.at(-1)?.decision === "bad") bad += 1;
      await client.query("UPDATE menagerie.rollout SET judge = NULL WHERE model_id = $1", [judged.modelId]);
    }
    if (isBad) expect(bad).toBe(count);
    else expect(binomialTail(bad, count, settings.risk / 2)).toBeGreaterThan(0.001);
  });
});
