import { afterAll, beforeAll, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { startRecorder, type TestRecorder } from "../../../support/recorder.ts";
import { conversation, startWebSocketServer, type WebSocketServer } from "../../../support/webSocketServer.ts";

let postgres: TestPostgres;
let model: WebSocketServer;
let recorder: TestRecorder;

beforeAll(async () => {
  [postgres, model] = await Promise.all([startPostgres(), startWebSocketServer("model")]);
  recorder = await startRecorder({ postgres, predictor: model.host, schema: "primary" });
});

afterAll(async () => {
  await recorder?.dispose();
  await Promise.all([model?.stop(), postgres?.stop()]);
});

it("a WebSocket passes the recorder, and is counted as what is not recorded", async () => {
  const url = `${recorder.origin.replace("http:", "ws:")}/v1/websocket`;
  const said = await conversation(url, ["one", "two"], { "x-tenant": "t" });
  expect(said).toMatchObject({ opened: true, answers: ["model one", "model two"], code: 1000 });
  expect(model.seen.at(-1)).toMatchObject({ url: "/v1/websocket", headers: { "x-tenant": "t" } });
  const metrics = await (await fetch(`${recorder.origin}/metrics`)).text();
  expect(metrics).toMatch(/^menagerie_recorder_websockets_total 1$/m);
  expect(metrics).toMatch(/^menagerie_recorder_stored_total 0$/m);
  expect(await recorder.query("SELECT request_id FROM inference_requests")).toEqual([]);
});
