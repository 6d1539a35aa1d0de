import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createDevelopmentVersions } from "../../../../../src/adapters/api/developmentVersions.ts";
import { readUsage } from "../../../../../src/adapters/postgres/limits/readUsage.ts";
import { registerVersion } from "../../../../../src/adapters/postgres/modelVersions.ts";
import { withClient } from "../../../../../src/adapters/postgres/server.ts";
import type { Limits } from "../../../../../src/domain/limits/limits.ts";
import { platformDatabase } from "../../../../../src/domain/platformDatabase.ts";
import { type ApiUnderTest, adminKey, startDevelopmentApi } from "../../../../support/developmentApi.ts";
import { withinAMinute } from "../../../../support/limitedPods.ts";
import { trussOf } from "../../../../support/trussOf.ts";

/** Limits of requests and tokens before models that sleep. */

let api: ApiUnderTest;
let model: Server;
const truss = trussOf({ "model/model.py": "class Model: pass\n" });

beforeAll(async () => {
  model = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    request.resume();
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 7 } }));
  }).listen(0, "127.0.0.1");
  await once(model, "listening");
  const origin = `http://127.0.0.1:${(model.address() as AddressInfo).port}`;
  api = await startDevelopmentApi({ predictor: origin });
  api.cluster.podUrl = origin;
});

afterAll(async () => {
  model?.close();
  await api?.stop();
});

interface Sleeper {
  readonly service: string;
  readonly path: string;
  readonly modelId: string;
}

async function zooModel(): Promise<Sleeper> {
  const digest = `sha256:${"1".repeat(64)}`;
  const version = { model: "sleeper", organization: "admin", number: 1, hash: "h1", digest, current: true };
  await withClient(api.server, platformDatabase, (client) => registerVersion(client, version));
  const [row] = await api.sql<{ id: string }>("SELECT id FROM menagerie.model WHERE name = 'sleeper'");
  const { id = "" } = row ?? {};
  api.cluster.deployZoo("sleeper-v1", 15);
  return { service: "sleeper-v1", path: `/models/${id}/v1/chat/completions`, modelId: id };
}

async function developmentVersion(): Promise<Sleeper> {
  const { versionId, modelId } = await api.newVersion("patched");
  const client = createDevelopmentVersions({ url: api.url, key: adminKey });
  await client.startGeneration(versionId, { hash: truss.hash, signature: truss.signature });
  api.cluster.deploy(versionId, truss.hash, 15);
  return { service: `v${versionId}`, path: `/hosts/${modelId}/development/sync/v1/chat/completions`, modelId };
}

it.each([
  ["a model of the zoo", "sleeper", zooModel],
  ["a development version", "patched", developmentVersion],
])("a request for %s that a limit refuses wakes nothing, and one that wakes it counts once", async (_, name, made) => {
  const { service, path, modelId } = await made();
  let answered = 0;
  const ask = async (key: string, maxTokens: number): Promise<number> => {
    const body = JSON.stringify({ model: "m", messages: [], max_tokens: maxTokens });
    const headers = { "x-api-key": key, "content-type": "application/json" };
    const { status } = await fetch(`${api.url}${path}`, { method: "POST", headers, body });
    if (status === 200) answered += 1;
    return status;
  };
  const keyWith = (limits: Limits) => api.newKey({ modelId }, [], limits);
  const isStopped = () => api.cluster.find(service)?.isStopped;

  await api.cluster.setStopped(service, true);
  expect(await ask(await keyWith({ tokensPerMinute: 100 }), 1_000)).toBe(429);
  expect(isStopped()).toBe(true);

  for (const limits of [{ requestsPerMinute: 1 }, { requestsPerMinute: 1, tokensPerMinute: 100_000 }]) {
    await withinAMinute(api.server, 15, async () => {
      const key = await keyWith(limits);
      expect(await ask(key, 10)).toBe(200);
      expect(isStopped()).toBe(false);
      await api.cluster.setStopped(service, true);
      expect(await ask(key, 10)).toBe(429);
      expect(isStopped()).toBe(true);
    });
  }
  const usage = () =>
    withClient(api.server, platformDatabase, async (client) => {
      const rows = await readUsage(client, { since: "2000-01-01" });
      return rows
        .filter((row) => row.model === name)
        .map(({ requests, tokensIn, tokensOut }) => ({ requests, tokensIn, tokensOut }));
    });
  await expect.poll(usage).toEqual([{ requests: answered, tokensIn: 3 * answered, tokensOut: 7 * answered }]);
  expect(answered).toBeGreaterThanOrEqual(2);
});
