import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect, createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { urlOf } from "../../../../src/adapters/postgres/server.ts";
import { isSampled } from "../../../../src/domain/recording/sampling.ts";
import { readSettings } from "../../../../src/services/recorder/settings.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { loggedCounters } from "../../../support/predictionLog.ts";
import { startPredictor, type TestPredictor } from "../../../support/predictor.ts";
import { makeTables, startRecorder, type TestRecorder } from "../../../support/recorder.ts";

/** One recorder process between real clients, a scripted predictor and a real PostgreSQL. */

const predictPath = "/v1/models/model:predict";
let postgres: TestPostgres;
let predictor: TestPredictor;
let recorder: TestRecorder;
let usual: TestPredictor["answer"];

beforeAll(async () => {
  [postgres, predictor] = await Promise.all([startPostgres(), startPredictor()]);
  usual = predictor.answer;
  const env = {
    MENAGERIE_MODEL_VERSION: "7",
    MENAGERIE_RECORDER_HEADERS: "X-Tenant",
    MENAGERIE_RECORDER_OWN_PATHS: "/generate,/api/",
  };
  recorder = await startRecorder({ postgres, predictor: predictor.host, schema: "primary", env });
});

afterAll(async () => {
  await recorder.dispose();
  await Promise.all([predictor.stop(), postgres.stop()]);
});

beforeEach(() => {
  predictor.answer = usual;
});

interface Stored {
  attempt: number;
  request_data: unknown;
  request_raw: Buffer | null;
  request_bytes: string;
  request_truncated: boolean;
  unpaired: boolean;
  predict_url: string;
  headers: Record<string, string>;
  organization: string | null;
  response_data: unknown;
  response_raw: Buffer | null;
  response_truncated: boolean;
  status: number | null;
  failure: string | null;
  latency_ms: number;
  model_version: string;
  content_encoding: string | null;
}

/** Rows of an id, once there are `count` of them. */
async function stored(id: string, count = 1): Promise<Stored[]> {
  const counted = async () =>
    (
      await recorder.query<{ n: number }>("SELECT count(*)::int AS n FROM inference_response WHERE request_id = $1", [
        id,
      ])
    )[0]?.n;
  await expect.poll(counted, { interval: 50 }).toBe(count);
  return recorder.query<Stored>(
    `SELECT q.*, a.*, q.truncated AS request_truncated, a.truncated AS response_truncated
       FROM inference_requests q JOIN inference_response a USING (day, request_id, attempt)
      WHERE request_id = $1 ORDER BY q.attempt`,
    [id],
  );
}

async function only(id: string): Promise<Stored> {
  return (await stored(id))[0] as Stored;
}

function post(
  id: string,
  body: Buffer | string | ReadableStream,
  { path = predictPath, headers = {} } = {},
): Promise<Response> {
  return fetch(recorder.origin + path, {
    method: "POST",
    body,
    duplex: "half",
    headers: { "content-type": "application/json", "x-request-id": id, ...headers },
  });
}

