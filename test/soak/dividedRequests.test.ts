import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { applyTraffic } from "../../src/adapters/kubernetes/traffic.ts";
import { serverFromUrl, withClient } from "../../src/adapters/postgres/server.ts";
import { revertApps } from "../../src/adapters/postgres/takeBack/revertApps.ts";
import { holdMigration, noteStep, openTakeBack } from "../../src/adapters/postgres/takeBack/takeBacks.ts";
import {
  noteTrafficApplied,
  readRolloutTraffic,
  readTrafficSteps,
  setTraffic,
} from "../../src/adapters/postgres/zoo/traffic.ts";
import { platformDatabase } from "../../src/domain/platformDatabase.ts";
import type { TrafficChanger } from "../../src/domain/zoo/traffic.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { readTarget } from "../../src/local/target.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";

/**
 * A rollout whose new version answers 10, 50 and 100 % of the requests to the model itself, through the real gateway with istiod's own
 * translation of the object that divides them. The old version multiplies by 2, the new one by 3.
 */

const model = "divided";
const body = '{"values": ["2"]}';
const answers: Readonly<Record<number, "old" | "new">> = { 4: "old", 6: "new" };

let shared: SharedEnvironment;
let url: string;
let from: string;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  const { project } = shared.home;
  await cp(join(project, "models/multiplier"), join(project, "models", model), { recursive: true });
  await declare(["phase: done"]);
  await shared.up();
  const { models } = await shared.json<{ models: { name: string; url: string }[] }>("status", "--json");
  url = models.find(({ url: each }) => each.includes(`/${model}/`))?.url ?? "";
  [from = ""] = (await standing()).versions.map(({ id }) => id);
  await shared.edit(`models/${model}/model/model.py`, (text) =>
    text.replaceAll("Decimal(2)", "Decimal(3)").replaceAll('"FACTOR", "2"', '"FACTOR", "3"'),
  );
  await declare([`from: "${from}"`, "phase: copy"]);
  await shared.up();
});

afterAll(() => shared?.close());

/** The model's entry as these lines say. */
async function declare(lines: readonly string[]): Promise<void> {
  const entry = [
    `    ${model}:`,
    `      truss: models/${model}`,
    "      resources: { cpu: 200m, memory: 256Mi }",
    '      smoke: [{ input: { values: ["2"] }, output: { results: [6] } }]',
    ...lines.map((line) => `      ${line}`),
    "",
  ].join("\n");
  await shared.editStack((text) => {
    const without = text.replace(new RegExp(`    ${model}:\\n(?:      .*\\n)*`), "");
    return without.replace("  menagerie:zoo:\n", (key) => key + entry);
  });
}

interface Standing {
  readonly name: string;
  readonly versions: readonly { readonly id: string; readonly number: number; readonly isCurrent: boolean }[];
}

async function standing(): Promise<Standing> {
  const found = (await shared.json<Standing[]>("rollout", "--json")).find(({ name }) => name === model);
  if (!found) throw new Error(`${model} stands nowhere`);
  return found;
}

interface Answer {
  readonly side: "old" | "new";
  readonly cookie: string | undefined;
}

async function ask(headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const response = await fetch(url, { method: "POST", body, headers, signal: AbortSignal.timeout(30_000) });
  const text = await response.text();
  const side = response.ok && answers[(JSON.parse(text) as { results: number[] }).results[0] ?? 0];
  if (!side) throw new Error(`${response.status} ${text}`);
  return { side, cookie: response.headers.getSetCookie()[0]?.split(";")[0] };
}

/** Asks `count` times, twenty requests at once; answers how often the new version answered. */
async function askTimes(count: number, headers?: Readonly<Record<string, string>>): Promise<number> {
  let [left, byNew] = [count, 0];
  const one = async () => {
    while (left > 0) {
      left -= 1;
      const { side } = await ask(headers);
      // Not in one statement: what the others counted meanwhile would be lost.
      if (side === "new") byNew += 1;
    }
  };
  await Promise.all(Array.from({ length: 20 }, one));
  return byNew;
}

