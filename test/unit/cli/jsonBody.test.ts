import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { streamedChat } from "../../../src/cli/chat/streamedChat.ts";
import { postPrediction } from "../../../src/cli/jsonBody.ts";

/** A gateway that sends its clients elsewhere. */

let [gateway, elsewhere]: Server[] = [];
let url: string;
const seen: unknown[] = [];

beforeAll(async () => {
  elsewhere = createServer((request, response) => {
    seen.push(request.headers);
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(elsewhere, "listening");
  const { port } = elsewhere.address() as AddressInfo;
  gateway = createServer((request, response) => {
    request.resume();
    response.writeHead(307, { location: `http://127.0.0.1:${port}/` }).end();
  }).listen(0, "127.0.0.1");
  await once(gateway, "listening");
  url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}/v1/chat/completions`;
});

afterAll(() => {
  gateway?.close();
  elsewhere?.close();
});

it.each([
  ["a prediction", () => postPrediction("iris", url, "{}", { "x-api-key": "k" })],
  ["a chat", () => streamedChat({ name: "iris", url, headers: { "x-api-key": "k" } }, [], {}, () => {})],
])("%s follows no redirect, which would take its key elsewhere", async (_, ask) => {
  await expect(ask()).rejects.toThrow("307");
  expect(seen).toEqual([]);
});
