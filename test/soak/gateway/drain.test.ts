import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { to } from "../../local/support/routes.ts";
import { OwnGateway } from "../../support/gateway/ownGateway.ts";

let own: OwnGateway;

beforeAll(async () => {
  own = await OwnGateway.open("drain-of-the-gateway", ["model"]);
});

afterAll(() => own?.close());

test("`menagerie down` waits for requests that are in flight", async () => {
  const host = await own.routes.routed("draining", [to("model")]);
  const slow = own.routes.ask(host, "/", { headers: { "x-do": "delay=2000" } });
  await delay(500);
  const down = own.home.menagerie(["down"]);
  expect((await slow).status).toBe(200);
  expect((await down).code).toBe(0);
});
