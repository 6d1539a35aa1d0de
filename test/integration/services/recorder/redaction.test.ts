import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareRecorded } from "../../../../src/adapters/postgres/predictions/compareRecorded.ts";
import {
  countRecordedRequests,
  type RecordedRequest,
  recordedRequests,
  recordedRequestsOf,
} from "../../../../src/adapters/postgres/predictions/recordedRequests.ts";
import { withClient } from "../../../../src/adapters/postgres/server.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { Pseudonyms } from "../../../../src/domain/redaction/pseudonyms.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { loggedCounters } from "../../../support/predictionLog.ts";
import { startPredictor, type TestPredictor } from "../../../support/predictor.ts";
import { makeTables, startRecorder, type TestRecorder } from "../../../support/recorder.ts";

/** A recorder of a model that redacts: what comes by it, and everything that it leaves. */

/** Found by a pattern wherever it stands, so that nothing but its place decides whether it is stored. */
const canary = "CANARY-4711";
const key = "k".repeat(43);
const chat = "/v1/chat/completions";
const rules = [
  { pattern: "CANARY-[0-9]+" },
  { path: "messages[*].name" },
  { path: "values[*]" },
  { query: "user" },
  { header: "x-tenant" },
];
const pseudonyms = new Pseudonyms((text) => createHmac("sha256", key).update(text).digest());

let postgres: TestPostgres;
let predictor: TestPredictor;
let recorder: TestRecorder;
let usual: TestPredictor["answer"];

const env = {
  MENAGERIE_RECORDER_HEADERS: "x-tenant",
  MENAGERIE_RECORDER_REDACT: JSON.stringify(rules),
  MENAGERIE_RECORDER_PSEUDONYM_KEY: key,
  MENAGERIE_RECORDER_BODY_MAX_BYTES: "4096",
  LOG_LEVEL: "debug",
};

beforeAll(async () => {
  [postgres, predictor] = await Promise.all([startPostgres(), startPredictor()]);
  usual = predictor.answer;
  recorder = await startRecorder({ postgres, predictor: predictor.host, schema: "redacted", env });
});

afterAll(async () => {
  await recorder.dispose();
  await Promise.all([predictor.stop(), postgres.stop()]);
});

interface Asked {
  readonly path?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Record<string, string>;
  readonly answer?: (response: ServerResponse) => void;
}

/** Asks and answers the request's id, once the client has the answer, or what there is of it. */
async function ask({ path = chat, body = "{}", headers = {}, answer }: Asked): Promise<string> {
  const id = randomUUID();
  predictor.answer = answer ?? usual;
  const response = await fetch(recorder.origin + path, {
    method: "POST",
    body,
    headers: { "x-request-id": id, ...headers },
  });
  await response.arrayBuffer().catch(() => {});
  return headers["x-request-id"] ?? id;
}

interface Row {
  readonly redacted: boolean;
  readonly request_data: unknown;
  readonly request_raw: Buffer | null;
  readonly request_bytes: string;
  readonly predict_url: string;
  readonly headers: Record<string, string>;
  readonly response_data: unknown;
  readonly response_raw: Buffer | null;
  readonly response_bytes: string;
  readonly status: number;
  readonly content_encoding: string | null;
}

async function stored(id: string): Promise<Row> {
  const rows = (): Promise<Row[]> =>
    recorder.query(
      "SELECT * FROM inference_requests JOIN inference_response USING (day, request_id, attempt) WHERE request_id = $1",
      [id],
    );
  await expect.poll(async () => (await rows()).length).toBe(1);
  return (await rows())[0] as Row;
}

const anyTime = () => ({ since: new Date(Date.now() - 3_600_000), until: new Date(Date.now() + 3_600_000) });

const json = (value: unknown) => (response: ServerResponse) =>
  void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));

