import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readDrawn, readRecorders } from "../../../../src/adapters/postgres/judgement/readDrawn.ts";
import { readUsers } from "../../../../src/adapters/postgres/judgement/readUsers.ts";
import { withClient } from "../../../../src/adapters/postgres/server.ts";
import { userWindow } from "../../../../src/domain/judgement/userRows.ts";
import { openEvery } from "../../../../src/domain/recording/openRequests.ts";
import { drawnCoin, hashCoin } from "../../../../src/domain/serving/coin.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { startPredictor, type TestPredictor } from "../../../support/predictor.ts";
import { startRecorder, type TestRecorder } from "../../../support/recorder.ts";

/** Users as two real recorders tell them apart, of requests as a gateway sends them on whose cookie keeps users on their side. */

const [schema, cookie] = ["users", "menagerie-iris-7"];
let postgres: TestPostgres;
let predictor: TestPredictor;
let recorders: Readonly<Record<"old" | "new", TestRecorder>>;
const begun = Math.floor(Date.now() / 1000) - 1;
const ids: string[] = [];

beforeAll(async () => {
  [postgres, predictor] = await Promise.all([startPostgres(), startPredictor()]);
  const usual = predictor.answer;
  predictor.answer = (response, body, request) => {
    if (request.url?.includes("fails")) response.writeHead(500).end("{}");
    else usual(response, body, request);
  };
  const start = (version: string, makeTables: boolean) =>
    startRecorder({
      postgres,
      predictor: predictor.host,
      schema,
      makeTables,
      env: { MENAGERIE_MODEL_VERSION: version },
    });
  const old = await start("1", true);
  recorders = { old, new: await start("2", false) };
});

afterAll(async () => {
  await recorders.new.dispose();
  await recorders.old.dispose();
  await Promise.all([predictor.stop(), postgres.stop()]);
});

/** A request as the gateway sends it on; answers its id. */
async function ask(side: "old" | "new", headers: Readonly<Record<string, string>>, fails = false): Promise<string> {
  const id = headers["x-request-id"] ?? randomUUID();
  ids.push(id);
  const response = await fetch(`${recorders[side].origin}/v1/models/model:predict${fails ? "?fails" : ""}`, {
    method: "POST",
    body: '{"values": [1]}',
    headers: { "content-type": "application/json", "x-request-id": id, ...headers },
  });
  await response.text();
  expect(response.status).toBe(fails ? 500 : 200);
  return id;
}

const draw = (side: "old" | "new", fails = false, more: Readonly<Record<string, string>> = {}) =>
  ask(side, { "x-menagerie-coin": cookie, ...more }, fails);
const follow = (side: "old" | "new", id: string, fails = false) =>
  ask(side, { "x-menagerie-coin": cookie, cookie: `theirs=1; ${cookie}=${side}.${id}` }, fails);

const tellsBy = { generation: 7, weight: 50, at: begun - 10, appliedAt: begun - 10, isSticky: true };

/** What is told of all users, each kind as if its time were over. */
async function told({ drawnFrom = begun, steps = [tellsBy] } = {}) {
  const stored = async () =>
    (await recorders.old.query<{ n: number }>("SELECT count(*)::int AS n FROM inference_response"))[0]?.n;
  await expect.poll(stored, { interval: 50 }).toBe(ids.length);
  const asked = { modelId: "1", hash: "b", schema, steps, old: { recordedAs: "1" }, new: { recordedAs: "2" } };
  const read = (later: number) =>
    withClient(postgres.server, "postgres", (client) =>
      readUsers(client, asked, { since: begun + later, until: begun + 300 + later, drawnFrom }),
    );
  const all = [...(await read(0)), ...(await read(userWindow))];
  const sums: Record<string, { users: number; failed: number }> = {};
  for (const { of, side, generation, share, users } of all) {
    expect(generation).toBe(7);
    const before = sums[`${of} ${side}`] ?? { users: 0, failed: 0 };
    sums[`${of} ${side}`] = { users: before.users + users, failed: before.failed + share * users };
  }
  return sums;
}

