import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Agent } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { SleepCluster, SleepingService } from "../../../../../src/domain/sleep/ports.ts";
import { createBatchesServer } from "../../../../../src/services/api/sleep/frontServer.ts";
import type { Waking } from "../../../../../src/services/api/sleep/waking.ts";
import { addVersionLoad } from "../../../../../src/services/api/traffic/versionLoad.ts";

/** Requests of batches, as a gateway leads them past what it counts. */

const dispatcher = new Agent();
const registry = new Registry();
let model: Server;
let batches: Server;
let seen: IncomingHttpHeaders = {};

const version: SleepingService = {
  name: "iris-v2",
  model: "iris",
  role: "version",
  idleMinutes: undefined,
  isStopped: false,
  recorded: true,
  pool: "cpu",
  createdAt: 0,
};
const listening = (server: Server) => once(server.listen(0, "127.0.0.1"), "listening");
const originOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  model = createServer((incoming, response) => {
    seen = incoming.headers;
    incoming.pipe(response);
  });
  await listening(model);
  const unused = (): never => {
    throw new Error("is not asked here");
  };
  const cluster: SleepCluster = {
    isListed: () => true,
    find: (name) => (name === version.name ? version : undefined),
    services: () => [version],
    pods: () => [],
    readyPods: () => [],
    hindrance: unused,
    changed: unused,
    setStopped: unused,
  };
  const waking: Waking = {
    isOpen: () => true,
    during: async (_, __, work) => work(async () => {}),
    keep: unused,
    answered: unused,
    wake: unused,
    renew: unused,
    end: unused,
  };
  const log = pino({ level: "silent" });
  const copies = { ofBody: 1, ofAll: 1, used: 0 };
  batches = createBatchesServer(
    { cluster, waking, originOf: () => originOf(model), dispatcher, copies, log },
    addVersionLoad(registry),
  );
  await listening(batches);
});

afterAll(async () => {
  for (const server of [batches, model]) server?.close();
  await dispatcher.close();
});

const ask = (headers: Readonly<Record<string, string>>) =>
  fetch(`${originOf(batches)}/v1/models/model:predict`, { method: "POST", body: "{}", headers });

it("go to the version that the route names, with what recorders go by, and are part of its load", async () => {
  const answered = await ask({
    "x-menagerie-batch-to": "iris-v2",
    "x-menagerie-version": "iris-v1",
    "x-menagerie-purpose": "batch",
    "x-menagerie-usage": "claim",
  });
  expect([answered.status, await answered.text()]).toEqual([200, "{}"]);
  expect(seen).toMatchObject({ "x-menagerie-purpose": "batch", "x-menagerie-usage": "claim" });
  expect(seen).not.toHaveProperty("x-menagerie-batch-to");
  const total = 'menagerie_api_version_requests_total{inference_service="iris-v2"}';
  await expect.poll(() => registry.metrics()).toContain(`${total} 1\n`);
});

it("go nowhere by another header, or to what is not served", async () => {
  for (const headers of [{ "x-menagerie-version": "iris-v2" }, { "x-menagerie-batch-to": "iris-v3" }])
    expect((await ask(headers)).status).toBe(404);
});