/** A stream of two deltas, the canary's halves. */
const [half, otherHalf] = [canary.slice(0, 6), canary.slice(6)];
const events = [
  { choices: [{ index: 0, delta: { role: "assistant", content: `so ${half}` } }] },
  { choices: [{ index: 0, delta: { content: `${otherHalf} it is` }, finish_reason: "stop" }] },
];
const streamed = `${events.map((event) => `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", ...event })}\n\n`).join("")}data: [DONE]\n\n`;

/** Everything that a recorder has on disk, in the database, and said. */
async function places(of: TestRecorder): Promise<Record<string, string>> {
  const tables = await of.query<{ name: string }>(
    "SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = 'redacted'::regnamespace AND c.relkind = 'r'",
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await of.query<{ row: string }>(`SELECT t::text AS row FROM "${name}" t`);
    texts.push(...rows.map(({ row }) => row));
    const bytes = await of.query<{ raw: Buffer | null }>(
      name.startsWith("inference_re")
        ? `SELECT ${name.startsWith("inference_requests") ? "request_raw" : "response_raw"} AS raw FROM "${name}"`
        : "SELECT NULL::bytea AS raw",
    );
    texts.push(...bytes.map(({ raw }) => raw?.toString("latin1") ?? ""));
  }
  return { tables: texts.join("\n"), ...(await onDisk(of)), output: of.lines.join("\n") };
}

async function onDisk({ folder }: TestRecorder): Promise<{ readonly folder: string }> {
  const names = await readdir(folder);
  const files = await Promise.all(names.map((name) => readFile(join(folder, name), "latin1")));
  return { folder: files.join("") };
}

/** What is searched for: the value, and either half of it where a stream had it in two. */
const traces = [canary, `${half}"`, `"${otherHalf}`, "secret-name", "secret-user", "secret-tenant", "8.123456"];

