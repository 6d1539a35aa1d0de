import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requestJson } from "../../src/adapters/kubernetes/request.ts";
import { serverFromUrl, withClient } from "../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { secretsIn, secretsInFolder } from "../support/canary.ts";

/**
 * A zoo model and a shadow deployment that redact, as their users have them: requests by the gateway to a real truss, rows in the database, and
 * everything that the environment leaves on this machine.
 */

/** Sent in bodies, ids, streams and headers; each is searched for in whatever the environment has written. */
const canary = "CANARY-4711";
const secrets = { canary, name: "Ada Canarywright", user: "user-canary-9", agent: "agent-canary-9" };
/** What the echo writes in two deltas, quoted as its events have them. */
const halves = { half: '"so CANARY-"', otherHalf: '"4711 it is"' };
const rules = `[{ pattern: 'CANARY-[0-9]+' }, { path: 'messages[*].name' }, { path: 'said.messages[*].name' }, { path: 'values[*]' }, { path: 'said.values[*]' }, { query: user }, { header: user-agent }]`;
const resources = "resources: { cpu: 250m, memory: 256Mi }";
const declared = `  menagerie:shadows:
    echoes:
      primary: { truss: models/echo, ${resources} }
      shadows: { copy: { truss: models/echo, ${resources} } }
      redact: ${rules}
`;
const zoo = `    echo:
      truss: models/echo
      phase: done
      ${resources}
      recording: { redact: ${rules}, sample: 100, retentionDays: 3, bodies: true }
`;

/** Says what it was asked, in one piece, or in deltas that cut a word of it in two. */
const model = `import gzip
import json

from fastapi.responses import JSONResponse, StreamingResponse
from starlette.requests import Request


class Model:
    def __init__(self, **kwargs):
        pass

    def load(self):
        pass

    async def predict(self, request: Request):
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        try:
            return {"said": json.loads(body)}
        except ValueError:
            return JSONResponse({"error": "it is not JSON"}, 400)

    async def chat_completions(self, request: Request):
        said = json.loads(await request.body())["messages"][-1]["content"]
        at = len(said) - 4
        return StreamingResponse(events(["so " + said[:at], said[at:] + " it is"]), media_type="text/event-stream")


async def events(deltas):
    for at, delta in enumerate(deltas, 1):
        choice = {"index": 0, "delta": {"content": delta}, "finish_reason": "stop" if at == len(deltas) else None}
        yield f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'choices': [choice]})}\\n\\n".encode()
    yield b"data: [DONE]\\n\\n"
`;

let shared: SharedEnvironment;
/** Everything that commands printed. */
const printed: string[] = [];
/** Addresses below which the models' paths are. */
const at: Record<"echo" | "echoes", string> = { echo: "", echoes: "" };

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  const folder = join(shared.home.project, "models/echo");
  await mkdir(join(folder, "model"), { recursive: true });
  await writeFile(join(folder, "config.yaml"), "model_name: echo\npython_version: py311\n");
  await writeFile(join(folder, "model/__init__.py"), "");
  await writeFile(join(folder, "model/model.py"), model);
  await shared.editStack(
    (text) => `${text.replace("menagerie:zoo:\n", `menagerie:zoo:\n${zoo}`).trimEnd()}\n${declared}`,
  );
  printed.push(await shared.preview());
  const { stdout, stderr } = await shared.up();
  printed.push(stdout, stderr);
  const { models } = await shared.json<{ models: { name: string; url: string }[] }>("status", "--json");
  for (const name of ["echo", "echoes"] as const) {
    at[name] = models.find((each) => each.name === name)?.url.replace("/v1/models/model:predict", "") ?? "";
  }
});

afterAll(async () => {
  await shared?.close();
});

const predict = `/v1/models/model:predict?user=${secrets.user}&q=${canary}`;
const chat = "/v1/chat/completions";
const asked = { values: [8.123456, true], note: `see ${canary}`, messages: [{ name: secrets.name, content: canary }] };

/** Sends to a model, under an id that the gateway keeps; answers the id and what came back. */
async function send(
  model: keyof typeof at,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<{ id: string; text: string }> {
  const id = headers["x-request-id"] ?? randomUUID();
  const response = await fetch(at[model] + path, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-request-id": id,
      "user-agent": `client ${secrets.agent}`,
      ...headers,
    },
  });
  return { id, text: await response.text() };
}

const schemas = {
  zoo: "recorded_echo",
  primary: "shadow_echoes_primary",
  shadow: "shadow_echoes_copy",
} as const;