/** Asks without a break while `work` goes on: any failure throws. */
async function askDuring(work: () => Promise<unknown>): Promise<number> {
  let [over, asked] = [false, 0];
  const one = async () => {
    while (!over) {
      await ask();
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const asking = Promise.all([one(), one(), one(), one()]);
  // Handled at once: a failure in the middle of `work` is reported at its end.
  asking.catch(() => {});
  try {
    await work();
  } finally {
    over = true;
  }
  await asking;
  return asked;
}

/** Whether `found` of `count` may be a draw by `share`: a wrong alarm is rarer than one in a million. */
function expectDrawn(found: number, count: number, share: number): void {
  const allowed = 5 * Math.sqrt(count * share * (1 - share));
  expect(Math.abs(found - count * share), `${found} of ${count}`).toBeLessThanOrEqual(allowed);
}

async function inDatabase<T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> {
  const layout = environmentLayout("local", shared.home.path);
  const { url: database = "" } = (await readTarget(layout))?.databaseServer ?? {};
  return withClient(serverFromUrl(database, "the environment's"), platformDatabase, work);
}

const traffic = () => inDatabase((client) => readRolloutTraffic(client, model));
/** `up --refresh`, in its two halves. */
async function refreshed(): Promise<void> {
  await shared.succeed("pulumi", "--", "refresh", "--yes", "--skip-preview");
  await shared.up();
}
const noChanges = (...args: string[]) => shared.succeed("pulumi", "--", ...args, "--expect-no-changes");

test("10 % of 2,000 requests reach the new version, and new apps the old one", async () => {
  await declare([`from: "${from}"`, "phase: version", "traffic: 10"]);
  const { stdout } = await shared.up();
  expect(stdout).toContain(`${model}: traffic: version 2 answers 10 % of the requests to the model itself; apps stay`);
  expectDrawn(await askTimes(2000), 2000, 0.1);
  // What a client says of a version is nobody's to follow.
  expectDrawn(await askTimes(500, { "x-menagerie-version": "new" }), 500, 0.1);
  expect((await standing()).versions.map(({ number, isCurrent }) => [number, isCurrent])).toEqual([
    [1, true],
    [2, false],
  ]);
  const app = await shared.json<{ id: string }>("app", "create", model, "--owner", "d@example.com", "--json");
  const { stdout: predicted } = await shared.succeed("app", "predict", app.id, "--data", body);
  expect(JSON.parse(predicted)).toEqual({ results: [4] });
  expect(
    (await inDatabase((client) => readTrafficSteps(client, model))).map(({ weight, by, appliedAt }) => [
      weight,
      by,
      appliedAt !== undefined,
    ]),
  ).toEqual([[10, "up", true]]);
});

test("nothing is left to do: not after a refresh, and a second `up` changes nothing", async () => {
  const before = await traffic();
  await noChanges("preview");
  await noChanges("preview", "--refresh");
  await shared.up();
  expect(await traffic()).toEqual(before);
});

test("a change to 50 % fails no request", async () => {
  await declare([`from: "${from}"`, "phase: version", "traffic: 50"]);
  const asked = await askDuring(() => shared.up());
  expect(asked).toBeGreaterThan(100);
  expectDrawn(await askTimes(2000), 2000, 0.5);
});

/** As whoever is not `up` changes it. */
async function set(weight: number, by: TrafficChanger): Promise<void> {
  const { generation } = (await traffic()) ?? {};
  const config = shared.kubeConfig();
  await inDatabase(async (client) => {
    await setTraffic(client, { model, weight, expected: generation, by });
    const read = async () => (await readRolloutTraffic(client, model)) ?? Promise.reject(new Error("no row"));
    const applied = await applyTraffic({ config, namespace: "models", name: model, api: "istio" }, read);
    await noteTrafficApplied(client, model, applied ?? 0);
  });
}

/** What a guard does, step by step: the intent, a hold on apps that move, a weight of 0, apps back. */
async function takeBackNow(): Promise<void> {
  const row = await traffic();
  if (!row) throw new Error(`${model} has no traffic`);
  const take = <T>(work: (client: ClientBase, id: string) => Promise<T>) =>
    inDatabase(async (client) => {
      const { rows } = await client.query<{ id: string }>(
        "SELECT model_id::text AS id FROM menagerie.model_version WHERE id = $1",
        [row.to],
      );
      const content = { from: row.from, to: row.to, hash: row.hash, modelId: rows[0]?.id ?? "" };
      const reason = "errors 12 of 180 against 3 of 1,620";
      const id = await openTakeBack(client, { ...content, verdictId: "1", action: "revert", reason });
      return work(client, id ?? "");
    });
  await take(holdMigration);
  await set(0, "guard");
  await take(async (client, id) => {
    await noteStep(client, id, "weight");
    expect((await revertApps(client, id)).obstacle).toBeUndefined();
    await noteStep(client, id, "reverted");
    await noteStep(client, id, "done");
  });
}

test("what the guard takes back is not drift, and no `up` gives it back until that is resumed", async () => {
  await takeBackNow();
  await soon(async () => expect(await askTimes(40)).toBe(0));
  await refreshed();
  expect(await askTimes(40)).toBe(0);
  expect(await shared.preview()).toContain("(errors 12 of 180 against 3 of 1,620)");
  await shared.succeed("rollout", "resume", model, "--because", "a false alarm");
  expect(await shared.preview()).toContain("answers 50 % of the requests to the model itself");
  await shared.up();
  await soon(async () => expect(await askTimes(40)).toBeGreaterThan(5));
});

test("with by: cookie a client stays on one side, and the share of clients is the weight", async () => {
  await declare([`from: "${from}"`, "phase: version", "traffic: 30", "by: cookie"]);
  await shared.up();
  let byNew = 0;
  const clients = 400;
  const one = async () => {
    const first = await ask();
    expect(first.cookie).toMatch(/^menagerie-divided-\d+=(old|new)$/);
    byNew += Number(first.side === "new");
    for (let times = 0; times < 4; times += 1) {
      const again = await ask({ cookie: `theirs=1; ${first.cookie}` });
      expect(again).toEqual({ side: first.side, cookie: undefined });
    }
  };
  for (let batch = 0; batch < clients; batch += 20) await Promise.all(Array.from({ length: 20 }, one));
  expectDrawn(byNew, clients, 0.3);
});

test("a hand edit of the object is found by a refresh and written again", async () => {
  const path = "/apis/networking.istio.io/v1/namespaces/models/virtualservices/divided-traffic";
  const { requestJson } = await import("../../src/adapters/kubernetes/request.ts");
  const before = await requestJson<{ spec: { http: unknown[] } }>(shared.kubeConfig(), "GET", path);
  await requestJson(shared.kubeConfig(), "PATCH", path, {
    contentType: "application/merge-patch+json",
    body: { spec: { http: before.spec.http.slice(-1) } },
  });
  const refused = await shared.home.menagerie(["pulumi", "--", "preview", "--refresh", "--expect-no-changes"]);
  expect(refused.code).not.toBe(0);
  await refreshed();
  expect((await requestJson<typeof before>(shared.kubeConfig(), "GET", path)).spec).toEqual(before.spec);
  await noChanges("preview", "--refresh");
});

test("at 100 % the new version is everybody's, and going back takes the object away; no request fails", async () => {
  await declare([`from: "${from}"`, "phase: version", "traffic: 100"]);
  await askDuring(() => shared.up());
  await soon(async () => expect(await askTimes(100)).toBe(100));
  expect((await standing()).versions.map(({ number, isCurrent }) => [number, isCurrent])).toEqual(
    expect.arrayContaining([
      [1, false],
      [2, true],
    ]),
  );
  await declare([`from: "${from}"`, "phase: reverted", "traffic: 100"]);
  await askDuring(() => shared.up());
  await soon(async () => expect(await askTimes(100)).toBe(0));
  await noChanges("preview", "--refresh");
});

/** The gateway hears of a change within a moment of its being written. */
async function soon(check: () => Promise<void>): Promise<void> {
  const until = Date.now() + 30_000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