describe("a recorder that redacts", () => {
  it("stores pseudonyms of what the rules name, the same in requests and answers", async () => {
    const id = await ask({
      path: `${chat}?user=secret-user&q=${encodeURIComponent(canary)}`,
      body: JSON.stringify({
        messages: [{ role: "user", name: "secret-name", content: `${canary} and ${canary}` }],
        values: [8.123456, true],
      }),
      headers: { "x-tenant": "secret-tenant", "user-agent": `client ${canary}` },
      // What it says a token at a time no pattern finds.
      answer: json({
        choices: [{ message: { content: canary }, logprobs: { content: [{ token: half }] } }],
        name: "free",
      }),
    });
    const p = pseudonyms.ofText(canary);
    const row = await stored(id);
    expect(row.request_data).toEqual({
      messages: [{ role: "user", name: pseudonyms.ofText("secret-name"), content: `${p} and ${p}` }],
      values: [pseudonyms.ofNumber(8.123456), false],
    });
    expect(row.response_data).toEqual({ choices: [{ message: { content: p }, logprobs: null }], name: "free" });
    expect(row.redacted).toBe(true);
    expect(row.predict_url).toBe(`${chat}?user=${pseudonyms.ofText("secret-user")}&q=${p}`);
    expect(row.headers).toMatchObject({ "x-tenant": pseudonyms.ofText("secret-tenant"), "user-agent": `client ${p}` });
  });

  it.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["zstd", zstdCompressSync],
    ["deflate", deflateSync],
    ["deflate without a frame", deflateRawSync],
  ] as const)("decodes %s, asked and answered", async (name, encode) => {
    const coding = name.split(" ")[0] as string;
    const body = encode(JSON.stringify({ content: canary }));
    const id = await ask({
      body: new Uint8Array(body),
      headers: { "content-encoding": coding },
      answer: (response) => response.writeHead(200, { "content-encoding": coding }).end(body),
    });
    const row = await stored(id);
    const redacted = { content: pseudonyms.ofText(canary) };
    expect(row).toMatchObject({ request_data: redacted, response_data: redacted, content_encoding: null });
    expect(row.headers["content-encoding"]).toBeUndefined();
    expect(Number(row.response_bytes)).toBe(body.length);
  });

  it.each([
    ["as it is", undefined],
    ["in gzip", gzipSync],
  ] as const)("joins a stream %s before it looks for values", async (_, encode) => {
    const bytes = encode ? encode(streamed) : Buffer.from(streamed);
    const id = await ask({
      body: JSON.stringify({ stream: true, messages: [] }),
      answer: (response) => {
        response.writeHead(200, { "content-type": "text/event-stream", ...(encode && { "content-encoding": "gzip" }) });
        response.write(bytes.subarray(0, 40));
        setTimeout(() => response.end(bytes.subarray(40)), 20);
      },
    });
    const row = await stored(id);
    expect(row.response_raw).toBeNull();
    expect(row.response_data).toMatchObject({
      choices: [{ message: { content: `so ${pseudonyms.ofText(canary)} it is` } }],
    });
  });

  it("counts bodies that it cannot read, and stores the rest of their rows", async () => {
    const before = await recorder.metric("menagerie_recorder_unredactable_total");
    const broken = { "content-type": "application/json" };
    const asked: Asked[] = [
      // Not JSON; cut off by the limit; damaged; in a coding that nobody knows; JSON of which readers disagree; a stream that breaks off.
      { body: `{"a": ${canary}` },
      { body: JSON.stringify({ content: canary, padding: "x".repeat(8_000) }) },
      { answer: (response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(canary) },
      { answer: (response) => void response.writeHead(200, { "content-encoding": "compress" }).end(canary) },
      { answer: (response) => void response.writeHead(200, broken).end(`{"a": "${canary}", "a": 1}`) },
      {
        answer: (response) =>
          void response
            .writeHead(200, broken)
            .end(Buffer.concat([Buffer.from(`"${canary}`), Buffer.from([0xff, 0x22])])),
      },
      {
        answer: (response) => {
          response.writeHead(200, { "content-type": "text/event-stream" });
          response.write(streamed.slice(0, 140));
          setTimeout(() => response.destroy(), 20);
        },
      },
    ];
    const rows: Row[] = [];
    for (const each of asked) rows.push(await stored(await ask(each)));
    const kept = rows.map((row) => [
      row.request_data !== null,
      row.response_data !== null,
      row.request_raw,
      row.response_raw,
    ]);
    expect(kept).toEqual([
      [false, true, null, null],
      [false, true, null, null],
      ...Array.from({ length: 5 }, () => [true, false, null, null]),
    ]);
    expect(rows.every((row) => Number(row.request_bytes) > 0 && row.status === 200)).toBe(true);
    expect((await recorder.metric("menagerie_recorder_unredactable_total")) - before).toBe(asked.length);
    const counted = () =>
      recorder.query<{ n: string }>(
        "SELECT coalesce(sum(requests), 0) AS n FROM recording_losses WHERE reason = 'unredactable'",
      );
    await expect.poll(async () => Number((await counted())[0]?.n)).toBe(before + asked.length);
    expect(await recorder.metric("menagerie_recorder_lost_total")).toBe(0);
  });

  it("redacts ids, which still join", async () => {
    const id = `order-${canary}`;
    await ask({ headers: { "x-request-id": id } });
    expect((await stored(`order-${pseudonyms.ofText(canary)}`)).status).toBe(200);
  });

  it("leaves no trace of a value: in no table, file or line, while the database is there and while it is away", async () => {
    await expect.poll(() => recorder.metric("menagerie_recorder_log_bytes")).toBe(0);
    const there = await places(recorder);
    await postgres.crash();
    const mark = randomUUID();
    await ask({
      headers: { "x-request-id": mark, "user-agent": canary },
      body: JSON.stringify({ m: canary }),
      answer: (response) => void response.end(streamed),
    });
    await ask({ body: canary, answer: (response) => response.destroy() });
    await expect.poll(async () => (await onDisk(recorder)).folder).toContain(mark);
    const away = {
      ...(await onDisk(recorder)),
      output: recorder.lines.join("\n"),
      metrics: await (await fetch(`${recorder.origin}/metrics`)).text(),
    };
    const processes = readFileSync(`/proc/${recorder.child.pid}/cmdline`, "utf8");
    await postgres.restart();
    for (const [place, text] of Object.entries({
      ...there,
      away: away.folder,
      said: away.output,
      metrics: away.metrics,
      processes,
    })) {
      for (const trace of [...traces, key]) expect(text.includes(trace), `${trace} in ${place}`).toBe(false);
    }
    // What is searched would be found: the pseudonym is there.
    expect(there.tables).toContain(pseudonyms.ofText(canary));
  });

  it("is sent again with its pseudonyms, marked as what no recorded answer is compared with", async () => {
    await expect.poll(() => recorder.metric("menagerie_recorder_log_bytes")).toBe(0);
    for (const order of ["id", "time"] as const) {
      const range = { side: { schema: "redacted" }, ...anyTime(), limit: 100, order };
      await withClient(postgres.server, "postgres", async (client) => {
        const { requests, redacted, truncated } = await countRecordedRequests(client, range);
        expect(requests).toBeGreaterThan(5);
        expect(redacted).toBe(requests);
        // Bodies that could not be read.
        expect(truncated).toBeGreaterThan(0);
        const sent: RecordedRequest[] = [];
        for await (const each of recordedRequests(client, range)) sent.push(each);
        expect(sent.length).toBe(requests);
        expect(sent.every((each) => each.redacted)).toBe(true);
        expect(sent.map(({ body }) => body.toString()).join()).toContain(pseudonyms.ofText(canary));
        // Its model was asked something else then, so that it cannot repeat itself.
        expect(await recordedRequestsOf(client, range.side, sent.slice(0, 1))).toEqual([undefined]);
      });
    }
  });

  it("compares with a shadow that redacts: the same answers are the same, others differ", async () => {
    const shadow = await startRecorder({ postgres, predictor: predictor.host, schema: "redacted_shadow", env });
    try {
      const ids = ["same", "other"].map((name) => `${name}-${randomUUID()}`);
      for (const id of ids) {
        const body = JSON.stringify({ values: [1.25], user: canary, temperature: 0 });
        const headers = { "x-request-id": id };
        await ask({ body, headers, answer: json({ choices: [], said: canary }) });
        predictor.answer = json({ choices: [], said: id.startsWith("same") ? canary : "CANARY-1" });
        await fetch(shadow.origin + chat, { method: "POST", body, headers });
      }
      await expect.poll(() => shadow.metric("menagerie_recorder_stored_total")).toBe(2);
      await stored(ids[1] as string);
      const result = await withClient(postgres.server, "postgres", (client) =>
        compareRecorded(
          client,
          {
            ...anyTime(),
            primary: { schema: "redacted" },
            shadow: { schema: "redacted_shadow" },
            rules: {},
            percent: 100,
          },
          silent,
        ),
      );
      expect(result).toMatchObject({ pairs: 2, mismatches: 1, notJudged: {}, fields: [{ field: "said" }] });
      const requests = (of: TestRecorder) =>
        of.query("SELECT request_id, request_data FROM inference_requests WHERE request_id = ANY ($1) ORDER BY 1", [
          ids,
        ]);
      expect(await requests(recorder)).toEqual(await requests(shadow));
    } finally {
      await shadow.dispose();
    }
  });

  it("leaves nothing in what a crash leaves", async () => {
    expect(readFileSync(`/proc/${recorder.child.pid}/coredump_filter`, "utf8").trim()).toBe("00000000");
  });

  it("that is killed has lost what was under way, counts it, and has none of it on disk", async () => {
    await expect.poll(() => recorder.metric("menagerie_recorder_log_bytes")).toBe(0);
    const body = JSON.stringify({ texts: Array.from({ length: 60 }, (_, index) => `{"m": "CANARY-${index}"}`) });
    const { accepted } = await loggedCounters(recorder.folder);
    const ids = await Promise.all(Array.from({ length: 300 }, () => ask({ body })));
    await expect.poll(async () => (await loggedCounters(recorder.folder)).accepted).toBe(accepted + 300);
    await recorder.end("SIGKILL");
    recorder = await recorder.again();
    await expect.poll(() => recorder.metric("menagerie_recorder_log_bytes")).toBe(0);
    const sum = async (sql: string, values: unknown[] = []): Promise<number> =>
      Number((await recorder.query<{ n: string }>(sql, values))[0]?.n);
    const killed = (): Promise<number> =>
      sum("SELECT coalesce(sum(requests), 0) AS n FROM recording_losses WHERE reason = 'killed'");
    const stored = await sum("SELECT count(*) AS n FROM inference_response WHERE request_id = ANY ($1)", [ids]);
    expect(stored + (await killed())).toBe(300);
    for (const trace of traces) expect((await onDisk(recorder)).folder.includes(trace), trace).toBe(false);
  });
});

