import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTraffic } from "../../src/adapters/postgres/traffic/readTraffic.ts";
import { summarize } from "../../src/domain/traffic/traffic.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { DividedModel, expectDrawn, soon } from "./dividedModel.ts";

/**
 * `x-menagerie-version` and `x-menagerie-purpose` at a gateway that checks keys, by the way that staging takes: istiod, Envoy, the API service's answer to the check. A
 * tenth of the requests goes to the new version.
 */

let shared: SharedEnvironment;
let own: DividedModel;
let committed: string;
let started: Date;
const keys = { operator: "", ordinary: "", batch: "" };
/** Requests that were divided so far, by who answered. */
const divided = { old: 0, new: 0 };

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  own = await DividedModel.open(shared, "asked");
  await own.rollout(["phase: version", "traffic: 10"]);
  committed = await shared.editStack(
    (stack) =>
      `${stack.replace("requireApiKey: false", "requireApiKey: true").trimEnd()}\n  menagerie:mesh: { keyCheck: { gatewayPods: { istio: ingress } } }\n`,
  );
  await shared.up();
  const create = async (...more: string[]) =>
    (await shared.json<{ key: string }>("key", "create", "--organization", "admin", ...more, "--json")).key;
  keys.operator = await create("--right", "operate");
  keys.ordinary = await create();
  keys.batch = await create("--right", "batch");
  // The policy is on its way to Envoy when `up` ends.
  await soon(async () => expect((await own.send()).status).toBe(401));
  // What was asked before is counted in an earlier second: these are right to half a second.
  await delay(2_000);
  started = new Date();
});

afterAll(async () => {
  if (committed !== undefined) {
    await writeFile(shared.stackFile, committed);
    await shared.up();
  }
  await shared?.close();
});

const asking = (key: string, side?: string) => ({
  "x-api-key": key,
  ...(side === undefined ? {} : { "x-menagerie-version": side }),
});

/** Asks so often, and expects a draw by the weight. */
async function expectDivided(count: number, headers: Readonly<Record<string, string>>): Promise<void> {
  const byNew = await own.askTimes(count, headers);
  divided.new += byNew;
  divided.old += count - byNew;
  expectDrawn(byNew, count, 0.1);
}

const batch = { "x-menagerie-purpose": "batch" };

test("a batch is divided by the same weight, and each of its requests is counted once for its organization", async () => {
  const used = async () => {
    const rows = await shared.json<{ model: string; requests: number }[]>("usage", "--organization", "admin", "--json");
    return rows.reduce((sum, { model, requests }) => sum + (model === "asked" ? requests : 0), 0);
  };
  // Nobody has asked with a key yet.
  const before = await used();
  const count = 500;
  expectDrawn(await own.askTimes(count, { ...asking(keys.batch), ...batch }), count, 0.1);
  await soon(async () => expect((await used()) - before).toBe(count));
});

test("an operator's key names the side, every time", async () => {
  expect(await own.askTimes(50, asking(keys.operator, "new"))).toBe(50);
  expect(await own.askTimes(50, asking(keys.operator, "old"))).toBe(0);
  expect(await own.askTimes(20, { authorization: `Bearer ${keys.operator}`, "x-menagerie-version": "new" })).toBe(20);
});

test("everybody else's requests are divided as if they had not asked, and so are those that name no side", async () => {
  await expectDivided(1000, asking(keys.ordinary, "new"));
  await expectDivided(500, asking(keys.operator, "newest"));
  await expectDivided(500, asking(keys.operator));
});

test("a key that may make no batch is divided and counted as if it had not said so", async () => {
  await expectDivided(500, { ...asking(keys.ordinary), ...batch });
  // Nor is what marks a batch a client's to say.
  await expectDivided(200, { ...asking(keys.ordinary), ...batch, "x-menagerie-batch-to": "asked-v2" });
});

test("no key and a wrong key open nothing, whatever side they name", async () => {
  for (const headers of [{}, asking(`${keys.operator}x`), asking(keys.operator.replace(/.{4}$/, "AAAA"))]) {
    const response = await own.send({ ...headers, "x-menagerie-version": "new" });
    expect(response.status).toBe(401);
  }
});

test("what the API service is asked by the path that gateways use needs the key too", async () => {
  const { origin, pathname } = new URL(own.url);
  const at = `${origin}/models${pathname}`;
  const send = (headers: Readonly<Record<string, string>>) =>
    fetch(at, { method: "POST", body: DividedModel.body, headers });
  expect((await send({ "x-menagerie-version": "new" })).status).toBe(401);
  // As its pointer has it: the version that new apps use.
  expect(await (await send(asking(keys.ordinary, "new"))).json()).toEqual({ results: [4] });
});

test("requests of a batch and those that name a side are counted for no version, so no judge takes them for evidence", async () => {
  const asked = 40;
  expect(await own.askTimes(asked, asking(keys.operator, "new"))).toBe(asked);
  await own.askTimes(asked, { ...asking(keys.batch), ...batch });
  await expectDivided(200, asking(keys.ordinary));
  const [old, fresh] = (await own.standing()).versions.map(({ id }) => id);
  const counted = (version = "") =>
    own.inDatabase(async (client) => {
      const { route, app } = await readTraffic(client, { version, from: started, to: new Date(Date.now() + 1_000) });
      return { requests: summarize(route).requests, byApps: summarize(app).requests };
    });
  // Of apps that is the one by the API service's own path, above.
  await soon(async () => expect(await counted(old)).toEqual({ requests: divided.old, byApps: 1 }));
  await soon(async () => expect(await counted(fresh)).toEqual({ requests: divided.new, byApps: 0 }));
});