interface Row {
  readonly redacted: boolean;
  readonly predict_url: string;
  readonly headers: Record<string, string>;
  readonly request_data: typeof asked & { readonly said: typeof asked };
  readonly request_raw: Buffer | null;
  readonly response_data: {
    readonly said: typeof asked;
    readonly choices: [{ message: { content: string } }];
  } | null;
  readonly response_raw: Buffer | null;
  readonly status: number;
}

async function onDatabase<Result extends object>(sql: string, values: unknown[] = []): Promise<Result[]> {
  const target = await readTarget(environmentLayout("local", shared.home.path));
  const server = serverFromUrl(target?.databaseServer?.url ?? "", "the environment");
  return withClient(server, platformDatabase, async (client) => (await client.query<Result>(sql, values)).rows);
}

/** The one row of a request, once its recorder has stored it. */
async function stored(schema: string, id: string): Promise<Row> {
  const rows = () =>
    onDatabase<Row>(
      `SELECT * FROM ${schema}.inference_requests JOIN ${schema}.inference_response USING (day, request_id, attempt)
        WHERE request_id = $1`,
      [id],
    );
  await expect.poll(async () => (await rows()).length, { timeout: 60_000 }).toBe(1);
  return (await rows())[0] as Row;
}

/** Ends of the paths of the folders that nodes have for the pods of a part of the models. */
async function podFolders(component: "predictor" | "transformer"): Promise<string[]> {
  const { items } = await requestJson<{ items: { metadata: { uid: string } }[] }>(
    shared.kubeConfig(),
    "GET",
    "/api/v1/pods",
    { query: { labelSelector: `menagerie.dev/model in (echo,echoes),component=${component}` } },
  );
  return items.map(({ metadata }) => `/pods/${metadata.uid}`);
}

const pseudonym = /^redacted:[0-9a-f]{24}$/;
/** The canary's, as the first row had it. */
let known: string;

describe("a zoo model that redacts", () => {
  test("says in its preview that it is redacted", () => {
    expect(printed.join("\n")).toContain("every request, redacted by 7 rules, kept 3 days");
  });

  test("stores pseudonyms of the same type in the place of a request's values, and of the answer's", async () => {
    const { id, text } = await send("echo", predict, JSON.stringify(asked));
    expect(JSON.parse(text)).toEqual({ said: asked });
    const row = await stored(schemas.zoo, id);
    expect(row).toMatchObject({ redacted: true, status: 200, request_raw: null, response_raw: null });
    const { values, note, messages } = row.request_data;
    known = messages[0]?.content ?? "";
    expect(known).toMatch(pseudonym);
    expect(note).toBe(`see ${known}`);
    expect(messages[0]?.name).toMatch(pseudonym);
    expect(String(values[0])).toMatch(/^[1-9]\.\d{6}$/);
    expect(values).not.toEqual(asked.values);
    expect(values[1]).toBe(false);
    expect(row.response_data?.said).toEqual(row.request_data);
    expect(row.predict_url).toMatch(/user=redacted:[0-9a-f]{24}&q=redacted:[0-9a-f]{24}$/);
    expect(row.headers["user-agent"]).toMatch(pseudonym);
  });

  test("joins a stream in which a value is cut in two, and decodes a request in gzip", async () => {
    const streamed = await send(
      "echo",
      chat,
      JSON.stringify({ stream: true, temperature: 0, messages: [{ content: canary }] }),
    );
    expect(streamed.text).toContain(halves.half);
    expect(streamed.text).toContain(halves.otherHalf);
    expect((await stored(schemas.zoo, streamed.id)).response_data?.choices[0].message.content).toBe(
      `so ${known} it is`,
    );
    const packed = await send("echo", predict, new Uint8Array(gzipSync(JSON.stringify(asked))), {
      "content-encoding": "gzip",
    });
    const row = await stored(schemas.zoo, packed.id);
    expect(row.request_data.messages[0]?.content).toBe(known);
    expect(row.response_data?.said).toEqual(row.request_data);
  });

  test("redacts ids by which requests are found again", async () => {
    await send("echo", predict, JSON.stringify(asked), { "x-request-id": `order-${canary}` });
    expect((await stored(schemas.zoo, `order-${known}`)).status).toBe(200);
  });

  test("drops what it cannot read, and counts it", async () => {
    const { id } = await send("echo", predict, `{"note": ${canary}`);
    expect(await stored(schemas.zoo, id)).toMatchObject({ status: 400, request_data: null, request_raw: null });
    const counted = () =>
      onDatabase(`SELECT reason, sum(requests)::int AS requests FROM ${schemas.zoo}.recording_losses GROUP BY 1`);
    await expect.poll(counted, { timeout: 60_000 }).toEqual([{ reason: "unredactable", requests: 1 }]);
  });
});

