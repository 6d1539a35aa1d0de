import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../../src/adapters/postgres/apps.ts";
import { registerVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { type ApiUnderTest, startDevelopmentApi } from "../../../support/developmentApi.ts";
import { askByPython } from "../../../support/openai/pythonClient.ts";
import { type SpeakingModel, speech, startSpeakingModel } from "../../../support/speakingModel.ts";

/** Apps as the official clients of OpenAI and Anthropic ask them: a real API service and PostgreSQL, over a model that speaks. */

let model: SpeakingModel;
/** Version 2 of it, which no app points at until it is moved. */
let next: SpeakingModel;
let api: ApiUnderTest;
let app: { readonly id: string };
let key: string;
let limited: string;

beforeAll(async () => {
  model = await startSpeakingModel();
  next = await startSpeakingModel();
  api = await startDevelopmentApi({
    requireApiKey: true,
    predictor: (number) => (number === 2 ? next : model).origin,
    maxBodyBytes: 100_000,
  });
  app = await withClient(api.server, platformDatabase, async (client) => {
    for (const number of [1, 2]) {
      const content = { hash: `h${number}`, digest: `sha256:${String(number).repeat(64)}`, current: number === 1 };
      await registerVersion(client, { model: "speaker", organization: "admin", number, ...content });
    }
    return createApp(client, { zooModel: "speaker", owner: "ada@example.com", name: "my speaker" });
  });
  key = await api.newKey({ modelId: app.id });
  limited = await api.newKey({ modelId: app.id }, [], { requestsPerMinute: 1_000, tokensPerDay: 1_000 });
});

afterAll(async () => {
  await api?.stop();
  await model?.stop();
  await next?.stop();
});

const baseUrl = () => `${api.url}/models/${app.id}`;
const openAi = (apiKey = key) => new OpenAI({ baseURL: `${baseUrl()}/v1`, apiKey, maxRetries: 0 });
const messages = [{ role: "user" as const, content: "Say it" }];

async function refusalOf(work: Promise<unknown>): Promise<APIError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof APIError) return error;
  throw new Error(`it was not refused: ${String(error)}`);
}