it("waits in the log while the tables are older than its mark, answers all the same, and says why", async () => {
  const schema = "unmarked";
  await makeTables({ postgres, schema });
  await withClient(postgres.server, "postgres", (client) =>
    client.query(`ALTER TABLE ${schema}.inference_requests DROP COLUMN redacted`),
  );
  const early = await startRecorder({ postgres, predictor: predictor.host, schema, env, makeTables: false });
  try {
    predictor.answer = usual;
    const body = JSON.stringify({ m: canary });
    expect((await fetch(early.origin + chat, { method: "POST", body })).status).toBe(200);
    await expect.poll(() => early.lines.join("\n")).toContain("redacted predictions are not stored");
    expect(early.lines.join("\n")).toContain("redacted predictions wait in the log");
    expect(await early.metric("menagerie_recorder_log_bytes")).toBeGreaterThan(0);
    const rows = () => early.query<{ row: object }>("SELECT to_jsonb(r) AS row FROM inference_requests r");
    expect(await rows()).toEqual([]);
    await makeTables({ postgres, schema });
    await expect.poll(rows).toMatchObject([{ row: { redacted: true } }]);
    expect(await early.query("SELECT FROM recording_losses")).toEqual([]);
  } finally {
    await early.dispose();
  }
});

it("is stored with its mark where the tables lack another column", async () => {
  const schema = "nobodys";
  await makeTables({ postgres, schema });
  await withClient(postgres.server, "postgres", (client) =>
    client.query(`ALTER TABLE ${schema}.inference_requests DROP COLUMN organization`),
  );
  const early = await startRecorder({ postgres, predictor: predictor.host, schema, env, makeTables: false });
  try {
    predictor.answer = usual;
    const ask = () =>
      fetch(early.origin + chat, {
        method: "POST",
        body: JSON.stringify({ m: canary }),
        headers: { "x-menagerie-organization": "7" },
      });
    expect((await ask()).status).toBe(200);
    const rows = () =>
      early.query<{ row: object }>("SELECT to_jsonb(r) AS row FROM inference_requests r ORDER BY request_time");
    await expect.poll(rows).toMatchObject([{ row: { redacted: true, operation: "chat" } }]);
    expect(early.lines.join("\n")).toContain("lack organization: predictions are stored without them");
    await makeTables({ postgres, schema });
    await expect.poll(() => early.lines.some((line) => line.includes("are up to date"))).toBe(true);
    expect((await ask()).status).toBe(200);
    await expect
      .poll(rows)
      .toMatchObject([{ row: { redacted: true, organization: null } }, { row: { redacted: true, organization: "7" } }]);
  } finally {
    await early.dispose();
  }
});

it("a recorder with rules and no key does not start", async () => {
  const started = startRecorder({
    postgres,
    predictor: predictor.host,
    schema: "keyless",
    env: { ...env, MENAGERIE_RECORDER_PSEUDONYM_KEY: "" },
  });
  await expect(started).rejects.toThrow(/MENAGERIE_RECORDER_PSEUDONYM_KEY: has 0 characters; give at least 22/);
});
