import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { addressSeal } from "../../../../../src/adapters/postgres/addressSeal.ts";
import { clientConfig } from "../../../../../src/adapters/postgres/server.ts";
import { readSleep } from "../../../../../src/adapters/postgres/sleep/readSleep.ts";
import { createPatchStore } from "../../../../../src/adapters/postgres/trussPatches.ts";
import { computePatch } from "../../../../../src/domain/patch/compute.ts";
import { platformDatabase, roles } from "../../../../../src/domain/platformDatabase.ts";
import { makePlatformTables, rolePassword } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { type PatchedVersion, type SleepingModel, SleepingModels } from "../../../../support/sleepingModels.ts";
import type { SleepProcessOptions, SleepProcessPorts } from "../../../../support/sleepProcess.ts";
import { trussOf } from "../../../../support/trussOf.ts";

/** Models that sleep, by processes of the API service of their own, on a real PostgreSQL. The cluster is one in memory, in this process. */

let postgres: TestPostgres;
let pool: pg.Pool;
let models: SleepingModels;
let cluster: string;
const signingKey = "signing key of the tests, which is long enough";
const random = (from: number, to: number) => from + Math.random() * (to - from);

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  pool = new pg.Pool(clientConfig(postgres.server, platformDatabase));
  pool.on("error", () => {});
  models = new SleepingModels({ startMs: () => random(10, 60), endMs: () => random(0, 15) });
  models.applyMs = () => random(0, 5);
  cluster = await models.listen();
});

afterAll(async () => {
  models?.close();
  await pool?.end();
  await postgres?.stop();
});

interface Api {
  readonly ports: SleepProcessPorts;
  readonly child: ChildProcess;
  readonly log: string[];
}

async function startApi(options: Partial<SleepProcessOptions> = {}): Promise<Api> {
  const script = new URL("../../../../support/sleepProcess.ts", import.meta.url).pathname;
  const all: SleepProcessOptions = {
    database: { ...postgres.server, user: roles.api, password: rolePassword },
    cluster,
    signingKey,
    leaseSeconds: 3,
    everyMs: 100,
    holdMs: 60_000,
    maxHeld: 256,
    ...options,
  };
  const child = spawn(process.execPath, [script, JSON.stringify(all)], { stdio: ["ignore", "pipe", "pipe"] });
  const log: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { ports: JSON.parse(line) as SleepProcessPorts, child, log };
}

async function withApis(count: number, options: Partial<SleepProcessOptions>, work: (apis: Api[]) => Promise<void>) {
  const apis = await Promise.all(Array.from({ length: count }, () => startApi(options)));
  try {
    await work(apis);
  } finally {
    await Promise.all(
      apis.map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill("SIGKILL");
        await once(child, "exit");
      }),
    );
  }
}

type Asked = Pick<SleepingModel, "name" | "version">;

interface Answer {
  /** 0 where the connection broke before an answer. */
  readonly status: number;
  readonly text: string;
}

