import type { ServerResponse } from "node:http";
import { Client, type ClientBase } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientConfig } from "../../../src/adapters/postgres/server.ts";
import { beginSource } from "../../../src/adapters/postgres/traffic/sources.ts";
import { storeBatch } from "../../../src/adapters/postgres/traffic/storeBatch.ts";
import type { Judgement, Verdict } from "../../../src/domain/judgement/state.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { contentVersion } from "../../../src/domain/shadow/evidence.ts";
import type { RolloutSide } from "../../../src/domain/zoo/traffic.ts";
import { judgeOnce } from "../../../src/services/guard/judging.ts";
import { DividedIris } from "../../support/gateway/dividedIris.ts";
import { type JudgedModel, judgedModel, usualJudge, weightFrom } from "../../support/judge/judgedModel.ts";
import { makePlatformTables } from "../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { startPredictor, type TestPredictor } from "../../support/predictor.ts";
import { startRecorder, type TestRecorder } from "../../support/recorder.ts";

/** Requests that a real gateway divides by a weight, as real recorders store them and a guard judges them. */

const schema = "recorded_iris";
/** What a client may say of itself. */
const forged = { "x-menagerie-coin": "coin 1" };

/** The gateway divides by a weight once its answers say so, on each of its threads. */
async function divided(iris: DividedIris, weight: number, coin: string | undefined): Promise<void> {
  await iris.divide({ weight }, { ...iris.route, tellsDraws: true });
  for (let seen = 0; seen < 3; seen += 1) {
    await expect
      .poll(async () => {
        const asked = Array.from({ length: 32 }, () => iris.answered({}).catch(() => undefined));
        return new Set(
          (await Promise.all(asked)).map((answer) => answer && (answer.seen["x-menagerie-coin"] ?? "none")),
        );
      })
      .toEqual(new Set([coin ?? "none"]));
  }
  iris.own.backends.seen.splice(0);
}

describe.each(["istio", "gateway-api"] as const)("with %s", (api) => {
  let iris: DividedIris;

  beforeAll(async () => {
    iris = await DividedIris.open(`by-weight-${api}`, { weight: 0 }, { recorded: true, api });
  });

  afterAll(() => iris?.own.close());

  test("recorders are told of requests that are drawn, whatever the client says, and of no others", async () => {
    await divided(iris, 50, "coin 2");
    const sides = new Set<string>();
    for (let request = 0; request < 60; request += 1) {
      const { side, seen } = await iris.answered(forged);
      expect(seen["x-menagerie-coin"]).toBe("coin 2");
      sides.add(side);
    }
    expect([...sides].sort()).toEqual(["new", "old"]);
    await divided(iris, 100, undefined);
    expect((await iris.answered({})).seen).not.toHaveProperty("x-menagerie-coin");
  });
});

