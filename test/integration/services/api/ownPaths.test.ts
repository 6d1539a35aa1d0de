import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../../../src/adapters/postgres/apps.ts";
import { registerVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { withClient } from "../../../../src/adapters/postgres/server.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import type { Outcome } from "../../../../src/domain/traffic/outcome.ts";
import { type ApiUnderTest, startDevelopmentApi } from "../../../support/developmentApi.ts";
import { irisServing } from "../../../support/irisServing.ts";

/** Apps of a model that has paths of its own: a real API service and PostgreSQL, over a model that tells what it was asked. */

let model: Server;
let api: ApiUnderTest;
let app: { readonly id: string };
let key: string;
const counted: [string, Outcome][] = [];
/** Ends an answer of `/api/pieces`. */
let end = () => {};

beforeAll(async () => {
  model = createServer({ keepAliveTimeout: 0 }, (incoming, response) => {
    incoming.resume();
    response.setHeader("x-saw", `${incoming.method} ${incoming.url} ${incoming.headers["x-api-key"]}`);
    if (incoming.url !== "/api/pieces") return response.end("answer");
    response.write("first");
    end = () => void response.end("last");
  }).listen(0, "127.0.0.1");
  await once(model, "listening");
  api = await startDevelopmentApi({
    requireApiKey: true,
    predictor: `http://127.0.0.1:${(model.address() as AddressInfo).port}`,
    count: (versionId, outcome) => void counted.push([versionId, outcome]),
  });
  app = await withClient(api.server, platformDatabase, async (client) => {
    for (const [number, paths] of [
      [1, ["/generate", "/api/"]],
      [2, ["/api/"]],
      [3, undefined],
    ] as const) {
      const content = { hash: `h${number}`, digest: `sha256:${String(number).repeat(64)}` };
      const serving = { ...irisServing, ...(paths ? { paths } : {}) };
      await registerVersion(client, {
        model: "painter",
        organization: "admin",
        number,
        ...content,
        current: number === 1,
        serving,
      });
    }
    return createApp(client, { zooModel: "painter", owner: "ada@example.com", name: "my painter" });
  });
  key = await api.newKey({ modelId: app.id });
});

afterAll(async () => {
  await api?.stop();
  model?.closeAllConnections();
  model?.close();
});

/** As it is written: `fetch` would resolve dots. */
function ask(
  path: string,
  { method = "POST", own = key, id = app.id } = {},
): Promise<{ status: number; saw?: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(api.url);
    const headers = { "x-api-key": own };
    const call = request({ hostname, port, method, path: `/models/${id}${path}`, headers }, (response) => {
      response.resume();
      const saw = response.headers["x-saw"];
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, ...(typeof saw === "string" ? { saw } : {}) }),
      );
    });
    call.once("error", reject);
    call.end(method === "POST" ? "{}" : undefined);
  });
}

async function pointAt(number: number): Promise<void> {
  await api.sql(
    `UPDATE menagerie.model_version SET proxy_model_version_id =
       (SELECT v.id FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id
         WHERE m.name = 'painter' AND v.number = $1) WHERE model_id = $2`,
    [number, app.id],
  );
}

describe("an app", () => {
  it("answers its model's own paths by any method, with their query, and gives the model no key", async () => {
    await pointAt(1);
    expect(await ask("/generate?seed=3")).toEqual({ status: 200, saw: "POST /generate?seed=3 undefined" });
    expect(await ask("/api/images/7", { method: "GET" })).toEqual({
      status: 200,
      saw: "GET /api/images/7 undefined",
    });
    expect((await ask("/api/images/7", { method: "DELETE" })).saw).toBe("DELETE /api/images/7 undefined");
    expect((await ask("/generate?api_key=x&n=1")).saw).toBe("POST /generate?n=1 undefined");
  });

  it("passes an answer on as it comes", async () => {
    const answer = await fetch(`${api.url}/models/${app.id}/api/pieces`, {
      method: "POST",
      headers: { "x-api-key": key },
    });
    const pieces: string[] = [];
    for await (const piece of answer.body ?? []) {
      pieces.push(Buffer.from(piece as Uint8Array).toString());
      // What was held back until the model's answer ends would never come.
      end();
    }
    expect(pieces).toEqual(["first", "last"]);
  });

  it("demands its key there too, before it tells what there is", async () => {
    const { modelId } = await api.newVersion("other");
    const others = await api.newKey({ modelId });
    for (const path of ["/generate", "/api/x", "/nothing"]) {
      expect((await ask(path, { own: "wrong" })).status, path).toBe(401);
      expect((await ask(path, { own: others })).status, path).toBe(403);
    }
  });

  it.each([
    ...["/generate/", "/generate/more", "/generated", "/api", "/", "/GENERATE", "/v1/other", "/v2/health/ready"],
    ...["/control/patch", "/CONTROL/patch", "/%63ontrol/patch", "/metrics", "/Metrics", "/hot-reload", "/healthz"],
    ...["/api/../control/patch", "/api/%2e%2e/control/patch", "/api/..%2fcontrol/patch"],
    ...["/api//control/patch", "/api/%5c..%5ccontrol", "/api/%252e%252e/control"],
  ])("does not answer %s", async (path) => {
    await pointAt(1);
    expect(await ask(path)).toEqual({ status: 404 });
  });

  it("has the paths of the version that it points at, from its move on", async () => {
    const answers = async () => [(await ask("/generate")).status, (await ask("/api/x")).status];
    await pointAt(1);
    expect(await answers()).toEqual([200, 200]);
    await pointAt(2);
    expect(await answers()).toEqual([404, 200]);
    await pointAt(3);
    expect(await answers()).toEqual([404, 404]);
    await pointAt(1);
    expect(await answers()).toEqual([200, 200]);
  });

  it("is counted on them for the version that answered", async () => {
    await pointAt(2);
    const [{ id } = { id: "" }] = await api.sql<{ id: string }>(
      "SELECT v.id::text FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id WHERE m.name = 'painter' AND v.number = 2",
    );
    const own = () => counted.filter(([versionId]) => versionId === id).map(([, outcome]) => outcome);
    const before = own();
    await ask("/api/x");
    await ask("/generate");
    await expect.poll(own).toEqual([...before, "2xx"]);
  });
});