/** As a route sends it: a header names the version, or the path that of a development version. */
function ask({ ports }: Pick<Api, "ports">, model: Asked, what: string, headers = {}): Promise<Answer> {
  const { port, path, own } = model.version
    ? { port: ports.api, path: `/development/${model.version.id}/v1/models/model:predict`, own: {} }
    : { port: ports.front, path: "/v1/models/model:predict", own: { "x-menagerie-version": model.name } };
  return new Promise((resolve) => {
    const sent = request({
      port,
      method: "POST",
      path,
      agent: false,
      headers: { ...own, "x-ask": what, ...headers },
    });
    let text = "";
    sent.once("response", (response) => {
      response.on("data", (chunk) => {
        text += String(chunk);
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.once("error", () => resolve({ status: 0, text }));
    });
    sent.once("error", () => resolve({ status: 0, text }));
    sent.end("body");
  });
}

/** So long that nothing is stopped by itself in a test, in minutes. */
const never = 1_000;
/** 60 ms. */
const soon = 0.001;
let made = 0;
const kinds = ["zoo", "development"] as const;
type Kind = (typeof kinds)[number];
const newModel = async (kind: Kind, idleMinutes: number): Promise<SleepingModel> => {
  made += 1;
  const name = `${kind}-${made}`;
  return models.deploy(name, idleMinutes, kind === "development" ? { version: await newVersion(name) } : {});
};

const [image, head] = ["pass", "x = 1"].map((code) => trussOf({ "model/model.py": `class Model: ${code}\n` })) as [
  ReturnType<typeof trussOf>,
  ReturnType<typeof trussOf>,
];

/** A development version with one patch. */
async function newVersion(name: string): Promise<PatchedVersion> {
  const { rows } = await pool.query<{ id: string }>(
    `WITH m AS (INSERT INTO menagerie.model (name, organization_id)
                SELECT $1, id FROM menagerie.organization WHERE is_admin RETURNING id)
     INSERT INTO menagerie.model_version (model_id, number, truss_hash, is_development)
     SELECT id, 1, $2, true FROM m RETURNING id`,
    [name, image.hash],
  );
  const { id = "" } = rows[0] ?? {};
  const store = createPatchStore(pool, addressSeal(signingKey));
  await store.ensureGeneration(id, image.hash, image.signature);
  const plan = computePatch(image.signature, head.snapshot);
  if (!("patches" in plan)) throw new Error("the edit is not a patch");
  const patch = { prevHash: image.hash, nextHash: head.hash, ops: plan.patches, requirements: [] };
  await store.appendSigned(id, patch, head.signature);
  return { id, imageHash: image.hash, headHash: head.hash };
}

const oneStop = async ({ name }: SleepingModel) =>
  expect.poll(() => models.isStopped(name), { interval: 20 }).toBe(true);

describe.each(kinds)("a model that sleeps, of kind %s", (kind) => {
  it("is stopped when nobody uses it, and started by the next request, which is answered once", async () => {
    const model = await newModel(kind, soon);
    await withApis(1, {}, async ([api]) => {
      if (!api) return;
      await oneStop(model);
      expect(await ask(api, model, "first")).toEqual({ status: 200, text: `${model.name} first undefined` });
      expect(model.asked).toEqual(new Map([["first", 1]]));
      const standing = async () => (await readSleep(pool)).find(({ service }) => service === model.name);
      await expect.poll(standing).toMatchObject({ wakes: 1, failures: 0 });
    });
    expect(model.wronged).toEqual([]);
  });

  it("starts one pod for 200 first requests at once over three processes, and answers each once", async () => {
    const model = await newModel(kind, never);
    models.setStopped(model.name, true);
    await delay(100);
    await withApis(3, {}, async (apis) => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, index) => ask(apis[index % 3] as Api, model, `r${index}`)),
      );
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    });
    expect(model.starts).toBe(1);
    expect([...model.asked.values()]).toEqual(Array(200).fill(1));
    expect(model.wronged).toEqual([]);
  });

  it("holds no more requests than it may, over all processes", async () => {
    const model = await newModel(kind, never);
    model.broken = "noRoom";
    models.setStopped(model.name, true);
    await delay(100);
    await withApis(3, { maxHeld: 10, holdMs: 4_000, failureSeconds: 60 }, async (apis) => {
      const answers = Array.from({ length: 30 }, (_, index) => ask(apis[index % 3] as Api, model, `r${index}`));
      const texts = (await Promise.all(answers)).map(({ text }) => text);
      const waited = texts.filter((text) => text.includes("has not started within 4 s"));
      // Fewer where some come when the first have waited for their time.
      expect(waited.length).toBeLessThanOrEqual(10);
      expect(waited[0]).toContain("pool t4 has no nvidia.com/gpu left");
      expect(
        texts.filter((text) => text.includes("requests wait for") || text.includes("does not start")),
      ).toHaveLength(30 - waited.length);
    });
  });

  it("that cannot start answers 503 with the reason, at once to those who come a moment later to another process", async () => {
    const model = await newModel(kind, never);
    model.broken = "crashes";
    models.setStopped(model.name, true);
    await delay(100);
    await withApis(2, { failureSeconds: 60 }, async ([one, other]) => {
      if (!one || !other) return;
      const first = await ask(one, model, "first");
      expect(first).toMatchObject({ status: 503 });
      expect(first.text).toContain("container kserve-container keeps ending");
      const second = await ask(other, model, "second");
      expect(second).toMatchObject({ status: 503 });
      expect(second.text).toContain("does not start: container kserve-container keeps ending");
      const [row] = await readSleep(pool).then((all) => all.filter(({ service }) => service === model.name));
      expect(row?.failures).toBe(1);
    });
  });

  it("is answered for by the others when a process that holds requests is killed", async () => {
    const model = await newModel(kind, never);
    models.setStopped(model.name, true);
    await delay(100);
    await withApis(3, {}, async (apis) => {
      // The first tells the cluster late, so that it is killed before.
      const [first, second, third] = apis as [Api, Api, Api];
      models.applyMs = () => 10_000;
      const lost = ask(first, model, "lost");
      const waking = async () => {
        const asked = "SELECT FROM menagerie.sleep_state WHERE service = $1 AND phase = 'waking'";
        return (await pool.query(asked, [model.name])).rowCount;
      };
      await expect.poll(waking).toBe(1);
      first.child.kill("SIGKILL");
      models.applyMs = () => 0;
      const kept = await Promise.all([ask(second, model, "kept"), ask(third, model, "kept too")]);
      expect(kept.map(({ status }) => status)).toEqual([200, 200]);
      expect((await lost).status).toBe(0);
      expect(model.asked.get("lost")).toBeUndefined();
    });
    models.applyMs = () => random(0, 5);
    expect(model.wronged).toEqual([]);
  });

  it("goes on with a stream for many times its idle time, and sleeps after it", async () => {
    const model = await newModel(kind, soon);
    await withApis(2, {}, async ([api]) => {
      if (!api) return;
      const answer = await ask(api, model, "stream 6000");
      expect(answer).toMatchObject({ status: 200, text: `begun ${model.name} stream 6000 undefined` });
      expect(model.wronged).toEqual([]);
      await oneStop(model);
    });
  });
});

