import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { compareRecorded } from "../../../../../src/adapters/postgres/predictions/compareRecorded.ts";
import { ensurePredictionTables } from "../../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { recordedPairs } from "../../../../../src/adapters/postgres/predictions/recordedPairs.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { silent } from "../../../../../src/domain/progress.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { type StoredPrediction, storePredictions } from "../../../../support/predictions.ts";

const schemas = ["doubled", "tripled", "again"];
let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await withTables(async (client) => {
    for (const schema of schemas) {
      await ensurePredictionTables(client, schema, { retentionDays: 5 });
      for (const back of [1, 2, 3]) {
        await client.query(`SELECT ${schema}.make_prediction_day((now() AT TIME ZONE 'UTC')::date - $1::integer)`, [
          back,
        ]);
      }
    }
  });
});

afterAll(() => postgres.stop());

const dayMs = 86_400_000;
const midnight = new Date(Math.floor(Date.now() / dayMs) * dayMs);
/** Yesterday, so that whatever is stored has settled; negative is the evening before it. */
const at = (seconds: number): Date => new Date(midnight.getTime() - dayMs + seconds * 1000);
const everything = { since: new Date(0), until: new Date(Date.now() + dayMs) };

function withTables<T>(work: (client: Client) => Promise<T>): Promise<T> {
  return withClient(postgres.server, "postgres", work);
}

beforeEach(() =>
  withTables(async (client) => {
    for (const schema of schemas) {
      for (const table of ["inference_requests", "inference_response", "recording_losses"]) {
        await client.query(`DELETE FROM ${schema}.${table}`);
      }
    }
  }),
);

async function compare(
  primary: readonly StoredPrediction[],
  shadow: readonly StoredPrediction[],
  more: { versions?: [string, string]; noise?: readonly StoredPrediction[]; percent?: number } = {},
) {
  return withTables(async (client) => {
    await storePredictions(client, "doubled", primary);
    await storePredictions(client, "tripled", shadow);
    await storePredictions(client, "again", more.noise ?? []);
    return compareRecorded(
      client,
      {
        primary: { schema: "doubled", version: more.versions?.[0] },
        shadow: { schema: "tripled", version: more.versions?.[1] },
        ...(more.noise ? { noise: { schema: "again" } } : {}),
        ...everything,
        rules: {},
        percent: more.percent ?? 100,
      },
      silent,
    );
  });
}

