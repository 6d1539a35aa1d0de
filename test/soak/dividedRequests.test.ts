import type { ClientBase } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { applyTraffic } from "../../src/adapters/kubernetes/traffic.ts";
import { platformApps, revertApps } from "../../src/adapters/postgres/takeBack/revertApps.ts";
import { holdMigration, noteStep, openTakeBack } from "../../src/adapters/postgres/takeBack/takeBacks.ts";
import {
  noteTrafficApplied,
  readRolloutTraffic,
  readTrafficSteps,
  setTraffic,
} from "../../src/adapters/postgres/zoo/traffic.ts";
import type { RouteApi } from "../../src/domain/serving/route.ts";
import type { TrafficChanger } from "../../src/domain/zoo/traffic.ts";
import { SharedEnvironment } from "../local/support/sharedEnvironment.ts";
import { DividedModel, expectDrawn, soon } from "./dividedModel.ts";

/**
 * A rollout whose new version answers 10, 50 and 100 % of the requests to the model itself, through the real gateway with istiod's own
 * translation of the object that divides them.
 */

const model = "divided";
/** Of the routes, until the last test. */
let api: RouteApi = "istio";
let shared: SharedEnvironment;
let own: DividedModel;

beforeAll(async () => {
  shared = await SharedEnvironment.open();
  own = await DividedModel.open(shared, model);
  // Three runs of `up`, the first of which brings the environment up: minutes each on a machine that is busy.
}, 1_800_000);

afterAll(() => shared?.close());

