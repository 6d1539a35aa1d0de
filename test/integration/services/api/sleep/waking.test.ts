import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { clientConfig } from "../../../../../src/adapters/postgres/server.ts";
import { readSleep } from "../../../../../src/adapters/postgres/sleep/readSleep.ts";
import { platformDatabase, roles } from "../../../../../src/domain/platformDatabase.ts";
import { makePlatformTables, rolePassword } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { type SleepingModel, SleepingModels } from "../../../../support/sleepingModels.ts";
import type { SleepProcessOptions } from "../../../../support/sleepProcess.ts";

/** Models that sleep, by processes of the API service of their own, on a real PostgreSQL. The cluster is one in memory, in this process. */

let postgres: TestPostgres;
let pool: pg.Pool;
let models: SleepingModels;
let cluster: string;
const random = (from: number, to: number) => from + Math.random() * (to - from);

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  pool = new pg.Pool(clientConfig(postgres.server, platformDatabase));
  pool.on("error", () => {});
  models = new SleepingModels({ startMs: () => random(10, 60), endMs: () => random(0, 15) });
  models.applyMs = () => random(0, 5);
  cluster = await models.listen();
}, 120_000);

afterAll(async () => {
  models?.close();
  await pool?.end();
  await postgres?.stop();
});

interface Api {
  readonly port: number;
  readonly child: ChildProcess;
  readonly log: string[];
}

async function startApi(options: Partial<SleepProcessOptions> = {}): Promise<Api> {
  const script = new URL("../../../../support/sleepProcess.ts", import.meta.url).pathname;
  const all: SleepProcessOptions = {
    database: { ...postgres.server, user: roles.api, password: rolePassword },
    cluster,
    leaseSeconds: 1,
    everyMs: 100,
    holdMs: 20_000,
    maxHeld: 256,
    ...options,
  };
  const child = spawn(process.execPath, [script, JSON.stringify(all)], { stdio: ["ignore", "pipe", "pipe"] });
  const log: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { port: (JSON.parse(line) as { port: number }).port, child, log };
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

interface Answer {
  /** 0 where the connection broke before an answer. */
  readonly status: number;
  readonly text: string;
}

/** As a route sends it: the header names the version. */
function ask({ port }: Pick<Api, "port">, model: string, what: string, headers = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const sent = request({
      port,
      method: "POST",
      path: "/v1/models/model:predict",
      agent: false,
      headers: { "x-menagerie-version": model, "x-model": model, "x-ask": what, ...headers },
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
const newModel = (idleMinutes: number): SleepingModel => {
  made += 1;
  return models.deploy(`model-${made}`, idleMinutes);
};
const oneStop = async ({ name }: SleepingModel) =>
  vi.waitFor(() => expect(models.isStopped(name)).toBe(true), { timeout: 30_000, interval: 20 });

describe("a model that sleeps", () => {
  it("is stopped when nobody uses it, and started by the next request, which is answered once", async () => {
    const model = newModel(soon);
    await withApis(1, {}, async ([api]) => {
      if (!api) return;
      await oneStop(model);
      expect(await ask(api, model.name, "first")).toEqual({ status: 200, text: `${model.name} first undefined` });
      expect(model.asked).toEqual(new Map([["first", 1]]));
      await vi.waitFor(async () => {
        const standing = (await readSleep(pool)).find(({ service }) => service === model.name);
        expect(standing).toMatchObject({ wakes: 1, failures: 0 });
      });
    });
    expect(model.wronged).toEqual([]);
  });

  it("starts one pod for 200 first requests at once over three processes, and answers each once", async () => {
    const model = newModel(never);
    models.setStopped(model.name, true);
    await delay(100);
    await withApis(3, {}, async (apis) => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, index) => ask(apis[index % 3] as Api, model.name, `r${index}`)),
      );
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    });
    expect(model.starts).toBe(1);
    expect([...model.asked.values()]).toEqual(Array(200).fill(1));
    expect(model.wronged).toEqual([]);
  });

  it("holds no more requests than it may, over all processes", async () => {
    const model = newModel(never);
    model.broken = "noRoom";
    models.setStopped(model.name, true);
    await delay(100);
    await withApis(3, { maxHeld: 10, holdMs: 4_000 }, async (apis) => {
      const answers = Array.from({ length: 30 }, (_, index) => ask(apis[index % 3] as Api, model.name, `r${index}`));
      const texts = (await Promise.all(answers)).map(({ text }) => text);
      const waited = texts.filter((text) => text.includes("has not started within 4 s"));
      expect(waited).toHaveLength(10);
      expect(waited[0]).toContain("pool t4 has no nvidia.com/gpu left");
      expect(
        texts.filter((text) => text.includes("requests wait for") || text.includes("does not start")),
      ).toHaveLength(20);
    });
  });

  it("that cannot start answers 503 with the reason, at once to those who come a moment later to another process", async () => {
    const model = newModel(never);
    model.broken = "crashes";
    models.setStopped(model.name, true);
    await delay(100);
    await withApis(2, {}, async ([one, other]) => {
      if (!one || !other) return;
      const first = await ask(one, model.name, "first");
      expect(first).toMatchObject({ status: 503 });
      expect(first.text).toContain("container kserve-container keeps ending");
      const second = await ask(other, model.name, "second");
      expect(second).toMatchObject({ status: 503 });
      expect(second.text).toContain("does not start: container kserve-container keeps ending");
      const [row] = await readSleep(pool).then((all) => all.filter(({ service }) => service === model.name));
      expect(row?.failures).toBe(1);
    });
  });

  it("is answered for by the others when a process that holds requests is killed", async () => {
    const model = newModel(never);
    models.setStopped(model.name, true);
    await delay(100);
    await withApis(3, {}, async (apis) => {
      // The first tells the cluster late, so that it is killed before.
      const [first, second, third] = apis as [Api, Api, Api];
      models.applyMs = () => 1_500;
      const lost = ask(first, model.name, "lost");
      await vi.waitFor(
        async () => {
          const { rows } = await pool.query(
            "SELECT FROM menagerie.sleep_state WHERE service = $1 AND phase = 'waking'",
            [model.name],
          );
          expect(rows).toHaveLength(1);
        },
        { timeout: 10_000 },
      );
      first.child.kill("SIGKILL");
      models.applyMs = () => 0;
      const kept = await Promise.all([ask(second, model.name, "kept"), ask(third, model.name, "kept too")]);
      expect(kept.map(({ status }) => status)).toEqual([200, 200]);
      expect((await lost).status).toBe(0);
      expect(model.asked.get("lost")).toBeUndefined();
    });
    models.applyMs = () => random(0, 5);
    expect(model.wronged).toEqual([]);
  });

  it("goes on with a stream for many times its idle time, and sleeps after it", async () => {
    const model = newModel(soon);
    await withApis(2, {}, async ([api]) => {
      if (!api) return;
      const answer = await ask(api, model.name, "stream 6000");
      expect(answer).toMatchObject({ status: 200, text: `begun ${model.name} stream 6000 undefined` });
      expect(model.wronged).toEqual([]);
      await oneStop(model);
    });
  });

  it("takes the version from the Service's host where there is no header, and answers 404 for one that is not there", async () => {
    const model = newModel(never);
    await withApis(1, {}, async ([api]) => {
      if (!api) return;
      const host = `${model.name}-activator.menagerie.svc.cluster.local`;
      expect(await ask(api, model.name, "by host", { "x-menagerie-version": "", host })).toMatchObject({ status: 404 });
      const headers = { host, "x-model": model.name, "x-ask": "by host" };
      const answer = await new Promise<number>((resolve) => {
        request({ port: api.port, method: "GET", path: "/v1/models/model", headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        }).end();
      });
      expect(answer).toBe(200);
      expect((await ask(api, "nobody", "x")).status).toBe(404);
    });
  });
});