describe("pairs of recorded answers", () => {
  it("are found by request id and compared", async () => {
    const inputs = Array.from({ length: 30 }, (_, n) => ({ id: `r-${n}`, at: at(n), n: n + 1 }));
    const result = await compare(
      inputs.map(({ n, ...each }) => ({ ...each, response: { results: [n * 2] }, latencyMs: 2 })),
      inputs.map(({ n, ...each }) => ({ ...each, response: { results: [n * 3] }, latencyMs: 4 })),
    );
    expect(result).toMatchObject({ pairs: 30, mismatches: 30, factor: { factor: 1.5 }, statuses: [{ pairs: 30 }] });
    expect(result.completeness).toMatchObject({ primary: 30, shadow: 30, paired: 30, lost: 0, rate: 1 });
    expect((result.latency.shadow.p50 ?? 0) / (result.latency.primary.p50 ?? 1)).toBeCloseTo(2, 1);
    expect(result).toMatchObject({ from: at(0).getTime(), to: at(29).getTime() });
  });

  it("are found on both sides of midnight", async () => {
    const result = await compare(
      [
        { id: "late", at: at(-0.05) },
        { id: "early", at: at(0.02) },
      ],
      [
        { id: "late", at: at(0.05) },
        { id: "early", at: at(-0.02) },
      ],
    );
    expect(result.completeness).toMatchObject({ paired: 2, lost: 0 });
  });

  it("an id that is used again a day later is another request", async () => {
    const result = await compare([{ id: "a", at: at(10) }], [{ id: "a", at: at(-80_000) }]);
    expect(result).toMatchObject({ pairs: 0, completeness: { paired: 0, lost: 1 } });
  });

  it("an id that is used again at once pairs by attempt, and never with another request", async () => {
    const answers = (attempts: readonly [number, number][]): StoredPrediction[] =>
      attempts.map(([attempt, n]) => ({ id: "a", attempt, at: at(attempt), request: { n }, response: { n } }));
    const whole = await compare(
      answers([
        [1, 10],
        [2, 20],
      ]),
      answers([
        [1, 10],
        [2, 20],
      ]),
    );
    expect(whole).toMatchObject({ pairs: 2, differing: 0 });
  });

  it("a lost copy does not make its successors differ", async () => {
    const result = await compare(
      [1, 2, 3].map((attempt) => ({ id: "a", attempt, at: at(attempt), request: { attempt }, response: { attempt } })),
      [1, 2].map((attempt) => ({
        id: "a",
        attempt,
        at: at(attempt),
        request: { attempt: attempt + 1 },
        response: { attempt: attempt + 1 },
      })),
    );
    expect(result).toMatchObject({ pairs: 0, differing: 0, completeness: { sampled: 3, lost: 3 } });
  });

  it("are of the asked versions only", async () => {
    const result = await compare(
      [
        { id: "a", at: at(1), version: "old" },
        { id: "b", at: at(2), version: "new" },
      ],
      [
        { id: "a", at: at(1), version: "x" },
        { id: "b", at: at(2), version: "x" },
      ],
      { versions: ["new", "x"] },
    );
    expect(result).toMatchObject({ pairs: 1, completeness: { primary: 1, paired: 1 } });
  });

  it("ids that a recorder made pair with nothing and are counted", async () => {
    const result = await compare([{ id: "a", at: at(1), unpaired: true }], [{ id: "a", at: at(1) }]);
    expect(result).toMatchObject({ pairs: 0, completeness: { primary: 0, unpaired: 1 } });
  });

  it("bodies that are not JSON, cut bodies and missing answers are told apart", async () => {
    const result = await compare(
      [
        { id: "same", at: at(1), raw: "a\u0001" },
        { id: "other", at: at(2), raw: "a" },
        { id: "cut", at: at(3), raw: "a", truncated: true },
        { id: "gone", at: at(4), response: {} },
      ],
      [
        { id: "same", at: at(1), raw: "a\u0001" },
        { id: "other", at: at(2), raw: "b" },
        { id: "cut", at: at(3), raw: "a", truncated: true },
        { id: "gone", at: at(4), raw: "", status: 503, failure: "predictor_unavailable" },
      ],
    );
    expect(result).toMatchObject({ pairs: 3, differing: 2, notJudged: { too_long: 1 }, undecided: 1 });
    expect(result.fields.map(({ field }) => field).sort()).toEqual(["(not JSON)", "shadow_unavailable"]);
  });

  it("numbers are told apart by the digits that were answered", async () => {
    const answers = ["0.1", "9007199254740993", "1e300", "2.0"];
    const others = ["0.10000000000000000000001", "9007199254740992", "1.00e300", "2.00"];
    const result = await withTables(async (client) => {
      for (const [schema, numbers] of [["doubled", answers] as const, ["tripled", others] as const]) {
        const ids = numbers.map((_, n) => ({ id: `r-${n}`, at: at(n) }));
        await storePredictions(client, schema, ids);
        for (const [n, text] of numbers.entries()) {
          await client.query(`UPDATE ${schema}.inference_response SET response_data = $1 WHERE request_id = $2`, [
            ...[`{"n": ${text}, "other": ${n}}`, `r-${n}`],
          ]);
        }
      }
      const selection = { primary: { schema: "doubled" }, shadow: { schema: "tripled" }, ...everything };
      return compareRecorded(client, { ...selection, rules: {}, percent: 100 }, silent);
    });
    expect(result).toMatchObject({ pairs: 4, differing: 2, fields: [{ field: "n", mismatches: 2 }] });
  });

  it("an answer that broke off behind its 200 is a mismatch, and one whose client hung up says nothing", async () => {
    const half = { raw: '{"results": [1', truncated: true, failure: "predictor_broken" } as const;
    const gone = { raw: "", status: null, failure: "client_gone" } as const;
    const result = await compare(
      [
        { id: "broken", at: at(1), response: { results: [1] } },
        { id: "left", at: at(2), ...gone },
        { id: "whole", at: at(3), response: { results: [1] } },
      ],
      [
        { id: "broken", at: at(1), ...half },
        { id: "left", at: at(2), response: { results: [1] } },
        { id: "whole", at: at(3), response: { results: [1] } },
      ],
    );
    expect(result).toMatchObject({ pairs: 2, mismatches: 1, notJudged: { client_gone: 1 }, undecided: 0 });
    expect(result.fields).toMatchObject([{ field: "shadow_broken", mismatches: 1 }]);
  });

  it("what is kept as bytes is decoded and read: coding, NaN, a key twice, and megabytes", async () => {
    const long = (last: number) => JSON.stringify({ list: Array.from({ length: 200_000 }, (_, n) => n), last });
    const both = (id: string, n: number, primary: Partial<StoredPrediction>, shadow: Partial<StoredPrediction>) =>
      [
        { id, at: at(n), ...primary },
        { id, at: at(n), ...shadow },
      ] as const;
    const cases = [
      both(
        "coded",
        1,
        { raw: gzipSync("[1, 2]"), encoding: "gzip" },
        { raw: brotliCompressSync("[1,2]"), encoding: "br" },
      ),
      both("plain", 2, { raw: gzipSync("[1, 2]"), encoding: "gzip" }, { response: [1, 2] }),
      both("old", 3, { raw: gzipSync("[1]") }, { response: [2] }),
      both("nan", 4, { raw: '{"a": NaN, "b": 1}' }, { raw: '{"a":NaN,"b":2}' }),
      both("twice", 5, { raw: '{"a": 1, "a": 2}' }, { response: { a: 2 } }),
      both("long", 6, { response: JSON.parse(long(1)) }, { response: JSON.parse(long(2)) }),
      both("long bytes", 7, { raw: long(1) }, { raw: ` ${long(1)}` }),
      both("labelled", 8, { raw: gzipSync("[1]"), encoding: "br" }, { raw: gzipSync("[1]"), encoding: "gzip" }),
    ];
    const result = await compare(
      cases.map(([primary]) => primary),
      cases.map(([, shadow]) => shadow),
    );
    expect(result).toMatchObject({ pairs: 6, differing: 3, notJudged: { repeated_key: 1, not_decodable: 1 } });
    expect(result.fields.map(({ field }) => field).sort()).toEqual(["[*]", "b", "last"]);
  });

  it("a request that was just recorded waits for its copy, and is not lost yet", async () => {
    const now = new Date();
    const result = await compare([{ id: "a", at: now }], []);
    expect(result.completeness).toMatchObject({ primary: 0, pending: 1, lost: 0 });
  });

  it("what recorders say they lost is told", async () => {
    await withTables((client) =>
      client.query(`INSERT INTO tripled.recording_losses VALUES (gen_random_uuid(), 1, $1, 'log full', 7, 'pod')`, [
        at(5),
      ]),
    );
    const result = await compare([{ id: "a", at: at(1) }], []);
    expect(result.completeness).toMatchObject({ lost: 1, lostByRecorders: 7 });
  });

  it("a second copy of the primary says what is noise", async () => {
    const answers = (stamp: number, from: number): StoredPrediction[] =>
      Array.from({ length: 40 }, (_, n) => ({
        id: `r-${n}`,
        at: at(n),
        response: { value: n < from ? 1 : 0, stamp: stamp + n },
      }));
    const result = await compare(answers(0, 0), answers(100, 40), { noise: answers(200, 0) });
    expect(result).toMatchObject({ differing: 40, mismatches: 40, noise: { pairs: 40, differing: 40 } });
    expect(result.fields.map(({ field, isNoise }) => [field, isNoise])).toEqual([
      ["stamp", true],
      ["value", false],
    ]);
  });

  it("come in batches, each once, whatever the size of a batch", async () => {
    const answers = Array.from({ length: 25 }, (_, n) => ({
      id: `r-${n % 10}`,
      attempt: 1 + Math.floor(n / 10),
      at: at(n),
    }));
    await compare(answers, answers);
    const seen = await withTables(async (client) => {
      const selection = { primary: { schema: "doubled" }, shadow: { schema: "tripled" }, ...everything };
      const sizes: number[] = [];
      await client.query("BEGIN");
      for await (const batch of recordedPairs(client, selection, 4)) sizes.push(batch.length);
      return sizes;
    });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.reduce((sum, size) => sum + size, 0)).toBe(25);
  });

  it("a schema without tables is told in one sentence", async () => {
    const work = withTables((client) =>
      compareRecorded(
        client,
        { primary: { schema: "none" }, shadow: { schema: "tripled" }, ...everything, rules: {}, percent: 100 },
        silent,
      ),
    );
    await expect(work).rejects.toThrow(
      "the database has no prediction tables in schema none or tripled; run `up`, which makes them",
    );
  });
});