describe("a shadow deployment that redacts", () => {
  test("has the same pseudonyms on both sides, and those of the zoo model, so that answers compare", async () => {
    const since = new Date().toISOString();
    const { id } = await send("echoes", predict, JSON.stringify(asked));
    const streamed = await send(
      "echoes",
      chat,
      JSON.stringify({ stream: true, temperature: 0, messages: [{ content: canary }] }),
    );
    for (const each of [id, streamed.id]) {
      const [primary, shadow] = [await stored(schemas.primary, each), await stored(schemas.shadow, each)];
      expect(primary.request_data.messages[0]?.content).toBe(known);
      expect(shadow.request_data).toEqual(primary.request_data);
      expect(shadow.response_data).toEqual(primary.response_data);
    }
    const compared = await shared.succeed("compare", "echoes", "--json", "--since", since);
    printed.push(compared.stdout, compared.stderr);
    expect(JSON.parse(compared.stdout)).toMatchObject({ result: { pairs: 2, mismatches: 0, notJudged: {} } });
  });
});

test("a replay sends what is stored, and compares no answer to it with the recorded one", async () => {
  const replayed = await shared.succeed("replay", "echo", "--to", "echoes", "--json");
  printed.push(replayed.stdout, replayed.stderr);
  const { sent, redacted, statusesOfRedacted, result } = JSON.parse(replayed.stdout) as {
    sent: number;
    redacted: number;
    statusesOfRedacted: Record<string, number>;
    result: { pairs: number; mismatches: number; notJudged: Record<string, number> };
  };
  // Those of the tests above, without the one whose body was dropped.
  expect([sent, redacted, statusesOfRedacted]).toEqual([4, 4, { 200: 4 }]);
  expect(result).toMatchObject({ pairs: 0, mismatches: 0, notJudged: { redacted: 4 } });
  const got = () =>
    onDatabase<{ note: string }>(
      `SELECT DISTINCT request_data->>'note' AS note FROM ${schemas.primary}.inference_requests
        WHERE starts_with(request_id, 'replay-') AND request_data ? 'note'`,
    );
  // What was sent was the pseudonym, which is not a canary to the recorder there.
  await expect.poll(got, { timeout: 60_000 }).toEqual([{ note: `see ${known}` }]);
  const gated = await shared.home.menagerie(["replay", "echo", "--to", "echoes", "--max-mismatch", "0.1"]);
  expect([gated.code, gated.stderr]).toEqual([2, expect.stringContaining("echo has 4 requests with pseudonyms")]);
});

test("nothing that the environment has written holds a value: database files, logs, the recorders' own, the engine's state", async () => {
  printed.push(await shared.preview());
  expect(secretsIn(printed.join("\n"), { ...secrets, ...halves })).toEqual([]);
  // All of it, with what PostgreSQL has in its files and its log of writes; the project beside it has the rules, and no value.
  const models = await podFolders("predictor");
  expect(models.length).toBe(3);
  const isOfModel = (path: string): boolean => models.some((folder) => path.endsWith(folder));
  expect(secretsInFolder(shared.home.path, { ...secrets, ...halves }, isOfModel)).toEqual([]);
  // A model is asked with the values themselves, and truss prints each request's path with its query.
  const { canary: inQuery, user, ...notPrinted } = { ...secrets, ...halves };
  expect(secretsInFolder(shared.home.path, notPrinted)).toEqual([]);
  expect(secretsInFolder(shared.home.path, { inQuery, user }).length).toBeGreaterThan(0);
  // What is searched would be found.
  expect(secretsInFolder(shared.home.path, { known }).length).toBeGreaterThan(0);
});

test("recorded requests are forgotten by a value, in clear, and by an id as the client sent it", async () => {
  const count = async () =>
    (await onDatabase<{ n: number }>(`SELECT count(*)::int AS n FROM ${schemas.zoo}.inference_requests`))[0]?.n;
  const before = (await count()) ?? 0;
  const byId = await shared.json<{ deleted: number }>(
    ...["recording", "forget", "echo", "--request", `order-${canary}`, "--yes", "--json"],
  );
  expect(byId.deleted).toBe(1);
  const byValue = await shared.json<{ deleted: number }>(
    ...["recording", "forget", "echo", "--where", `note=see ${canary}`, "--yes", "--json"],
  );
  expect(byValue.deleted).toBe(2);
  expect(await count()).toBe(before - 3);
  const audit = await onDatabase<{ text: string }>(
    "SELECT details::text AS text FROM menagerie.audit WHERE what = 'recording.forget'",
  );
  expect(audit.length).toBe(2);
  expect(audit.some(({ text }) => text.includes(canary))).toBe(false);
});
