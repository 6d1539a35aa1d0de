import { setTimeout as delay } from "node:timers/promises";
import type { ClientBase } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { applyTraffic } from "../../../src/adapters/kubernetes/traffic.ts";
import { withClient } from "../../../src/adapters/postgres/server.ts";
import { readRolloutTraffic } from "../../../src/adapters/postgres/zoo/traffic.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { modelRoute } from "../../../src/domain/serving/modelRoute.ts";
import { trafficObject } from "../../../src/domain/serving/trafficRoute.ts";
import { virtualServiceManifest } from "../../../src/domain/serving/virtualService.ts";
import { takeBackPorts } from "../../../src/services/guard/ports.ts";
import { applyManifest, type Manifest } from "../../local/support/manifests.ts";
import { irisServers } from "../../support/gateway/dividedIris.ts";
import { OwnGateway } from "../../support/gateway/ownGateway.ts";
import { makePlatformTables } from "../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import type { TestRollout } from "../../support/rolloutTables.ts";
import { applyTable, gatewayTable, tablePorts } from "../../support/takeBack/gatewayTable.ts";
import { faultAt, type GuardPortsOf, movedForward } from "../../support/takeBack/held.ts";
import { everyPoint } from "../../support/takeBack/kill.ts";

/** A real gateway, which is killed while guards are at every statement of taking rollouts back. */

const space = "taken-back";
const host = `${space}.test`;
const attached = { namespace: space, gateway: { name: "istio-system/menagerie", hosts: [host] } };
const apps = 2;
let postgres: TestPostgres;
let own: OwnGateway;

beforeAll(async () => {
  postgres = await startPostgres(["fsync=off", "max_connections=400"]);
  await makePlatformTables(postgres.server);
  await withClient(postgres.server, platformDatabase, (client) => client.query(gatewayTable));
  own = await OwnGateway.open(space, Object.values(irisServers));
});

afterAll(async () => {
  await own?.close();
  await postgres?.stop();
});

test("a gateway that is killed at any step sends everybody to the old version in the end", async () => {
  const points = everyPoint(45);
  const rollouts = await movedForward(postgres.server, points, apps);
  for (const rollout of rollouts) await declare(rollout);
  const models = rollouts.map(({ model }) => model);
  await expect.poll(async () => (await askEach(models)).filter((server) => server === undefined)).toEqual([]);
  expect(new Set(await askEach(models))).toEqual(new Set(Object.values(irisServers)));

  const statuses = new Set<number>();
  let isOver = false;
  const clients = Array.from({ length: 4 }, async (_, place) => {
    for (let next = place; !isOver; next += 4) {
      const status = await ask(models[next % models.length] ?? "").then(
        (answer) => answer.status,
        () => 0,
      );
      statuses.add(status);
      if (status === 0) await delay(10);
    }
  });
  const fault = async () => {
    own.home.kill(/\/envoy /);
    await expect.poll(() => statuses.has(0)).toBe(true);
    await expect.poll(async () => (await askEach(models)).filter((server) => server === undefined)).toEqual([]);
  };
  expect(await faultAt({ rollouts, points, apps }, fault, { portsOf })).toBeGreaterThanOrEqual(60);
  // The gateway hears of an object a moment after it was written.
  for (let round = 0; round < 5; round += 1)
    await expect
      .poll(async () => (await askEach(models)).filter((server) => server !== irisServers.old), { timeout: 60_000 })
      .toEqual([]);
  isOver = true;
  await Promise.all(clients);
  expect(statuses).toEqual(new Set([200, 0]));
});

/** Of the guard's own, in the cluster; the table has what it wrote beside it. */
const portsOf: GuardPortsOf = (client) => {
  const { traffic, ...ports } = tablePorts(client);
  const cluster = takeBackPorts(client, { config: own.cluster, namespace: space, api: "istio" });
  return {
    ...ports,
    traffic: {
      ...traffic,
      async apply(model) {
        await cluster.traffic.apply(model);
        await applyTable(client, model);
      },
    },
  };
};

/** What an `up` declares for a rollout. */
async function declare({ model, from, to, asGuard }: TestRollout): Promise<void> {
  const identity = { name: model, namespace: space, model, kind: "zoo", managedBy: "stack" } as const;
  const delegating = modelRoute({ ...identity, ...attached, mode: "Standard", delegate: trafficObject(model) });
  const side = (versionId: string, service: string) =>
    ({ versionId, service, mode: "Standard", recorded: false }) as const;
  const route = { ...identity, ...attached, old: side(from, "iris-v1"), new: side(to, "iris-v2") };
  await asGuard((client) => applyTraffic(addressOf(model), () => rowOf(client, model), route));
  await applyManifest(own.cluster, virtualServiceManifest(delegating) as Manifest);
}

const addressOf = (name: string) => ({ config: own.cluster, namespace: space, name, api: "istio" }) as const;

async function rowOf(client: ClientBase, model: string) {
  const row = await readRolloutTraffic(client, model);
  if (!row) throw new Error(`the requests of ${model} are not divided`);
  return row;
}

function ask(model: string) {
  const path = `/serving/${space}/${model}/v1/models/model:predict`;
  return own.routes.ask(host, path, { method: "POST", body: "{}" });
}

/** Which server answers each of the models; undefined where none does. */
function askEach(models: readonly string[]): Promise<(string | undefined)[]> {
  return Promise.all(
    models.map(async (model) => {
      const answer = await ask(model).catch(() => undefined);
      return answer?.status === 200 ? (JSON.parse(answer.text) as { server: string }).server : undefined;
    }),
  );
}
