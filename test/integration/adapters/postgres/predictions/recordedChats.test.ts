import { gzipSync } from "node:zlib";
import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AskAgain, compareRecorded } from "../../../../../src/adapters/postgres/predictions/compareRecorded.ts";
import { ensurePredictionTables } from "../../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { recordedConversations } from "../../../../../src/adapters/postgres/predictions/recordedConversations.ts";
import { againPrefix } from "../../../../../src/adapters/postgres/predictions/recordedPairs.ts";
import { recordedRequests } from "../../../../../src/adapters/postgres/predictions/recordedRequests.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { askPrimary } from "../../../../../src/adapters/predictions/askAgain.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import type { ComparisonRules } from "../../../../../src/domain/shadow/rules.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { type StoredPrediction, storePredictions } from "../../../../support/predictions.ts";
import { startPredictor, type TestPredictor } from "../../../../support/predictor.ts";

/** Comparison of what models say: rows as recorders store chats, streamed and not. */

const schemas = ["first", "other", "noise"] as const;
let postgres: TestPostgres;
let primary: TestPredictor;

beforeAll(async () => {
  [postgres, primary] = await Promise.all([startPostgres(), startPredictor()]);
  await withTables(async (client) => {
    for (const schema of schemas) {
      await ensurePredictionTables(client, schema, { retentionDays: 5 });
      for (const back of [1, 2]) {
        await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - $1::integer)`, [
          back,
        ]);
      }
    }
  });
});

afterAll(() => Promise.all([postgres.stop(), primary.stop()]));

const dayMs = 86_400_000;
const midnight = new Date(Math.floor(Date.now() / dayMs) * dayMs);
const at = (seconds: number): Date => new Date(midnight.getTime() - dayMs + seconds * 1000);
const everything = { since: new Date(0), until: new Date(Date.now() + dayMs) };
const sides = { primary: { schema: "first" }, shadow: { schema: "other" } } as const;

function withTables<T>(work: (client: Client) => Promise<T>): Promise<T> {
  return withClient(postgres.server, "postgres", work);
}

beforeEach(() => {
  primary.seen.length = 0;
  return withTables(async (client) => {
    for (const schema of schemas) {
      for (const table of ["inference_requests", "inference_response"])
        await client.query(`DELETE FROM ${schema}.${table}`);
    }
  });
});

let made = 0;
function chat(content: string | null, more: object = {}): object {
  made += 1;
  const message = { role: "assistant", content };
  const choices = [{ index: 0, message, finish_reason: "stop" }];
  return { id: `c${made}`, object: "chat.completion", created: made, model: "m", choices, ...more };
}

const greedy = { messages: [{ role: "user", content: "Hi" }], temperature: 0 };
const warm = { ...greedy, temperature: 0.8 };

function asked(id: string, second: number, answer: object, more: Partial<StoredPrediction> = {}): StoredPrediction {
  const url = "/v1/chat/completions";
  return { id, at: at(second), url, operation: "chat", request: greedy, response: answer, ...more };
}

async function compare(
  [ofPrimary, ofShadow, ofNoise]: readonly (readonly StoredPrediction[])[],
  more: { rules?: ComparisonRules; again?: (client: Client) => AskAgain } = {},
) {
  return withTables(async (client) => {
    await storePredictions(client, "first", ofPrimary ?? []);
    await storePredictions(client, "other", ofShadow ?? []);
    await storePredictions(client, "noise", ofNoise ?? []);
    const noise = ofNoise ? { schema: "noise" } : undefined;
    const again = more.again?.(client);
    const request = { ...sides, ...everything, noise, again, rules: more.rules ?? {}, percent: 100 };
    const result = await compareRecorded(client, request, silent);
    return { result, conversations: await recordedConversations(client, sides, result) };
  });
}

describe("recorded chats", () => {
  it("compare by what was said, streamed or not, with the times of their streams", async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 21, total_tokens: 24 };
    const stream = (said: string): Partial<StoredPrediction> => ({
      raw: `data: {"id":"x${said.length}"}\n\n`.repeat(3_000),
      streamed: { firstTokenMs: 100, completionTokens: 21 },
      latencyMs: 1_100,
    });
    const { result } = await compare([
      [
        asked("same", 1, chat("Hello.")),
        asked("streamed", 2, chat("Hello.", { usage }), stream("a")),
        asked("half", 3, chat("Hello.", { usage }), stream("a")),
        asked("differs", 4, chat("Hello.", { usage }), stream("a")),
      ],
      [
        asked("same", 1, chat("Hello.", { system_fingerprint: "fp" })),
        asked("streamed", 2, chat("Hello.", { usage }), { ...stream("bb"), latencyMs: 600 }),
        asked("half", 3, chat("Hello.", { usage })),
        asked("differs", 4, chat("Bye.", { usage }), stream("bb")),
      ],
    ]);
    expect(result).toMatchObject({ pairs: 4, mismatches: 1, sampled: { pairs: 0 }, notJudged: {} });
    expect(result.fields).toMatchObject([{ field: "choices[*].message.content", mismatches: 1 }]);
    expect(result.speed.primary).toMatchObject({ firstToken: { count: 3 }, tokensPerSecond: { count: 3 } });
    expect(result.speed.primary.tokensPerSecond.p50).toBeCloseTo(20, 0);
    expect(result.speed.shadow.firstToken.count).toBe(2);
  });

  it("an error event behind a 200 is the shadow's failure, or the primary's, and never noise or chance", async () => {
    const whole = (id: string, n: number, more: Partial<StoredPrediction> = {}) => asked(id, n, chat("Hi"), more);
    const failed = { failure: "failed" } as const;
    const { result } = await compare([
      [whole("a", 1), whole("b", 2, failed), whole("c", 3)],
      [whole("a", 1, failed), whole("b", 2), whole("c", 3)],
      [whole("a", 1, failed), whole("b", 2), whole("c", 3, failed)],
    ]);
    expect(result).toMatchObject({ pairs: 2, mismatches: 1, notJudged: { primary_failed: 1 }, sampled: { pairs: 0 } });
    expect(result.fields).toMatchObject([{ field: "shadow_failed", isNoise: false }]);
  });

  it.each<[string, ComparisonRules, number, readonly string[]]>([
    ["what does not count does not", {}, 3, ["other", "list", "nested"]],
    ["a key of which a rule says that it counts does", { texts: { id: { as: "exact" } } }, 4, ["same", "other"]],
    ["a key of which a rule says that it does not, does not", { ignore: ["choices"] }, 2, ["list", "nested"]],
  ])("%s, where the database compares and where it does not", async (_, rules, mismatches, differing) => {
    const answers: Record<string, readonly [object, object]> = {
      same: [chat("Hi"), chat("Hi")],
      other: [chat("Hi"), chat("Ho")],
      // Minus deletes texts of a list, and keys of mappings only at the top.
      list: [["id", "a"], ["a"]],
      nested: [{ sub: { id: 1 } }, { sub: { id: 2 } }],
    };
    const side = (at: 0 | 1) => Object.entries(answers).map(([id, both], n) => asked(id, n, both[at]));
    const { result } = await compare([side(0), side(1)], { rules });
    expect(result).toMatchObject({ pairs: 4, mismatches });
    expect(result.outliers.map(({ requestId }) => requestId)).toEqual(expect.arrayContaining([...differing]));
  });

  it("rows of older recorders are compared by the path that was asked", async () => {
    const { operation: _, ...before } = asked("a", 1, chat("Hi"), { url: "/openai/v1/chat%2Fcompletions?x=1" });
    const { result } = await compare([[before], [{ ...before, response: chat("Hi") }]]);
    expect(result).toMatchObject({ pairs: 1, mismatches: 0 });
  });

  it("a request that is not JSON, and one whose bodies were not kept, are told", async () => {
    const raw = { requestRaw: "not JSON" };
    const coded = { requestRaw: gzipSync(JSON.stringify(warm)) };
    const result = await withTables(async (client) => {
      const rows = (said: string) => [
        asked("raw", 1, chat(said), raw),
        asked("coded", 2, chat(said), coded),
        asked("none", 3, chat(said)),
        asked("list", 4, chat(said), { request: [warm] }),
      ];
      await storePredictions(client, "first", rows("a"));
      await storePredictions(client, "other", rows("b"));
      for (const schema of ["first", "other"]) {
        await client.query(
          `UPDATE ${schema}.inference_requests SET headers = '{"content-encoding": "gzip"}' WHERE request_id = 'coded'`,
        );
        await client.query(`UPDATE ${schema}.inference_response SET response_data = NULL WHERE request_id = 'none'`);
      }
      return compareRecorded(client, { ...sides, ...everything, rules: {}, percent: 100 }, silent);
    });
    // The coded request has a temperature and no seed; the other two say nothing of either.
    expect(result).toMatchObject({
      pairs: 2,
      mismatches: 2,
      sampled: { pairs: 1, differing: 1 },
      notJudged: { not_kept: 1 },
    });
  });
});

describe("answers that may differ by chance", () => {
  const pairs = (said: string) =>
    Array.from({ length: 40 }, (_, n) => asked(`r-${n}`, n, chat(n < 10 ? "same" : said), { request: warm }));

  it("are judged where the second copy of the primary says the same again", async () => {
    const again = pairs("a").map((each, n) => (n < 25 ? each : { ...each, response: chat(`by chance ${n}`) }));
    const { result } = await compare([pairs("a"), pairs("b"), again]);
    expect(result).toMatchObject({
      pairs: 25,
      mismatches: 15,
      sampled: { pairs: 15, differing: 15, asked: 40, repeated: 25 },
      noise: { differing: 0 },
    });
  });

  it("are counted apart where nobody is asked, and a seed or no temperature leaves nothing to chance", async () => {
    const seeded = { request: { ...warm, seed: 7 } };
    const { result, conversations } = await compare([
      [...pairs("a"), asked("seeded", 90, chat("a"), seeded)],
      [...pairs("b"), asked("seeded", 90, chat("b"), seeded)],
    ]);
    const sampled = { pairs: 40, differing: 30, failing: 0, asked: 0, repeated: 0 };
    expect(result).toMatchObject({ pairs: 1, mismatches: 1, sampled });
    expect(conversations.map(({ isSampled }) => isSampled)).toEqual([false, true, true, true]);
  });

  it("the primary is asked again, so often at most, at its own path and under ids that are not compared", async () => {
    primary.answer = (response, body, { headers }) => {
      const id = String(headers["x-request-id"]);
      const { stream } = JSON.parse(body.toString()) as { stream?: boolean };
      const n = Number(id.split("-").at(-1));
      const said = n < 10 ? "same" : n % 2 === 0 ? "a" : "by chance";
      if (!stream) response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(chat(said)));
    };
    const url = `http://${primary.host}/serving/models/m/v1/models/model:predict`;
    const { signal } = new AbortController();
    const { result } = await compare([pairs("a"), pairs("b")], {
      again: (client) =>
        askPrimary({
          client,
          side: sides.primary,
          url,
          headers: { "x-api-key": "k" },
          most: 12,
          timeoutMs: 10_000,
          signal,
        }),
    });
    expect(primary.seen).toHaveLength(12);
    for (const each of primary.seen) {
      expect(each.url).toBe("/serving/models/m/v1/chat/completions");
      expect(each.id).toMatch(new RegExp(`^${againPrefix}[0-9a-f]{8}-r-\\d+$`));
    }
    const numbers = primary.seen.map(({ id }) => Number(id?.split("-").at(-1)));
    const [equal, even] = [numbers.filter((n) => n < 10).length, numbers.filter((n) => n >= 10 && n % 2 === 0).length];
    expect(result.sampled).toMatchObject({ pairs: 40 - equal - even, asked: 12, repeated: equal + even });
    expect(result).toMatchObject({ pairs: equal + even, mismatches: even });
    // What a recorder makes of such a request is not a pair.
    const own = `${againPrefix}01234567-r-1`;
    const later = await compare([[asked(own, 100, chat("a"))], [asked(own, 100, chat("b"))]]);
    expect(later.result).toMatchObject({
      sampled: { pairs: 40, differing: 30 },
      completeness: { primary: 40, shadow: 40, paired: 40 },
    });
  });

  it("a primary that is not there is told in a sentence", async () => {
    const { signal } = new AbortController();
    const asking = compare([pairs("a"), pairs("b")], {
      again: (client) =>
        askPrimary({
          client,
          side: sides.primary,
          url: "http://127.0.0.1:1/",
          headers: {},
          most: 5,
          timeoutMs: 5_000,
          signal,
        }),
    });
    await expect(asking).rejects.toThrow("http://127.0.0.1:1/ does not answer");
  });
});

describe("conversations", () => {
  it("are read whole, of the pairs that differ and whose protocol is words", async () => {
    const long = "word ".repeat(100_000);
    const { conversations } = await compare([
      [
        asked("chat", 1, chat(`${long}one`)),
        asked("failed", 2, chat("a")),
        { id: "numbers", at: at(3), response: { results: [1] } },
      ],
      [
        asked("chat", 1, chat(`${long}two`)),
        asked("failed", 2, { error: { message: "no" } }, { status: 500 }),
        { id: "numbers", at: at(3), response: { results: [2] } },
      ],
    ]);
    const byId = new Map(conversations.map((each) => [each.requestId, each]));
    expect([...byId.keys()].sort()).toEqual(["chat", "failed"]);
    expect(byId.get("chat")).toMatchObject({ asked: [{ who: "user", text: "Hi" }] });
    expect(byId.get("chat")?.shadow.turns[0]?.text).toBe(`${long}two`);
    expect(byId.get("failed")?.shadow).toMatchObject({ turns: [], note: "HTTP 500" });
  });
});

describe("recorded requests", () => {
  it("in tables of an earlier release are told of in a sentence", async () => {
    const sentence = "are those of an earlier release; run `up`, which adds the columns that came since";
    await withTables(async (client) => {
      await ensurePredictionTables(client, "old", { retentionDays: 5 });
      await client.query("ALTER TABLE old.inference_response DROP COLUMN first_token_ms");
      const old = { primary: { schema: "old" }, shadow: { schema: "old" }, ...everything, rules: {}, percent: 100 };
      await expect(compareRecorded(client, old, silent)).rejects.toThrow(sentence);
      const requests = recordedRequests(client, { side: old.primary, ...everything, limit: 1 });
      await expect(requests.next()).rejects.toThrow(sentence);
    });
  });

  it("come by their ids, or in the order of time, each once, over pages and days", async () => {
    const stored = Array.from({ length: 90 }, (_, n) => asked(`r-${(n * 37) % 90}`, n - 45, chat("a")));
    const read = (order: "id" | "time", limit: number) =>
      withTables(async (client) => {
        const ids: string[] = [];
        for await (const { requestId } of recordedRequests(client, {
          side: sides.primary,
          ...everything,
          limit,
          order,
        })) {
          ids.push(requestId);
        }
        return ids;
      });
    await withTables((client) => storePredictions(client, "first", stored));
    expect(await read("time", 1_000)).toEqual(stored.map(({ id }) => id));
    expect(await read("time", 40)).toEqual(stored.slice(0, 40).map(({ id }) => id));
    expect(new Set(await read("id", 1_000)).size).toBe(90);
  });
});
