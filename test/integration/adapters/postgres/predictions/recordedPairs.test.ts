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
}, 60_000);

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
        ...{ id: "a", attempt, at: at(attempt) },
        ...{ request: { attempt: attempt + 1 }, response: { attempt: attempt + 1 } },
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

  it("bodies that are no JSON, cut bodies and missing answers are told apart", async () => {
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
        { id: "gone", at: at(4), raw: "", status: null },
      ],
    );
    expect(result).toMatchObject({ pairs: 3, differing: 2, notComparable: 1 });
    expect(result.fields.map(({ field }) => field).sort()).toEqual(["(not JSON)", "status"]);
  });

  it("numbers that only PostgreSQL tells apart are equal", async () => {
    const result = await withTables(async (client) => {
      await storePredictions(client, "doubled", [{ id: "a", at: at(1) }]);
      await storePredictions(client, "tripled", [{ id: "a", at: at(1) }]);
      await client.query(`UPDATE doubled.inference_response SET response_data = '{"n": 0.1}'`);
      await client.query(`UPDATE tripled.inference_response SET response_data = '{"n": 0.10000000000000000000001}'`);
      const selection = { primary: { schema: "doubled" }, shadow: { schema: "tripled" }, ...everything };
      return compareRecorded(client, { ...selection, rules: {}, percent: 100 }, silent);
    });
    expect(result).toMatchObject({ pairs: 1, differing: 0 });
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
        ...{ id: `r-${n}`, at: at(n) },
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