/** Asks without a break while `work` goes on: any failure throws. */
async function askDuring(work: () => Promise<unknown>): Promise<number> {
  let [over, asked] = [false, 0];
  const one = async () => {
    while (!over) {
      await own.ask();
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

const traffic = () => own.inDatabase((client) => readRolloutTraffic(client, model));
/** `up --refresh`, in its two halves. */
async function refreshed(): Promise<void> {
  await shared.succeed("pulumi", "--", "refresh", "--yes", "--skip-preview");
  await shared.up();
}
const noChanges = (...args: string[]) => shared.succeed("pulumi", "--", ...args, "--expect-no-changes");

test("10 % of 2,000 requests reach the new version, and new apps the old one", async () => {
  await own.rollout(["phase: version", "traffic: 10"]);
  const { stdout } = await shared.up();
  expect(stdout).toContain(`${model}: traffic: version 2 answers 10 % of the requests to the model itself; apps stay`);
  expectDrawn(await own.askTimes(2000), 2000, 0.1);
  // What a client says of a version is nobody's to follow.
  expectDrawn(await own.askTimes(500, { "x-menagerie-version": "new" }), 500, 0.1);
  expect((await own.standing()).versions.map(({ number, isCurrent }) => [number, isCurrent])).toEqual([
    [1, true],
    [2, false],
  ]);
  const app = await shared.json<{ id: string }>("app", "create", model, "--owner", "d@example.com", "--json");
  const { stdout: predicted } = await shared.succeed("app", "predict", app.id, "--data", DividedModel.body);
  expect(JSON.parse(predicted)).toEqual({ results: [4] });
  expect(
    (await own.inDatabase((client) => readTrafficSteps(client, model))).map(({ weight, by, appliedAt }) => [
      weight,
      by,
      appliedAt !== undefined,
    ]),
  ).toEqual([[10, "up", true]]);
});

/** No drift and no conflict, whoever looks: `preview`, `up`, and both with a refresh. The row stays as it is. */
async function expectNothingToDo(): Promise<void> {
  const before = await traffic();
  await noChanges("preview");
  await noChanges("preview", "--refresh");
  await shared.up();
  await refreshed();
  await noChanges("preview", "--refresh");
  expect(await traffic()).toEqual(before);
}

test("nothing is left to do: not after a refresh, and a second `up` changes nothing", () => expectNothingToDo());

test("a change to 50 % fails no request", async () => {
  await own.rollout(["phase: version", "traffic: 50"]);
  const asked = await askDuring(() => shared.up());
  expect(asked).toBeGreaterThan(100);
  expectDrawn(await own.askTimes(2000), 2000, 0.5);
});

/** As whoever is not `up` changes it. */
async function set(weight: number, by: TrafficChanger): Promise<void> {
  const { generation } = (await traffic()) ?? {};
  const config = shared.kubeConfig();
  await own.inDatabase(async (client) => {
    await setTraffic(client, { model, weight, expected: generation, by });
    const read = async () => (await readRolloutTraffic(client, model)) ?? Promise.reject(new Error("no row"));
    const applied = await applyTraffic({ config, namespace: "models", name: model, api }, read);
    await noteTrafficApplied(client, model, applied ?? 0);
  });
}

/** What a guard does, step by step: the intent, a hold on apps that move, a weight of 0, apps back. */
async function takeBackNow(verdictId: string): Promise<void> {
  const row = await traffic();
  if (!row) throw new Error(`${model} has no traffic`);
  const take = <T>(work: (client: ClientBase, id: string) => Promise<T>) =>
    own.inDatabase(async (client) => {
      const { rows } = await client.query<{ id: string }>(
        "SELECT model_id::text AS id FROM menagerie.model_version WHERE id = $1",
        [row.to],
      );
      const content = { from: row.from, to: row.to, hash: row.hash, modelId: rows[0]?.id ?? "" };
      const reason = "errors 12 of 180 against 3 of 1,620";
      const id = await openTakeBack(client, { ...content, verdictId, action: "revert", reason });
      return work(client, id ?? "");
    });
  await take(holdMigration);
  await set(0, "guard");
  await take(async (client, id) => {
    await noteStep(client, id, "weight");
    expect((await revertApps(client, platformApps(client, id))).obstacle).toBeUndefined();
    await noteStep(client, id, "reverted");
    await noteStep(client, id, "done");
  });
}

test("what the guard takes back is not drift, and no `up` gives it back until that is resumed", async () => {
  await takeBackNow("1");
  await soon(async () => expect(await own.askTimes(40)).toBe(0));
  await expectNothingToDo();
  expect(await own.askTimes(40)).toBe(0);
  expect(await shared.preview()).toContain("(errors 12 of 180 against 3 of 1,620)");
  await shared.succeed("rollout", "resume", model, "--because", "a false alarm");
  expect(await shared.preview()).toContain("answers 50 % of the requests to the model itself");
  await shared.up();
  await soon(async () => expect(await own.askTimes(40)).toBeGreaterThan(5));
});

test("with by: cookie a client stays on one side, and the share of clients is the weight", async () => {
  await own.rollout(["phase: version", "traffic: 30", "by: cookie"]);
  await shared.up();
  let byNew = 0;
  const clients = 400;
  const one = async () => {
    const first = await own.ask();
    expect(first.cookie).toMatch(/^menagerie-divided-\d+=(old|new)(\.[0-9a-f-]+)?$/);
    byNew += Number(first.side === "new");
    for (let times = 0; times < 4; times += 1) {
      const again = await own.ask({ cookie: `theirs=1; ${first.cookie}` });
      expect(again).toEqual({ side: first.side, cookie: undefined });
    }
  };
  for (let batch = 0; batch < clients; batch += 20) await Promise.all(Array.from({ length: 20 }, one));
  expectDrawn(byNew, clients, 0.3);
});

test("with by: a header a user stays on one side, also while the weight rises, while the guard lowers it, and after a resume", async () => {
  const users = Array.from({ length: 400 }, (_, number) => ({ "x-user": `user-${number}` }));
  const newUsers = async () => {
    const sides = await own.askAll(users);
    expect(await own.askAll(users)).toEqual(sides);
    return new Set([...sides.keys()].filter((place) => sides[place] === "new"));
  };
  const rise = async (weight: number) => {
    await own.rollout(["phase: version", `traffic: ${weight}`, "by: X-User"]);
    await shared.up();
    const found = await newUsers();
    expectDrawn(found.size, users.length, weight / 100);
    return found;
  };
  const first = await rise(30);
  const more = await rise(60);
  expect([...first].filter((user) => !more.has(user))).toEqual([]);
  expectDrawn(await own.askTimes(500), 500, 0.6);
  await noChanges("preview", "--refresh");
  // As the guard does where the old version takes only a part of the requests: see below.
  await set(30, "guard");
  await soon(async () => expect(await newUsers()).toEqual(first));
  await set(0, "guard");
  await soon(async () => expect((await newUsers()).size).toBe(0));
  await set(60, "up");
  await soon(async () => expect(await newUsers()).toEqual(more));
});

test("a hand edit of the object is found by a refresh and written again", async () => {
  const path = "/apis/networking.istio.io/v1/namespaces/models/virtualservices/divided-traffic";
  const { requestJson } = await import("../../src/adapters/kubernetes/request.ts");
  const before = await requestJson<{ spec: { http: unknown[] } }>(shared.kubeConfig(), "GET", path);
  await requestJson(shared.kubeConfig(), "PATCH", path, {
    contentType: "application/merge-patch+json",
    body: { spec: { http: [{ name: "by-hand", directResponse: { status: 503 } }] } },
  });
  const refused = await shared.home.menagerie(["pulumi", "--", "preview", "--refresh", "--expect-no-changes"]);
  expect(refused.code).not.toBe(0);
  await refreshed();
  expect((await requestJson<typeof before>(shared.kubeConfig(), "GET", path)).spec).toEqual(before.spec);
  await noChanges("preview", "--refresh");
});

test("at 100 % the new version is everybody's, and going back takes the object away; no request fails", async () => {
  await own.rollout(["phase: version", "traffic: 100"]);
  await askDuring(() => shared.up());
  await soon(async () => expect(await own.askTimes(100)).toBe(100));
  expect((await own.standing()).versions.map(({ number, isCurrent }) => [number, isCurrent])).toEqual(
    expect.arrayContaining([
      [1, false],
      [2, true],
    ]),
  );
  await own.rollout(["phase: reverted", "traffic: 100"]);
  await askDuring(() => shared.up());
  await soon(async () => expect(await own.askTimes(100)).toBe(0));
  await noChanges("preview", "--refresh");
});

test("an HTTPRoute divides them as well: nothing is left to do after it, nor after the guard took it back", async () => {
  api = "gateway-api";
  await shared.editStack((text) => `${text.trimEnd()}\n  menagerie:gateway: { api: gateway-api }\n`);
  await own.rollout(["phase: copy"]);
  await shared.up();
  await own.rollout(["phase: version", "traffic: 30", "by: cookie", "paths: [/one, /two]"]);
  await shared.up();
  await soon(async () => expect(await own.askTimes(100)).toBeGreaterThan(5));
  expectDrawn(await own.askTimes(1000), 1000, 0.3);
  const path = "/apis/gateway.networking.k8s.io/v1/namespaces/models/httproutes/divided-traffic";
  const { requestJson } = await import("../../src/adapters/kubernetes/request.ts");
  const { spec } = await requestJson<{ spec: { rules: unknown[] } }>(shared.kubeConfig(), "GET", path);
  expect(spec.rules).toHaveLength(15);
  await expectNothingToDo();
  await takeBackNow("2");
  await soon(async () => expect(await own.askTimes(40)).toBe(0));
  await expectNothingToDo();
  await own.rollout(["phase: reverted", "traffic: 30"]);
  await askDuring(() => shared.up());
  expect(await own.askTimes(100)).toBe(0);
});