describe("OpenAI's client for Node", () => {
  it("finds the app as the one model, by its own name", async () => {
    const listed = await openAi().models.list();
    expect(listed.data).toEqual([
      { id: "my speaker", object: "model", owned_by: expect.any(String), created: expect.any(Number) },
    ]);
    const [{ id = "", created = 0 } = {}] = listed.data;
    expect(Math.abs(Date.now() / 1000 - created)).toBeLessThan(120);
    expect((await openAi().models.retrieve(id)).id).toBe("my speaker");
    expect(await refusalOf(openAi().models.retrieve("gpt-0"))).toMatchObject({ status: 404, code: "not_found" });
  });

  it("gets chats, completions, embeddings and responses as the model says them, and the model gets no key", async () => {
    const client = openAi();
    const chat = await client.chat.completions.create({ model: "my speaker", messages });
    expect(chat.choices[0]?.message.content).toBe(speech);
    expect(chat.usage?.completion_tokens).toBe(7);
    expect((await client.completions.create({ model: "m", prompt: "x" })).choices[0]?.text).toBe(speech);
    expect((await client.embeddings.create({ model: "m", input: "x" })).data[0]?.embedding).toEqual([0.5, -1]);
    expect((await client.responses.create({ model: "m", input: "x" })).output_text).toBe(speech);
    const urls = model.seen.slice(-4).map(({ url }) => url);
    expect(urls).toEqual(["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"]);
    expect(model.seen.at(-4)?.body).toMatchObject({ model: "my speaker", messages });
    for (const { headers } of model.seen) expect(JSON.stringify(headers)).not.toContain(key);
  });

  it("gets streams whole", async () => {
    const stream = await openAi().chat.completions.create({ model: "m", messages, stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
    expect(text).toBe(speech);
    const events: string[] = [];
    for await (const { type } of await openAi().responses.create({ model: "m", input: "x", stream: true })) {
      events.push(type);
    }
    expect(events.at(-1)).toBe("response.completed");
  });

  it("gets a stream's head and each of its pieces as the model sends them, and that leaves in the middle is one that left for the model too", async () => {
    const before = model.abandoned();
    // It has no end: whoever held it back would do so for ever.
    const stream = await openAi().chat.completions.create({ model: "endless", messages, stream: true });
    let heard = 0;
    for await (const _ of stream) {
      heard += 1;
      if (heard === 20) stream.controller.abort();
    }
    await expect.poll(() => model.abandoned()).toBe(before + 1);
  });

  it("reads what is refused: by the model, by the key, by a limit, by size", async () => {
    const byModel = await refusalOf(openAi().chat.completions.create({ model: "refused", messages }));
    expect(byModel).toMatchObject({ status: 400, code: "bad_words", param: "model", type: "invalid_request_error" });
    expect(byModel.message).toContain("no such words");
    const byKey = await refusalOf(openAi("wrong").chat.completions.create({ model: "m", messages }));
    expect(byKey).toMatchObject({ status: 401, code: "invalid_api_key", type: "authentication_error" });
    expect(byKey.message).toContain("the API key is wrong or revoked");
    const large = [{ role: "user" as const, content: "x".repeat(100_001) }];
    const bySize = await refusalOf(openAi().chat.completions.create({ model: "m", messages: large }));
    expect(bySize).toMatchObject({ status: 413, code: "body_too_large", type: "request_too_large" });
    const asked = { model: "m", messages, max_tokens: 600 };
    // What was not taken of one reservation is there for the next.
    for (let each = 0; each < 2; each += 1) {
      const answered = () => openAi(limited).chat.completions.create(asked);
      await expect.poll(async () => (await answered()).object).toBe("chat.completion");
    }
    const stream = await openAi(limited).chat.completions.create({ ...asked, model: "endless", stream: true });
    const byLimit = await refusalOf(openAi(limited).chat.completions.create(asked));
    stream.controller.abort();
    expect(byLimit).toMatchObject({ status: 429, code: "rate_limit_exceeded", type: "tokens" });
    expect(byLimit.headers?.get("retry-after-ms")).toMatch(/^[1-9]\d*$/);
    expect(byLimit.headers?.get("x-ratelimit-limit-tokens")).toBe("1000");
    const tooLarge = await refusalOf(openAi(limited).chat.completions.create({ ...asked, max_tokens: 1_001 }));
    expect(tooLarge).toMatchObject({ status: 429, type: "tokens" });
    expect(tooLarge.message).toContain("ask for a shorter answer");
  });

  it("of a key for something else is not told what exists", async () => {
    const { modelId } = await api.newVersion("other");
    const others = await api.newKey({ modelId });
    expect(await refusalOf(openAi(others).models.list())).toMatchObject({ status: 403, code: "key_scope" });
  });
});

describe("OpenAI's client for Python", () => {
  it("gets the same", async () => {
    const answers = await askByPython(`${baseUrl()}/v1`, key);
    expect(answers).toMatchObject({
      model: ["my speaker", expect.any(String)],
      retrieved: "my speaker",
      chat: [speech, 7],
      streamed: [speech, 7],
      completion: speech,
      embedding: [0.5, -1],
      response: speech,
      aborted: 3,
      refused: ["BadRequestError", 400, "bad_words", "no such words"],
      unknown: ["NotFoundError", 404, "not_found", expect.stringContaining('is called "my speaker"')],
      "wrong key": ["AuthenticationError", 401, "invalid_api_key", "the API key is wrong or revoked"],
    });
  });
});

describe("Anthropic's client", () => {
  const anthropic = (apiKey = key) => new Anthropic({ baseURL: baseUrl(), apiKey, maxRetries: 0 });
  const question = { model: "my speaker", max_tokens: 100, messages };

  it("gets messages by its own header of a key, whole and in a stream", async () => {
    const message = await anthropic().messages.create(question);
    expect(message.content).toMatchObject([{ type: "text", text: speech }]);
    let text = "";
    const stream = anthropic().messages.stream(question);
    stream.on("text", (delta) => {
      text += delta;
    });
    const { usage } = await stream.finalMessage();
    expect([text, usage.output_tokens]).toEqual([speech, 7]);
    expect(model.seen.at(-1)).toMatchObject({
      url: "/v1/messages",
      headers: { "anthropic-version": expect.any(String) },
    });
    for (const { headers } of model.seen) expect(JSON.stringify(headers)).not.toContain(key);
  });

  it("reads what is refused", async () => {
    await expect(anthropic("wrong").messages.create(question)).rejects.toMatchObject({
      status: 401,
      message: expect.stringContaining("the API key is wrong or revoked"),
    });
  });
});

describe("an app that is moved to another version", () => {
  const pointAt = (number: number) =>
    api.sql(
      `UPDATE menagerie.model_version SET proxy_model_version_id =
         (SELECT v.id FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id
           WHERE m.name = 'speaker' AND v.number = $1) WHERE model_id = $2`,
      [number, app.id],
    );
  const asked = () => [model.seen.length, next.seen.length];

  it("answers its clients, who keep their url, key and model's name, by the new version; a stream goes on where it began", async () => {
    const openAi = new OpenAI({ baseURL: `${baseUrl()}/v1`, apiKey: key, maxRetries: 0 });
    const anthropic = new Anthropic({ baseURL: baseUrl(), apiKey: key, maxRetries: 0 });
    const [before = 0, after = 0] = asked();
    const stream = await openAi.chat.completions.create({ model: "my speaker", messages, stream: true });
    let text = "";
    let isMoved = false;
    for await (const chunk of stream) {
      if (!isMoved) await pointAt(2);
      isMoved = true;
      text += chunk.choices[0]?.delta.content ?? "";
    }
    try {
      expect([text, ...asked()]).toEqual([speech, before + 1, after]);
      expect((await openAi.models.list()).data.map(({ id }) => id)).toEqual(["my speaker"]);
      const { choices } = await openAi.chat.completions.create({ model: "my speaker", messages });
      expect(choices[0]?.message.content).toBe(speech);
      const question = { model: "my speaker", max_tokens: 100, messages };
      expect(await anthropic.messages.stream(question).finalText()).toBe(speech);
      expect((await askByPython(`${baseUrl()}/v1`, key)).streamed).toEqual([speech, 7]);
      const [old, moved = 0] = asked();
      expect(old).toBe(before + 1);
      expect(moved).toBeGreaterThan(after + 4);
      for (const { headers } of next.seen) expect(JSON.stringify(headers)).not.toContain(key);
    } finally {
      await pointAt(1);
    }
    await openAi.chat.completions.create({ model: "my speaker", messages });
    expect(model.seen.length).toBe(before + 2);
  });
});

describe("the paths of an app", () => {
  const ask = (path: string, method = "POST") =>
    fetch(`${baseUrl()}${path}`, {
      method,
      headers: { "x-api-key": key },
      ...(method === "POST" ? { body: "{}" } : {}),
    });

  it("are those of the protocols' table, with their queries but for keys", async () => {
    await ask("/openai/v1/chat/completions");
    await ask("/v2/models/m/infer?a=1&api_key=k");
    await ask("/v1/models/model%3Apredict");
    await ask("/v1/messages?beta=true");
    expect(model.seen.slice(-4).map(({ url }) => url)).toEqual([
      "/openai/v1/chat/completions",
      "/v2/models/m/infer?a=1",
      "/v1/models/model%3Apredict",
      "/v1/messages?beta=true",
    ]);
  });

  it.each([
    ["POST", "/v1/control/patch", 404],
    ["POST", "/control/patch", 404],
    ["POST", "/metrics", 404],
    ["POST", "/v1/x/../chat/completions", 404],
    ["POST", "/v1%2fchat/completions%2f", 404],
    ["POST", "/v1/chat%252fcompletions", 404],
    ["POST", "//v1/chat/completions", 404],
    ["POST", "/V1/chat/completions", 404],
    ["POST", "/v1/chat/completions/", 404],
    ["POST", "/v1", 404],
    ["POST", "/v2/models/%2e%2e/infer", 404],
    ["GET", "/v1/chat/completions", 405],
    ["DELETE", "/v1/models", 405],
    ["POST", "/v1/models", 405],
  ])("%s %s is refused, and reaches no model", async (method, path, status) => {
    const before = model.seen.length;
    const url = new URL(api.url);
    const { request } = await import("node:http");
    const answered = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = request(
        { host: url.hostname, port: url.port, path: `/models/${app.id}${path}`, method, headers: { "x-api-key": key } },
        (answer) => resolve(answer.resume().statusCode),
      );
      outgoing.once("error", reject);
      outgoing.end();
    });
    expect([answered, model.seen.length]).toEqual([status, before]);
  });

  it("answer a client of HTTP/1.0 with the whole stream, and end with the connection", async () => {
    const { connect } = await import("node:net");
    const { hostname, port } = new URL(api.url);
    const body = JSON.stringify({ model: "m", messages, stream: true });
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /models/${app.id}/v1/chat/completions HTTP/1.0\r\nx-api-key: ${key}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    let answer = "";
    for await (const chunk of socket) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1\.[01] 200 OK\r\n/);
    expect(answer).not.toMatch(/transfer-encoding/i);
    expect(answer.trimEnd().endsWith("data: [DONE]")).toBe(true);
  });
});