describe("while the database is away", () => {
  it("models that are awake answer and none is stopped; afterwards they sleep again", async () => {
    const model = newModel(0.05);
    await withApis(2, { leaseSeconds: 2 }, async (apis) => {
      const [one, other] = apis as [Api, Api];
      expect((await ask(one, model.name, "before")).status).toBe(200);
      await postgres.crash();
      const begun = Date.now();
      let asked = 0;
      while (Date.now() - begun < 8_000) {
        asked += 1;
        expect((await ask(asked % 2 ? one : other, model.name, `r${asked}`)).status).toBe(200);
      }
      expect(asked).toBeGreaterThan(4);
      expect(models.isStopped(model.name)).toBe(false);
      const stream = ask(one, model.name, "stream 6000");
      await postgres.restart();
      expect((await stream).status).toBe(200);
      await oneStop(model);
    });
    expect(model.wronged).toEqual([]);
    expect(Math.max(...model.asked.values())).toBe(1);
  });
});

describe("stop against request", () => {
  const wanted = Number(process.env.MENAGERIE_SLEEP_RACES ?? 1_000);

  it(`${wanted} stops over three processes lose no request, and none is asked twice`, async () => {
    const all = Array.from({ length: 24 }, () => newModel(soon));
    let sent = 0;
    const wrong: string[] = [];
    await withApis(3, { leaseSeconds: 0.3, everyMs: 40 }, async (apis) => {
      const stops = () => all.reduce((sum, { stops: count }) => sum + count, 0);
      const deadline = Date.now() + 240_000;
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
                const { status, text } = await ask(api, model.name, what);
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
            const { status } = await ask(apis[sent % 3] as Api, model.name, `late ${sent}`);
            if (status !== 200) wrong.push(`${model.name} late ${sent}: ${status}`);
          }
        }),
      );
      // On a machine that is busy with others, as many as there is time for.
      expect(stops()).toBeGreaterThan(Math.min(wanted, 100));
    });
    expect(wrong).toEqual([]);
    expect(all.flatMap(({ wronged }) => wronged)).toEqual([]);
    expect(sent).toBeGreaterThan(wanted);
  }, 300_000);
});