describe("a prediction", () => {
  it("is answered by the predictor, and stored with what was asked and answered", async () => {
    const id = randomUUID();
    const response = await post(id, '{"values": [1, 2]}', {
      headers: { "x-api-key": "secret-key", authorization: "Bearer secret-token", "x-tenant": "t1" },
    });
    expect([response.status, await response.json()]).toEqual([200, { bytes: 18 }]);
    expect(predictor.seen.at(-1)).toEqual({ url: predictPath, id, bytes: 18 });
    const row = await only(id);
    expect(row).toMatchObject({
      attempt: 1,
      request_data: { values: [1, 2] },
      request_raw: null,
      request_bytes: "18",
      unpaired: false,
      predict_url: predictPath,
      response_data: { bytes: 18 },
      response_raw: null,
      status: 200,
      failure: null,
      request_truncated: false,
      response_truncated: false,
      model_version: "7",
    });
    expect(row.headers).toMatchObject({ "content-type": "application/json", "x-tenant": "t1" });
    expect(row.latency_ms).toBeGreaterThan(0);
    expect(JSON.stringify(row)).not.toMatch(/secret-/);
  });

  it("is asked of the predictor by the predictor's own name: by the client's, Knative's gateway would lead it back here", async () => {
    const host = new Promise<string | undefined>((resolve) => {
      predictor.answer = (response, _, request) => {
        resolve(request.headers.host);
        response.end("{}");
      };
    });
    const headers = { host: "iris-transformer.models.svc.cluster.local", "content-type": "application/json" };
    const [response] = (await once(
      httpRequest(recorder.origin + predictPath, { method: "POST", headers }).end("{}"),
      "response",
    )) as [IncomingMessage];
    response.resume();
    expect([response.statusCode, await host]).toEqual([200, predictor.host]);
  });

  it.each([
    ["7", "7"],
    ["acme", null],
    ["7, 8", null],
    ["", null],
    [undefined, null],
  ])(
    "of an organization that is told as %j is stored with %j, and the predictor does not see it",
    async (told, stored) => {
      const id = randomUUID();
      const seen = new Promise<unknown>((resolve) => {
        predictor.answer = (response, _, request) => {
          resolve(request.headers["x-menagerie-organization"]);
          response.end("{}");
        };
      });
      await post(id, "{}", { headers: told === undefined ? {} : { "x-menagerie-organization": told } });
      expect(await seen).toBeUndefined();
      expect(await only(id)).toMatchObject({ organization: stored });
    },
  );

  it.each([
    "/v1/models/m:explain",
    "/v2/models/m/infer",
    "/v2/models/m/versions/3/infer?x=1",
    "/v1/models/m%3Apredict",
    "/generate?x=1",
    "/api/paint",
  ])("comes by %s too", async (path) => {
    const id = randomUUID();
    await post(id, "{}", { path });
    expect((await only(id)).predict_url).toBe(path);
  });

  it("is stored without the credentials of its url", async () => {
    const id = randomUUID();
    await post(id, "{}", { path: `${predictPath}?x=1&api_key=secret-in-url` });
    expect(predictor.seen.at(-1)?.url).toBe(`${predictPath}?x=1&api_key=secret-in-url`);
    expect((await only(id)).predict_url).toBe(`${predictPath}?x=1&api_key=…`);
  });

  it("without an id gets one, which the predictor sees, and is stored as unpaired", async () => {
    await fetch(recorder.origin + predictPath, { method: "POST", body: '{"no": "id"}' });
    const id = predictor.seen.at(-1)?.id ?? "";
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await only(id)).toMatchObject({ unpaired: true, request_data: { no: "id" } });
  });

  it("that repeats an id is another attempt, also after the recorder has forgotten the first", async () => {
    const id = `again ${randomUUID()} – not a UUID`.replace("–", "-");
    for (const n of [1, 2, 3]) await post(id, JSON.stringify({ n }));
    await stored(id, 3);
    expect(await recorder.end("SIGTERM")).toBe(0);
    recorder = await recorder.again();
    for (const n of [4, 5]) await post(id, JSON.stringify({ n }));
    const rows = await stored(id, 5);
    expect(rows.map(({ attempt, request_data }) => [attempt, request_data])).toEqual(
      [1, 2, 3, 4, 5].map((n) => [n, { n }]),
    );
  });

  it("of a batch is answered and not stored, and says so; the one after it is stored", async () => {
    const before = await recorder.metric("menagerie_recorder_batch_total");
    const [batch, user, other] = [randomUUID(), randomUUID(), randomUUID()];
    const answered = await post(batch, '{"values": [1]}', { headers: { "x-menagerie-purpose": "batch" } });
    expect([answered.status, await answered.json()]).toEqual([200, { bytes: 15 }]);
    expect(answered.headers.get("x-menagerie-purpose")).toBe("batch");
    const unknown = await post(other, "{}", { headers: { "x-menagerie-purpose": "pleasure" } });
    expect(unknown.headers.get("x-menagerie-purpose")).toBeNull();
    expect((await post(user, "{}")).headers.get("x-menagerie-purpose")).toBeNull();
    await stored(other);
    await stored(user);
    const rows = await recorder.query("SELECT FROM inference_requests WHERE request_id = $1", [batch]);
    expect(rows).toHaveLength(0);
    expect(await recorder.metric("menagerie_recorder_batch_total")).toBe(before + 1);
  });

  it("with a very long id is stored under its hash, which is the same on every side", async () => {
    await post("x".repeat(5_000), '{"long": true}');
    const read = () =>
      recorder.query<{ request_id: string }>("SELECT request_id FROM inference_requests WHERE request_data ? 'long'");
    await expect.poll(async () => (await read())[0]?.request_id).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});

describe("everything else", () => {
  it("is forwarded and not recorded", async () => {
    const id = randomUUID();
    await fetch(`${recorder.origin}/v1/models/model`, { headers: { "x-request-id": id } });
    expect(predictor.seen.at(-1)).toMatchObject({ url: "/v1/models/model", id });
    await post(id, "x", { path: "/v2/repository/index" });
    const after = randomUUID();
    await post(after, "{}");
    await stored(after);
    await stored(id, 0);
  });
});

describe("bodies", () => {
  it.each([
    ["not JSON", Buffer.from("{no")],
    ["empty", Buffer.alloc(0)],
    ["bytes", Buffer.from([0, 255, 254, 0x5c, 0x2e, 10])],
    ["a NUL in JSON", Buffer.from('{"a":"\\u0000"}')],
    ["half a surrogate pair", Buffer.from('{"a":"\\ud83d"}')],
    ["nested deeply", Buffer.from("[".repeat(60_000) + "]".repeat(60_000))],
    ["a number without end", Buffer.from(`[1e${"9".repeat(40)}]`)],
    ["many digits", Buffer.from(`[${"9".repeat(200_000)}]`)],
  ])("that are %s are kept as bytes, with what came beside them in the same batch", async (_, body) => {
    const [id, beside] = [randomUUID(), randomUUID()];
    await Promise.all([post(id, body), post(beside, '{"fine": true}')]);
    const row = await only(id);
    expect(row).toMatchObject({ request_data: null, request_truncated: false });
    expect(row.request_raw?.equals(body)).toBe(true);
    expect((await only(beside)).request_data).toEqual({ fine: true });
  });

  it("with escapes that jsonb takes are JSON", async () => {
    const id = randomUUID();
    await post(id, '{"a":"\\ud83d\\ude00 \\\\u0000 ü"}');
    expect((await only(id)).request_data).toEqual({ a: "😀 \\u0000 ü" });
  });

  it("in chunks, without a length, are streamed on and stored whole", async () => {
    const id = randomUUID();
    async function* chunks() {
      for (const part of ['{"parts":', "[1,", "2]}"]) yield Buffer.from(part);
    }
    expect((await post(id, ReadableStream.from(chunks()))).status).toBe(200);
    expect((await only(id)).request_data).toEqual({ parts: [1, 2] });
  });

  it("of 50 MB go through whole, both ways; their beginning is kept, and said to be that", async () => {
    predictor.answer = (response, body) => response.end(body);
    const id = randomUUID();
    const body = Buffer.alloc(50 * 1024 ** 2, "y");
    const answer = Buffer.from(await (await post(id, body)).arrayBuffer());
    expect(answer.equals(body)).toBe(true);
    const row = await only(id);
    expect(row).toMatchObject({
      request_bytes: String(body.length),
      request_truncated: true,
      response_truncated: true,
    });
    expect(row.request_raw?.length).toBe(10 * 1024 ** 2);
  });

  it("that end half-way are nobody's prediction: counted, not stored, and nothing else suffers", async () => {
    const id = randomUUID();
    const socket = connect(Number(new URL(recorder.origin).port), "127.0.0.1");
    await once(socket, "connect");
    socket.write(
      `POST ${predictPath} HTTP/1.1\r\nhost: x\r\nx-request-id: ${id}\r\ncontent-length: 100000\r\n\r\nhalf`,
    );
    await expect.poll(() => recorder.metric("menagerie_recorder_predictions_in_flight")).toBe(1);
    socket.destroy();
    await expect.poll(() => recorder.metric("menagerie_recorder_incomplete_requests_total")).toBe(1);
    const after = randomUUID();
    expect((await post(after, "{}")).status).toBe(200);
    await stored(after);
    await stored(id, 0);
  });
});

describe("answers", () => {
  it("that are encoded are kept as they came, with the name of their coding", async () => {
    const body = gzipSync('{"results": [1]}');
    predictor.answer = (response) => response.writeHead(200, { "Content-Encoding": "gzip" }).end(body);
    const id = randomUUID();
    expect(await (await post(id, "{}")).json()).toEqual({ results: [1] });
    const row = await only(id);
    expect(row).toMatchObject({ response_data: null, content_encoding: "gzip" });
    expect(row.response_raw?.equals(body)).toBe(true);
  });

  it("without a coding have none, and keep a key that comes twice", async () => {
    predictor.answer = (response) => response.end('{"a": 1, "a": 2}');
    const id = randomUUID();
    await post(id, "{}");
    const row = await only(id);
    expect(row).toMatchObject({ response_data: null, content_encoding: null });
    expect(row.response_raw?.toString()).toBe('{"a": 1, "a": 2}');
  });
});

describe("a predictor that", () => {
  const withPredictor = async (host: string, work: () => Promise<void>, args: Record<string, string> = {}) => {
    const before = recorder;
    recorder = await startRecorder({ postgres, predictor: host, schema: "faulty", env: args });
    try {
      await work();
    } finally {
      await recorder.dispose();
      recorder = before;
    }
  };

  it("is down is told by 503, and stored as that", async () => {
    await withPredictor("127.0.0.1:1", async () => {
      const id = randomUUID();
      const response = await post(id, "{}");
      expect([response.status, await response.json()]).toEqual([
        503,
        { error: "the predictor accepts no connections" },
      ]);
      expect(await only(id)).toMatchObject({ status: 503, failure: "predictor_unavailable" });
    });
  });

  it("answers what is not HTTP is told by 502", async () => {
    const garbage = createServer((socket) => void socket.once("data", () => socket.end("garbage\r\n\r\n")));
    garbage.listen(0, "127.0.0.1");
    await once(garbage, "listening");
    const address = garbage.address();
    await withPredictor(`127.0.0.1:${typeof address === "object" ? address?.port : ""}`, async () => {
      const id = randomUUID();
      expect((await post(id, "{}")).status).toBe(502);
      expect(await only(id)).toMatchObject({ status: 502, failure: "predictor_broken" });
    });
    garbage.close();
  });

  it("breaks off its answer breaks the client's too, and what came of it is stored as a part", async () => {
    predictor.answer = (response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      setTimeout(() => response.destroy(), 20);
    };
    const id = randomUUID();
    await expect(post(id, "{}").then((response) => response.text())).rejects.toThrow();
    expect(await only(id)).toMatchObject({
      status: 200,
      failure: "predictor_broken",
      response_truncated: true,
      response_raw: Buffer.from("half"),
    });
  });

  it("refuses is quoted, status and body", async () => {
    predictor.answer = (response) => response.writeHead(422, { "x-why": "shape" }).end('{"error":"shape"}');
    const id = randomUUID();
    const response = await post(id, "{}");
    expect([response.status, response.headers.get("x-why"), await response.text()]).toEqual([
      ...[422, "shape", '{"error":"shape"}'],
    ]);
    expect(await only(id)).toMatchObject({ status: 422, failure: null, response_data: { error: "shape" } });
  });

  it("is slow holds back nobody else, and a client that gives up is stored without a status", async () => {
    predictor.answer = (response, body, request) => {
      if (!body.includes("slow")) usual(response, body, request);
    };
    const [slow, fast] = [randomUUID(), randomUUID()];
    const gone = new AbortController();
    const waiting = fetch(recorder.origin + predictPath, {
      method: "POST",
      body: '"slow"',
      headers: { "x-request-id": slow },
      signal: gone.signal,
    });
    await expect.poll(() => predictor.seen.at(-1)?.id).toBe(slow);
    expect((await post(fast, "{}")).status).toBe(200);
    gone.abort();
    await expect(waiting).rejects.toThrow();
    expect(await only(slow)).toMatchObject({ status: null, failure: "client_gone", request_data: "slow" });
  });
});

describe("a recorder that keeps less", () => {
  it("answers everything, stores those of its share that every other recorder stores too, and counts the others", async () => {
    const some = await startRecorder({
      postgres,
      predictor: predictor.host,
      schema: "sampled",
      env: { MENAGERIE_RECORDER_SAMPLE_PERCENT: "25" },
    });
    const ids = Array.from({ length: 200 }, () => randomUUID());
    const send = (id: string) =>
      fetch(some.origin + predictPath, { method: "POST", body: "{}", headers: { "x-request-id": id } });
    for (const id of ids) expect((await send(id)).status).toBe(200);
    const sampled = ids.filter((id) => isSampled(id, 25)).sort();
    const rows = () =>
      some.query<{ request_id: string }>("SELECT request_id FROM inference_response ORDER BY request_id");
    await expect.poll(async () => (await rows()).length, { interval: 50 }).toBe(sampled.length);
    expect((await rows()).map(({ request_id }) => request_id)).toEqual(sampled);
    expect(await some.metric("menagerie_recorder_unsampled_total")).toBe(ids.length - sampled.length);
    expect(await some.metric("menagerie_recorder_predictions_total")).toBe(ids.length);
    // None of them counts as lost when the next process finds the log.
    const underWay = async () => {
      const { accepted, finished } = await loggedCounters(some.folder);
      return accepted - finished;
    };
    await expect.poll(underWay).toBe(0);
    await some.end("SIGKILL");
    const next = await some.again();
    expect(await next.query("SELECT * FROM recording_losses")).toEqual([]);
    await next.dispose();
  });

  it("stores sizes, times and outcomes without any body, and says that there is none", async () => {
    const bare = await startRecorder({
      postgres,
      predictor: predictor.host,
      schema: "bodiless",
      env: { MENAGERIE_RECORDER_BODIES: "false" },
    });
    const id = randomUUID();
    const asked = '{"name": "a canary in a body"}';
    const answered = await fetch(bare.origin + predictPath, {
      method: "POST",
      body: asked,
      headers: { "x-request-id": id },
    });
    const text = await answered.text();
    expect(text).toBe(JSON.stringify({ bytes: asked.length }));
    const rows = () =>
      bare.query<Stored & { response_bytes: string }>(
        `SELECT q.*, a.*, q.truncated AS request_truncated, a.truncated AS response_truncated
           FROM inference_requests q JOIN inference_response a USING (day, request_id, attempt)`,
      );
    await expect.poll(async () => (await rows()).length, { interval: 50 }).toBe(1);
    const [row] = await rows();
    expect(row).toMatchObject({
      request_id: id,
      request_data: null,
      request_raw: null,
      request_bytes: String(asked.length),
      request_truncated: true,
      response_data: null,
      response_raw: null,
      response_bytes: String(text.length),
      response_truncated: true,
      status: 200,
      failure: null,
    });
    expect(row?.latency_ms).toBeGreaterThan(0);
    // What is cut off on purpose is nothing to be warned of.
    expect(await bare.metric("menagerie_recorder_truncated_bodies_total")).toBe(0);
    await bare.dispose();
  });
});

describe("the recorder itself", () => {
  it("takes no traffic without its tables, says so, and does once they are there", async () => {
    const bare = await startRecorder({ postgres, predictor: predictor.host, schema: "late", makeTables: false });
    const ready = async () => {
      const response = await fetch(`${bare.origin}/readyz`);
      return `${response.status} ${(await response.text()).trim()}`;
    };
    await expect.poll(ready).toMatch(/^503 schema late has no table inference_requests, /);
    expect((await fetch(`${bare.origin}/healthz`)).status).toBe(200);
    await makeTables({ postgres, schema: "late" });
    await expect.poll(ready).toBe("200 ok");
    await bare.dispose();
  });

  it("takes no traffic while its database has no TLS that it asks for, and says what to change", async () => {
    const url = urlOf({ ...postgres.server, sslMode: "verify-full" }, "postgres");
    const wrong = await startRecorder({
      postgres,
      predictor: predictor.host,
      schema: "plain",
      env: { MENAGERIE_DATABASE_URL: url },
    });
    const ready = async () => {
      const response = await fetch(`${wrong.origin}/readyz`);
      return `${response.status} ${await response.text()}`;
    };
    await expect
      .poll(ready)
      .toMatch(/^503 PostgreSQL at .*: it has no TLS, and sslmode is verify-full; turn TLS on at the server/);
    await wrong.dispose();
  });

  it("says which of its settings is wrong, without a value", () => {
    const env = { MENAGERIE_DATABASE_URL: "postgresql://u:hunter2@h/d", MENAGERIE_RECORDER_SCHEMA: "s" };
    const read = (more: Record<string, string>, args: string[] = ["--predictor_host", "p.ns"]) =>
      readSettings({ ...env, ...more }, args);
    expect(read({}).predictor).toBe("http://p.ns");
    expect(read({ PREDICTOR_HOST: "q:81" }, []).predictor).toBe("http://q:81");
    for (const [more, args, sentence] of [
      [{ MENAGERIE_RECORDER_SCHEMA: "" }, undefined, /MENAGERIE_RECORDER_SCHEMA: is empty/],
      [
        { MENAGERIE_RECORDER_HEADERS: "x-a, Authorization" },
        undefined,
        /MENAGERIE_RECORDER_HEADERS: names a header that/,
      ],
      [{ MENAGERIE_RECORDER_SAMPLE_PERCENT: "101" }, undefined, /MENAGERIE_RECORDER_SAMPLE_PERCENT: /],
      [{ MENAGERIE_RECORDER_BODIES: "no" }, undefined, /MENAGERIE_RECORDER_BODIES: /],
      [{ MENAGERIE_RECORDER_LOG_DIR: "here" }, undefined, /MENAGERIE_RECORDER_LOG_DIR: is not an absolute path/],
      [{}, [], /neither --predictor_host nor PREDICTOR_HOST is HOST/],
      [{}, ["--predictor_host", "p", "--predictor_protocol", "grpc-v2"], /--predictor_protocol: is not v1 or v2/],
    ] as const) {
      expect(() => read(more, args as string[] | undefined)).toThrow(sentence);
    }
    expect(() => readSettings({ MENAGERIE_DATABASE_URL: "hunter2" }, ["--predictor_host", "p"])).not.toThrow(/hunter2/);
  });
});
