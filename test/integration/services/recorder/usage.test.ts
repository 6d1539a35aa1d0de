import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { claimHeader } from "../../../../src/domain/limits/claim.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { startRecorder, type TestRecorder } from "../../../support/recorder.ts";
import { type SpeakingModel, startSpeakingModel } from "../../../support/speakingModel.ts";

/** What a recorder tells of tokens that the gateway has claims on: a recorder process before a model that speaks. */

let postgres: TestPostgres;
let model: SpeakingModel;
let recorder: TestRecorder;
let api: Server;
let answers = 204;
let reports: { schema: string; settled: { claim: string; tokens: object | null }[] }[] = [];
const settled = () => reports.flatMap((report) => report.settled);

beforeAll(async () => {
  [postgres, model] = await Promise.all([startPostgres(), startSpeakingModel({ pauseMs: 5 })]);
  api = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    reports.push((await json(request)) as (typeof reports)[number]);
    response.writeHead(answers).end();
  }).listen(0, "127.0.0.1");
  await once(api, "listening");
  recorder = await startRecorder({
    postgres,
    predictor: new URL(model.origin).host,
    schema: "recorded_speaker",
    env: {
      MENAGERIE_USAGE_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
      // Tokens are counted of every request, whatever is stored of it.
      MENAGERIE_RECORDER_SAMPLE_PERCENT: "0.01",
      MENAGERIE_RECORDER_BODIES: "false",
    },
  });
});

afterAll(async () => {
  await recorder?.dispose();
  api?.close();
  await Promise.all([model?.stop(), postgres?.stop()]);
});

beforeEach(() => {
  reports = [];
});

async function ask(headers: Record<string, string>, body: object = {}, path = "/v1/chat/completions") {
  const answer = await fetch(`${recorder.origin}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "m", messages: [], ...body }),
  });
  await answer.text();
  return answer.status;
}

it("tells the tokens of whole answers, of streams and of refusals, and the model sees no claim", async () => {
  await ask({ [claimHeader]: "whole" });
  await ask({ [claimHeader]: "streamed" }, { stream: true });
  expect(await ask({ [claimHeader]: "refused" }, { model: "refused" })).toBe(400);
  // Of these answers nobody tells how many tokens they took.
  await ask({ [claimHeader]: "untold" }, {}, "/v1/completions");
  await expect.poll(() => settled()).toHaveLength(4);
  expect(new Map(settled().map(({ claim, tokens }) => [claim, tokens]))).toEqual(
    new Map([
      ["whole", { prompt: 3, completion: 7 }],
      ["streamed", { prompt: 3, completion: 7 }],
      ["refused", { prompt: 0, completion: 0 }],
      ["untold", null],
    ]),
  );
  expect(reports.every(({ schema }) => schema === "recorded_speaker")).toBe(true);
  for (const { headers } of model.seen) expect(headers[claimHeader]).toBeUndefined();
});

it("tells nothing of requests without a claim", async () => {
  await ask({});
  await ask({ [claimHeader]: "last" });
  await expect.poll(() => settled()).toHaveLength(1);
  expect(settled()[0]?.claim).toBe("last");
});

it("tells it again where the API service is away, and what it kept when it ends", async () => {
  answers = 503;
  await ask({ [claimHeader]: "again" });
  await expect.poll(() => reports.length).toBeGreaterThan(0);
  answers = 204;
  reports = [];
  await ask({ [claimHeader]: "late" });
  expect(await recorder.end("SIGTERM")).toBe(0);
  expect(
    settled()
      .map(({ claim }) => claim)
      .sort(),
  ).toEqual(["again", "late"]);
});