it("a user is the request that was drawn, and those that follow with its cookie", async () => {
  const seen: string[] = [];
  const answer = predictor.answer;
  predictor.answer = (response, body, request) => {
    seen.push(...Object.keys(request.headers));
    answer(response, body, request);
  };
  const one = await draw("new");
  await follow("new", one, true);
  await follow("new", one, true);
  await follow("new", one);
  await draw("new", true);
  const other = await draw("old");
  await follow("old", other);
  // Of a browser that keeps no cookies, each request is one.
  for (let times = 0; times < 3; times += 1) await draw("old");
  expect(await told()).toEqual({
    "first new": { users: 2, failed: 1 },
    "first old": { users: 4, failed: 0 },
    "whole new": { users: 2, failed: 1.5 },
    "whole old": { users: 4, failed: 0 },
  });
  // The model is told nothing of it.
  expect(seen).not.toContain("x-menagerie-coin");
});

it("what nobody was drawn for counts for nothing: other requests, made up cookies, and ids that come again", async () => {
  const before = await told();
  // Through the API service, whose users nobody draws.
  await ask("old", {}, true);
  await follow("new", randomUUID(), true);
  // On the side where it was not drawn.
  await follow("new", await draw("old"), true);
  // An earlier Menagerie's cookie, which has no id.
  await ask("new", { "x-menagerie-coin": cookie, cookie: `${cookie}=new` }, true);
  const twice = { "x-request-id": "twice" };
  await draw("new", true, twice);
  await draw("old", true, twice);
  const after = await told();
  expect(after).toEqual({
    ...before,
    "first old": { users: 5, failed: 0 },
    "whole old": { users: 5, failed: 0 },
  });
  expect(await told({ drawnFrom: begun + 300 })).toEqual({});
});

it("what a client says of itself while no gateway tells anything counts for nothing", async () => {
  const overBefore = [tellsBy, { generation: 8, weight: 100, at: begun - 9, appliedAt: begun - 9, isSticky: true }];
  expect(await told({ steps: overBefore })).toEqual({});
  expect(await told({ steps: [{ ...tellsBy, at: begun + 900, appliedAt: begun + 900 }] })).toEqual({});
});

it("of a user by a header, what is stored hides who it is, and the model is told nothing of it", async () => {
  const seen: string[] = [];
  const answer = predictor.answer;
  predictor.answer = (response, body, request) => {
    seen.push(...Object.keys(request.headers));
    answer(response, body, request);
  };
  const coin = hashCoin({ generation: 7, header: "x-user", key: "0123456789abcdef0123456789abcdef" });
  const asked = [
    await ask("new", { "x-menagerie-coin": coin, "x-user": "ada@example.com" }),
    await ask("new", { "x-menagerie-coin": coin, "x-user": "ada@example.com" }, true),
    await ask("old", { "x-menagerie-coin": coin, "x-user": "bob@example.com" }),
    await ask("old", { "x-menagerie-coin": coin }),
  ];
  predictor.answer = answer;
  const stored = () =>
    recorders.old.query<{ coin: string | null; headers: string }>(
      `SELECT headers->>'x-menagerie-coin' AS coin, headers::text AS headers FROM inference_requests
        WHERE request_id = ANY ($1) ORDER BY array_position($1, request_id)`,
      [asked],
    );
  await expect.poll(async () => (await stored()).length, { interval: 50 }).toBe(asked.length);
  const rows = await stored();
  const [one, again, other, nobody] = rows.map((row) => row.coin);
  expect(one).toMatch(/^hash 7 [0-9a-f]{32}$/);
  expect(again).toBe(one);
  expect(other).not.toBe(one);
  expect(nobody).toBeNull();
  expect(rows.map(({ headers }) => headers).join()).not.toMatch(/example|0123456789abcdef/);
  expect(seen).toContain("x-user");
  expect(seen).not.toContain("x-menagerie-coin");
});