describe("a judge", () => {
  let iris: DividedIris;
  let postgres: TestPostgres;
  let client: ClientBase;
  let end: () => Promise<void>;
  let predictors: Readonly<Record<RolloutSide, TestPredictor>>;
  let recorders: Readonly<Record<RolloutSide, TestRecorder>>;
  let own: JudgedModel;
  let begun: number;
  /** The gateway's source, and up to when it has told. */
  let gateway: string;
  let told: number;

  beforeAll(async () => {
    postgres = await startPostgres();
    await makePlatformTables(postgres.server);
    const connection = new Client(clientConfig(postgres.server, platformDatabase));
    await connection.connect();
    client = connection;
    end = () => connection.end();
    own = await judgedModel(client, "iris", {
      ...usualJudge,
      recorded: true,
      recordedIn: schema,
      maxLatencyRatio: { p50: 3 },
      warmupSeconds: 0,
    });
    predictors = { old: await startPredictor(), new: await startPredictor() };
    const start = (side: RolloutSide, makeTables: boolean) =>
      startRecorder({
        postgres,
        predictor: predictors[side].host,
        schema,
        makeTables,
        database: platformDatabase,
        env: { MENAGERIE_MODEL_VERSION: contentVersion(side === "new" ? own.hash : "0".repeat(64), {}) },
      });
    const old = await start("old", true);
    recorders = { old, new: await start("new", false) };
    iris = await DividedIris.open("judged-by-weight", { weight: 0 }, { recorded: true });
    begun = Math.floor(Date.now() / 1000) - 100;
    told = begun;
    gateway = await beginSource(client, { path: "route", name: "gateway/one" }, begun);
    await weightFrom(client, own, 0, begun);
    expect(await weightFrom(client, own, 50, begun + 1)).toBe(2);
  });

  afterAll(async () => {
    for (const side of ["old", "new"] as const) {
      await recorders?.[side].dispose();
      await predictors?.[side].stop();
    }
    await iris?.own.close();
    await end?.();
    await postgres?.stop();
  });

  const said = 'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n';
  const done = "data: [DONE]\n\n";
  const failed = 'data: {"error":{"message":"out of memory"}}\n\n';

  /** Through the gateway, and with what it sent on to the recorder of the version that it chose. */
  async function chat(): Promise<RolloutSide> {
    const { side, seen } = await iris.answered(forged, "/v1/chat/completions");
    const headers = Object.fromEntries(
      ["x-menagerie-coin", "x-request-id"].flatMap((name) => (seen[name] === undefined ? [] : [[name, seen[name]]])),
    );
    const response = await fetch(`${recorders[side].origin}/v1/chat/completions`, {
      method: "POST",
      body: '{"model": "m", "messages": [], "stream": true}',
      headers: { "content-type": "application/json", ...headers },
    });
    expect(response.status).toBe(200);
    await response.text();
    return side;
  }

  async function asked(count: number): Promise<Record<RolloutSide, number>> {
    const sides = { old: 0, new: 0 };
    let left = count;
    const some = async () => {
      while (left > 0) {
        left -= 1;
        sides[await chat()] += 1;
      }
    };
    await Promise.all(Array.from({ length: 16 }, some));
    iris.own.backends.seen.splice(0);
    return sides;
  }

  /** What the guard says once everything is read that is stored by now. */
  async function judged(): Promise<{
    readonly verdict?: Verdict | undefined;
    readonly state: Judgement;
    readonly until: number;
  }> {
    const until = Math.ceil(Date.now() / 1000) + 5;
    await storeBatch(client, gateway, { observed: { since: told, until }, tellsEnds: true, counts: [], timed: [] });
    told = until;
    for (;;) {
      await judgeOnce(client, new Date((until + 30) * 1000), { readiness: async () => ({ pods: 1, since: [] }) });
      const { rows } = await client.query<{ pairs: number; state: Judgement }>(
        "SELECT (cursor->>'pairs')::float8 AS pairs, state FROM menagerie.judgement WHERE model_id = $1",
        [own.modelId],
      );
      const [row] = rows;
      if (!row || row.pairs < until - 5) continue;
      const verdicts = await client.query<{ verdict: Verdict }>(
        "SELECT verdict FROM menagerie.verdict WHERE model_id = $1 ORDER BY id DESC LIMIT 1",
        [own.modelId],
      );
      return { verdict: verdicts.rows[0]?.verdict, state: row.state, until };
    }
  }

  const answering = (ends: () => string) => (response: ServerResponse) =>
    void response.writeHead(200, { "content-type": "text/event-stream" }).end(`${said}${ends()}`);

  async function stored(count: number): Promise<void> {
    const rows = () => recorders.old.query<{ n: number }>("SELECT count(*)::int AS n FROM inference_response");
    await expect.poll(async () => (await rows())[0]?.n).toBe(count);
  }

  test("counts each request once, on the side where the gateway sent it, and what its client says nowhere; then it sees the errors at the end of streams", async () => {
    await divided(iris, 50, "coin 2");
    for (const side of ["old", "new"] as const) predictors[side].answer = answering(() => done);
    const sides = await asked(600);
    // Not the gateway's: what a client said to the recorder alone.
    const theirs = { "x-menagerie-coin": "coin 9", "x-request-id": "theirs" };
    const alone = { method: "POST", body: "{}", headers: theirs };
    await (await fetch(`${recorders.new.origin}/v1/chat/completions`, alone)).text();
    await stored(601);
    const { verdict, state, until } = await judged();
    expect(verdict?.decision).not.toBe("bad");
    expect(state.recorded).toEqual([
      { weight: 0.5, newFailed: 0, newAnswered: sides.new, oldFailed: 0, oldAnswered: sides.old },
    ]);

    // What was read is not read again.
    await expect.poll(() => Date.now() / 1000).toBeGreaterThan(until);
    let place = 0;
    predictors.new.answer = answering(() => {
      place += 1;
      return place % 3 === 0 ? failed : done;
    });
    await asked(300);
    await stored(901);
    const after = await judged();
    console.log(`judged by weight: ${JSON.stringify(sides)} ${after.verdict?.because.join("; ")}`);
    expect(after.verdict).toMatchObject({
      decision: "bad",
      because: [expect.stringMatching(/^errors in recordings \d+ of \d+ against 0 of \d+/)],
    });
  });
});
