import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createDevelopmentVersions } from "../../../../src/adapters/api/developmentVersions.ts";
import { createApp } from "../../../../src/adapters/postgres/apps.ts";
import { registerVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { type ApiUnderTest, adminKey, startDevelopmentApi } from "../../../support/developmentApi.ts";
import { trussOf } from "../../../support/trussOf.ts";
import { conversation, startWebSocketServer, type WebSocketServer } from "../../../support/webSocketServer.ts";

/** WebSockets of apps and of development versions, through a real API service. */

let model: WebSocketServer;
let api: ApiUnderTest;
let key: string;
let keyOfApp: string;
let appPath: string;
let developmentPath: string;
let versionId: string;
const counted: string[] = [];

beforeAll(async () => {
  model = await startWebSocketServer("model");
  const count = (_version: string, outcome: string) => void counted.push(outcome);
  api = await startDevelopmentApi({ requireApiKey: true, predictor: `http://${model.host}`, count });
  api.cluster.podUrl = `http://${model.host}`;
  const app = await withClient(api.server, platformDatabase, async (client) => {
    const content = { hash: "h1", digest: `sha256:${"1".repeat(64)}` };
    await registerVersion(client, { model: "speaker", organization: "admin", number: 1, ...content, current: true });
    return createApp(client, { zooModel: "speaker", owner: "ada@example.com" });
  });
  const version = await api.newVersion();
  versionId = version.versionId;
  const truss = trussOf({ "model/model.py": "class Model: pass\n" });
  const stack = createDevelopmentVersions({ url: api.url, key: adminKey });
  await stack.startGeneration(versionId, { hash: truss.hash, signature: truss.signature });
  api.cluster.deploy(versionId, truss.hash, 15);
  key = await api.newKey({ organizationId: version.organizationId });
  const ofApp = await withClient(api.server, platformDatabase, (client) =>
    client.query("SELECT organization_id AS id FROM menagerie.model WHERE id = $1", [app.id]),
  );
  keyOfApp = await api.newKey({ organizationId: ofApp.rows[0].id });
  appPath = `/models/${app.id}/v1/websocket`;
  developmentPath = `/development/${versionId}/v1/websocket`;
});

afterAll(async () => {
  await api?.stop();
  await model?.stop();
});

const url = (path: string) => api.url.replace("http:", "ws:") + path;

it("of an app pass by its pointer, with its key, which the model does not get", async () => {
  const said = await conversation(url(`${appPath}?a=1&api_key=k`), ["one", "two"], {
    authorization: `Bearer ${keyOfApp}`,
  });
  expect(said).toMatchObject({ opened: true, answers: ["model one", "model two"], code: 1000 });
  expect(model.seen.at(-1)?.url).toBe("/v1/websocket?a=1");
  expect(JSON.stringify(model.seen.at(-1)?.headers)).not.toContain(keyOfApp);
  await expect.poll(() => api.logged.join("\n")).toMatch(/"status":101.*"prediction"/);
  await expect.poll(() => counted).toEqual(["1xx"]);
});

it("are counted once each, as what was joined and not as who left", async () => {
  counted.splice(0);
  const headers = { "x-api-key": keyOfApp };
  await conversation(url(appPath), ["one"], headers);
  await expect.poll(() => counted).toEqual(["1xx"]);
});

it("of a development version pass, and wake it", async () => {
  const headers = { "x-api-key": key };
  expect(await conversation(url(developmentPath), ["one"], headers)).toMatchObject({ answers: ["model one"] });
  await api.cluster.setStopped(`v${versionId}`, true);
  expect(await conversation(url(developmentPath), ["two"], headers)).toMatchObject({ answers: ["model two"] });
});

it.each([
  ["an app's without a key", () => appPath, () => "", /^HTTP\/1.1 401 .*"code":"missing_api_key"/s],
  [
    "an app's with a wrong one",
    () => appPath,
    () => "x-api-key: wrong\r\n",
    /^HTTP\/1.1 401 .*"code":"invalid_api_key"/s,
  ],
  ["a version's without a key", () => developmentPath, () => "", /^HTTP\/1.1 401 /],
  ["a version's with another's key", () => developmentPath, () => `x-api-key: ${keyOfApp}\r\n`, /^HTTP\/1.1 403 /],
  [
    "the control server's",
    () => `/development/${versionId}/v1/../control/patch`,
    () => `x-api-key: ${key}\r\n`,
    /^HTTP\/1.1 404 /,
  ],
  [
    "an app's chat",
    () => appPath.replace("websocket", "chat/completions"),
    () => `x-api-key: ${keyOfApp}\r\n`,
    /^HTTP\/1.1 405 .*allow: POST/is,
  ],
  ["the service's own", () => "/healthz", () => "", /^HTTP\/1.1 200 .*ok/s],
])("%s is answered like every request, and reaches no model", async (_, path, headers, answer) => {
  const before = model.seen.length;
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  socket.write(
    `GET ${path()} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${headers()}\r\n`,
  );
  let text = "";
  for await (const chunk of socket) text += chunk;
  expect(text).toMatch(answer);
  expect(model.seen.length).toBe(before);
});