it("the way of routes takes the version from the Service's host where there is no header, and answers 404 for one that is not of the zoo", async () => {
  const model = await newModel("zoo", never);
  const version = await newModel("development", never);
  await withApis(1, {}, async ([api]) => {
    if (!api) return;
    const host = `${model.name}-activator.menagerie.svc.cluster.local`;
    expect(await ask(api, model, "by host", { "x-menagerie-version": "", host })).toMatchObject({ status: 404 });
    const headers = { host, "x-ask": "by host" };
    const answer = await new Promise<number>((resolve) => {
      request({ port: api.ports.front, method: "GET", path: "/v1/models/model", headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      }).end();
    });
    expect(answer).toBe(200);
    // The Service of a development version would lead to its control server.
    for (const name of ["nobody", version.name]) expect((await ask(api, { name }, "x")).status).toBe(404);
  });
});

describe("while the database is away", () => {
  it.each(kinds)(
    "models of kind %s that are awake answer and none is stopped; afterwards they sleep again",
    async (kind) => {
      const model = await newModel(kind, 0.1);
      await withApis(2, {}, async (apis) => {
        const [one, other] = apis as [Api, Api];
        for (const api of apis) expect((await ask(api, model, "before")).status).toBe(200);
        await postgres.crash();
        const begun = Date.now();
        let asked = 0;
        while (Date.now() - begun < 8_000) {
          asked += 1;
          expect((await ask(asked % 2 ? one : other, model, `r${asked}`)).status).toBe(200);
        }
        expect(asked).toBeGreaterThan(4);
        expect(models.isStopped(model.name)).toBe(false);
        const stream = ask(one, model, "stream 6000");
        await postgres.restart();
        expect((await stream).status).toBe(200);
        await oneStop(model);
      });
      expect(model.wronged).toEqual([]);
      model.asked.delete("before");
      expect(Math.max(...model.asked.values())).toBe(1);
    },
  );
});

describe("stop against request", () => {
  // A few in each run of the tests; MENAGERIE_SLEEP_RACES=1000 on a quiet machine, whose three processes then drive more models at once.
  const wanted = Number(process.env.MENAGERIE_SLEEP_RACES ?? 150);
  const modelCount = wanted > 500 ? 24 : 8;

  it.each(kinds)(
    `${wanted} stops of kind %s over three processes lose no request, and none is asked twice`,
    async (kind) => {
      const all = await Promise.all(Array.from({ length: modelCount }, () => newModel(kind, soon)));
      let sent = 0;
      const wrong: string[] = [];
      await withApis(3, { leaseSeconds: 2, everyMs: 40 }, async (apis) => {
        const stops = () => all.reduce((sum, { stops: count }) => sum + count, 0);
        const deadline = Date.now() + 150_000;
        await Promise.all(
          all.map(async (model) => {
            while (stops() < wanted && Date.now() < deadline) {
              // Around the moment at which it is stopped.
              const stopped = model.stops;
              await vi
                .waitFor(() => expect(model.stops).toBeGreaterThan(stopped), { timeout: 3_000, interval: 3 })
                .catch(() => {});
              await delay(random(0, 60));
              const burst = 1 + Math.floor(random(0, 3));
              await Promise.all(
                Array.from({ length: burst }, async () => {
                  sent += 1;
                  const what = Math.random() < 0.2 ? `stream ${Math.round(random(100, 900))} ${sent}` : `r${sent}`;
                  const api = apis[sent % 3] as Api;
                  const { status, text } = await ask(api, model, what);
                  if (status === 200 && model.asked.get(what) === 1) return;
                  const { rows } = await pool.query("SELECT * FROM menagerie.sleep_state WHERE service = $1", [
                    model.name,
                  ]);
                  const standing = `${models.standing(model.name)} ${JSON.stringify(rows)} ${api.log.slice(-5).join(" ")}`;
                  wrong.push(`${what}: ${status} ${text}, asked ${model.asked.get(what)} times; ${standing}`);
                }),
              );
              // So that requests come before, at and after the next stop.
              await delay(random(0, 900));
              if (Math.random() < 0.7) continue;
              sent += 1;
              const { status } = await ask(apis[sent % 3] as Api, model, `late ${sent}`);
              if (status !== 200) wrong.push(`${model.name} late ${sent}: ${status}`);
            }
          }),
        );
        // On a machine that is busy with others, as many as there is time for.
        expect(stops()).toBeGreaterThan(Math.min(wanted, 20));
      });
      expect(wrong).toEqual([]);
      expect(all.flatMap(({ wronged }) => wronged)).toEqual([]);
      expect(sent).toBeGreaterThan(Math.min(wanted, 20));
    },
  );
});
