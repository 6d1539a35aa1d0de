import { createHmac } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Client } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensurePredictionTables } from "../../../../../src/adapters/postgres/predictions/ensureTables.ts";
import {
  countRequests,
  deleteRequests,
  requestsWith,
} from "../../../../../src/adapters/postgres/predictions/forget.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import { wantedValue } from "../../../../../src/domain/redaction/forgotten.ts";
import { Pseudonyms } from "../../../../../src/domain/redaction/pseudonyms.ts";
import { Redactor } from "../../../../../src/domain/redaction/redactor.ts";
import { parseFieldPath } from "../../../../../src/domain/shadow/fieldPath.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";

/** Requests are found by a value, in clear and as its pseudonym, and deleted on a real PostgreSQL. */

const pseudonyms = new Pseudonyms((text) => createHmac("sha256", "key").update(text).digest());
const storedAs = { pseudonyms, redactor: new Redactor([{ kind: "email" }], pseudonyms) };
const schema = "recorded";
let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await startPostgres();
  await withClient(postgres.server, "postgres", (client) => ensurePredictionTables(client, schema));
});

afterAll(() => postgres.stop());

interface Stored {
  readonly data?: unknown;
  readonly raw?: Buffer;
  readonly answer?: unknown;
  readonly encoding?: string;
  readonly truncated?: boolean;
}

async function store(
  client: Client,
  id: string,
  { data, raw, answer = {}, encoding, truncated = false }: Stored,
): Promise<void> {
  await client.query(
    `INSERT INTO recorded.inference_requests
       (day, request_id, attempt, request_time, request_data, request_raw, request_bytes, truncated, unpaired, predict_url, headers)
     VALUES ((now() AT TIME ZONE 'UTC')::date, $1, 1, now(), $2, $3, 1, $4, false, '/', $5)`,
    [
      id,
      data === undefined ? null : JSON.stringify(data),
      raw ?? null,
      truncated,
      encoding ? { "content-encoding": encoding } : {},
    ],
  );
  await client.query(
    `INSERT INTO recorded.inference_response
       (day, request_id, attempt, response_data, response_bytes, truncated, latency_ms)
     VALUES ((now() AT TIME ZONE 'UTC')::date, $1, 1, $2, 1, false, 1)`,
    [id, JSON.stringify(answer)],
  );
}

it("finds a value at its place, in requests and answers, as it is and as its pseudonym, and deletes those requests alone", async () => {
  const ada = "ada@example.com";
  await withClient(postgres.server, "postgres", async (client) => {
    const redacted = pseudonyms.ofText(ada);
    await store(client, "clear", { data: { users: [{ email: ada }] } });
    await store(client, "pseudonym", { data: { users: [{ email: "x" }, { email: redacted }] } });
    await store(client, "in a text", { data: { users: [{ email: `write to ${redacted}.` }] } });
    await store(client, "in the answer", { data: {}, answer: { users: [{ email: ada }] } });
    await store(client, "in gzip", { raw: gzipSync(JSON.stringify({ users: [{ email: ada }] })), encoding: "gzip" });
    await store(client, "cut off", { raw: Buffer.from(`{"users": [{"email": "${ada}`), truncated: true });
    await store(client, "elsewhere", { data: { email: ada, users: [{ name: ada }] } });
    await store(client, "unreadable", { raw: Buffer.from([0xff, 0xfe]) });
    const wanted = wantedValue(parseFieldPath("users[*].email") ?? [], ada, storedAs);
    const found = await requestsWith(client, schema, wanted);
    expect([...found.ids].sort()).toEqual(["clear", "cut off", "in a text", "in gzip", "in the answer", "pseudonym"]);
    expect(found.unread).toBe(1);
    expect(await countRequests(client, schema, found.ids, found.days)).toBe(6);
    const told: number[] = [];
    expect(await deleteRequests(client, schema, { ...found, onProgress: (deleted) => told.push(deleted) })).toBe(6);
    expect(told).toEqual([6]);
    for (const table of ["inference_requests", "inference_response"]) {
      const { rows } = await client.query<{ id: string }>(`SELECT request_id AS id FROM recorded.${table} ORDER BY id`);
      expect(rows.map(({ id }) => id)).toEqual(["elsewhere", "unreadable"]);
    }
  });
});

it("finds a text of which rules name a part, as it was sent", async () => {
  await withClient(postgres.server, "postgres", async (client) => {
    await store(client, "part", { data: { note: `write to ${pseudonyms.ofText("ada@example.com")} today` } });
    await store(client, "another's", { data: { note: `write to ${pseudonyms.ofText("bob@example.com")} today` } });
    const wanted = wantedValue(parseFieldPath("note") ?? [], "write to ada@example.com today", storedAs);
    expect([...(await requestsWith(client, schema, wanted)).ids]).toEqual(["part"]);
  });
});

it("finds numbers however they are written, and what a value with quotes or backslashes is", async () => {
  const odd = 'a"b\\c $v0';
  await withClient(postgres.server, "postgres", async (client) => {
    await store(client, "number", { data: { id: 4711 } });
    await store(client, "other", { data: { id: pseudonyms.ofNumber(4711) } });
    await store(client, "text", { data: { id: "4711" } });
    await store(client, "odd", { data: { 'a "key"': odd } });
    const ids = async (path: string, value: string) =>
      [...(await requestsWith(client, schema, wantedValue(parseFieldPath(path) ?? [], value, storedAs))).ids].sort();
    expect(await ids("id", "4711.0")).toEqual(["number", "other"]);
    expect(await ids("id", "4711")).toEqual(["number", "other", "text"]);
    expect(await ids('["a \\"key\\""]', odd)).toEqual(["odd"]);
    expect(await ids("id", "5")).toEqual([]);
  });
});