describe("a request that is drawn one by one", () => {
  const coin = drawnCoin(9);
  const steps = [{ generation: 9, weight: 50, at: begun - 10, appliedAt: begun - 10, isSticky: false }];
  const asked = { modelId: "1", hash: "b", schema, steps, old: { recordedAs: "1" }, new: { recordedAs: "2" } };
  const range = { since: begun, until: begun + 300, drawnFrom: begun };
  const timed = { isTimed: true, warm: [] };
  const read = () => withClient(postgres.server, "postgres", (client) => readDrawn(client, asked, range, timed));
  const stream = 'data: {"choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n';
  /** Answers a stream with this at its end. */
  const chat = async (side: "old" | "new", end: string) => {
    predictor.answer = (response) =>
      response.writeHead(200, { "content-type": "text/event-stream" }).end(`${stream}${end}`);
    const response = await fetch(`${recorders[side].origin}/v1/chat/completions`, {
      method: "POST",
      body: '{"model": "m", "messages": [], "stream": true}',
      headers: { "content-type": "application/json", "x-request-id": randomUUID(), "x-menagerie-coin": coin },
    });
    expect(response.status).toBe(200);
    return response.text();
  };

  it("is stored with its side, what its stream told of errors, and when the first token came", async () => {
    const usual = predictor.answer;
    await chat("new", 'data: {"error":{"message":"out of memory"}}\n\n');
    await chat("new", "data: [DONE]\n\n");
    await chat("old", "data: [DONE]\n\n");
    predictor.answer = usual;
    await ask("old", { "x-menagerie-coin": coin }, false);
    // Those of whom no gateway told.
    await ask("old", {}, false);
    const sides = async () =>
      (await read()).flatMap(({ side, failed, isCut, requests }) =>
        Array.from({ length: requests }, () => `${side} ${failed ? "failed" : "answered"}${isCut ? ", cut" : ""}`),
      );
    // Told of its first token before it failed.
    await expect
      .poll(async () => (await sides()).sort(), { interval: 50 })
      .toEqual(["new answered", "new failed", "old answered", "old answered"]);
    expect((await read()).every((each) => each.class !== null)).toBe(true);
    const warm = [{ since: begun - 1, until: begun + 300 }];
    const untimed = await withClient(postgres.server, "postgres", (client) =>
      readDrawn(client, asked, range, { isTimed: true, warm }),
    );
    expect(untimed.every((each) => each.class === null)).toBe(true);
  });

  it("is told while it is not over, as of the same moments by all recorders, and is gone once it is", async () => {
    const usual = predictor.answer;
    let answer = () => {};
    const isAsked = new Promise<void>((resolve) => {
      predictor.answer = (response) => {
        answer = () => response.writeHead(200, { "content-type": "application/json" }).end("{}");
        resolve();
      };
    });
    const hanging = ask("new", { "x-menagerie-coin": coin });
    await isAsked;
    predictor.answer = usual;
    const moments = async () =>
      (
        await recorders.new.query<{ at: number }>(
          "SELECT extract(epoch FROM at)::float8 AS at FROM recorder_open WHERE model_version = '2' ORDER BY at",
        )
      ).map(({ at }) => at);
    await expect.poll(moments, { interval: 100 }).not.toEqual([]);
    const [first = 0] = await moments();
    expect(first % openEvery).toBe(0);
    await expect.poll(moments, { interval: 100 }).toContain(first + openEvery);
    const openAt = (until: number) =>
      withClient(postgres.server, "postgres", (client) => readRecorders(client, asked, { drawnFrom: begun, until }));
    const [one, again] = [await openAt(first), await openAt(first + openEvery)];
    expect(one).toMatchObject({ lost: 0, open: { new: [{ count: 1 }], old: [] } });
    const age = (told: typeof one) => told.open.new[0]?.atLeast ?? 0;
    expect(age(again) - age(one)).toBeGreaterThan(0.95 * openEvery * 1000);
    answer();
    await hanging;
    const last = async () => (await moments()).at(-1) ?? 0;
    const over = await last();
    expect((await openAt(over + openEvery)).open).toEqual({ new: [], old: [] });
    // Of another generation nobody asks.
    const other = { ...asked, steps: [{ generation: 10, weight: 50, at: begun, appliedAt: begun, isSticky: false }] };
    const ofOther = await withClient(postgres.server, "postgres", (client) =>
      readRecorders(client, other, { drawnFrom: begun, until: first }),
    );
    expect(ofOther.open).toEqual({ new: [], old: [] });
  });
});

it("no cookie is stored", async () => {
  const rows = await recorders.old.query<{ coin: string | null }>(
    "SELECT headers->>'x-menagerie-coin' AS coin FROM inference_requests WHERE headers::text LIKE '%menagerie-iris%' OR headers ? 'cookie'",
  );
  expect(rows).toEqual([]);
});
