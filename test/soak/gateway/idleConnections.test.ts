import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { idleConnectionsManifest } from "../../../src/domain/serving/idleConnections.ts";
import { applyManifest } from "../../local/support/manifests.ts";
import { to } from "../../local/support/routes.ts";
import { OwnGateway } from "../../support/gateway/ownGateway.ts";

/** Connections to servers that are idle, at a real gateway of Istio's, by the rule that the program declares for a namespace. */

const space = "idle-connections";
let own: OwnGateway;

beforeAll(async () => {
  own = await OwnGateway.open(space, ["patient", "impatient"]);
  await applyManifest(own.cluster, idleConnectionsManifest(space));
});

afterAll(() => own?.close());

test("one that is idle is ended by the gateway, and one whose answer takes longer is not", async () => {
  const host = await own.routes.routed("patient", [to("patient")]);
  const closed = () => own.backends.seen.filter(({ method }) => method === "CLOSE").map(({ url }) => url);
  await own.routes.ask(host, "/first", { headers: { "x-do": "idle" } });
  await expect.poll(closed).toContain("/first");
  const silent = own.routes.ask(host, "/", { headers: { "x-do": "delay=7000" } });
  const streamed = own.routes.ask(host, "/", { headers: { "x-do": "stream=6" } });
  expect((await silent).status).toBe(200);
  expect((await streamed).text).toBe("0\n1\n2\n3\n4\n5\n");
});

test("no request fails at the pace at which a server ends its connections", async () => {
  const host = await own.routes.routed("impatient", [to("impatient")]);
  const clients = Array.from({ length: 40 }, async (_, client) => {
    const statuses: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      statuses.push((await own.routes.ask(host, "/")).status);
      // From 10 ms before the 5 s to 10 ms after them.
      await delay(4_990 + client / 2);
    }
    return statuses;
  });
  expect(new Set((await Promise.all(clients)).flat())).toEqual(new Set([200]));
});
