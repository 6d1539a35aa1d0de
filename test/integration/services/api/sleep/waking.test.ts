import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readSleep } from "../../../../../src/adapters/postgres/sleep/readSleep.ts";
import {
  ask,
  kinds,
  never,
  random,
  type SleepApi,
  SleepApis,
  soon,
  usualApplyMs,
} from "../../../../support/sleepApis.ts";
import type { SleepingModel } from "../../../../support/sleepingModels.ts";
import type { SleepProcessOptions } from "../../../../support/sleepProcess.ts";

/** Models that sleep, and processes of the API service that wake and stop them. */

let own: SleepApis;

beforeAll(async () => {
  own = await SleepApis.open();
});

afterAll(() => own?.close());

/** Requests are held for a minute: what is slow here is the machine. */
const withApis = (count: number, options: Partial<SleepProcessOptions>, work: (apis: SleepApi[]) => Promise<void>) =>
  own.with(count, { holdMs: 60_000, ...options }, work);

const oneStop = async ({ name }: SleepingModel) =>
  expect.poll(() => own.models.isStopped(name), { interval: 20 }).toBe(true);

describe.each(kinds)("a model that sleeps, of kind %s", (kind) => {
  it("is stopped when nobody uses it, and started by the next request, which is answered once", async () => {
    const model = await own.newModel(kind, soon);
    await withApis(1, {}, async ([api]) => {
      if (!api) return;
      await oneStop(model);
      expect(await ask(api, model, "first")).toEqual({ status: 200, text: `${model.name} first undefined` });
      expect(model.asked).toEqual(new Map([["first", 1]]));
      const standing = async () => (await readSleep(own.pool)).find(({ service }) => service === model.name);
      await expect.poll(standing).toMatchObject({ wakes: 1, failures: 0 });
    });
    expect(model.wronged).toEqual([]);
  });

  it("starts one pod for 200 first requests at once over three processes, and answers each once", async () => {
    const model = await own.newModel(kind, never);
    own.models.setStopped(model.name, true);
    await delay(100);
    await withApis(3, {}, async (apis) => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, index) => ask(apis[index % 3] as SleepApi, model, `r${index}`)),
      );
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    });
    expect(model.starts).toBe(1);
    expect([...model.asked.values()]).toEqual(Array(200).fill(1));
    expect(model.wronged).toEqual([]);
  });

  it.each([
    ["noRoom", "nvidia.com/gpu"],
    ["noMemory", "memory"],
  ] as const)("holds no more requests than it may, over all processes: %s", async (broken, lacking) => {
    const model = await own.newModel(kind, never);
    model.broken = broken;
    own.models.setStopped(model.name, true);
    await delay(100);
    await withApis(3, { maxHeld: 10, holdMs: 4_000, failureSeconds: 60 }, async (apis) => {
      const answers = Array.from({ length: 30 }, (_, index) => ask(apis[index % 3] as SleepApi, model, `r${index}`));
      const texts = (await Promise.all(answers)).map(({ text }) => text);
      const waited = texts.filter((text) => text.includes("has not started within 4 s"));
      // Fewer if some come only after the first have given up.
      expect(waited.length).toBeLessThanOrEqual(10);
      expect(waited[0]).toContain(`pool t4 has no ${lacking} left`);
      expect(
        texts.filter((text) => text.includes("requests wait for") || text.includes("does not start")),
      ).toHaveLength(30 - waited.length);
    });
  });

  it("that cannot start answers 503 with the reason, at once to those who come a moment later to another process", async () => {
    const model = await own.newModel(kind, never);
    model.broken = "crashes";
    own.models.setStopped(model.name, true);
    await delay(100);
    await withApis(2, { failureSeconds: 60 }, async ([one, other]) => {
      if (!one || !other) return;
      const first = await ask(one, model, "first");
      expect(first).toMatchObject({ status: 503 });
      expect(first.text).toContain("container kserve-container keeps ending");
      const second = await ask(other, model, "second");
      expect(second).toMatchObject({ status: 503 });
      expect(second.text).toContain("does not start: container kserve-container keeps ending");
      const [row] = await readSleep(own.pool).then((all) => all.filter(({ service }) => service === model.name));
      expect(row?.failures).toBe(1);
    });
  });

  it("is answered for by the others when a process that holds requests is killed", async () => {
    const model = await own.newModel(kind, never);
    own.models.setStopped(model.name, true);
    await delay(100);
    await withApis(3, {}, async (apis) => {
      // The first tells the cluster late, so that it is killed before.
      const [first, second, third] = apis as [SleepApi, SleepApi, SleepApi];
      own.models.applyMs = () => 10_000;
      const lost = ask(first, model, "lost");
      const waking = async () => {
        const asked = "SELECT FROM menagerie.sleep_state WHERE service = $1 AND phase = 'waking'";
        return (await own.pool.query(asked, [model.name])).rowCount;
      };
      await expect.poll(waking).toBe(1);
      first.child.kill("SIGKILL");
      own.models.applyMs = () => 0;
      const kept = await Promise.all([ask(second, model, "kept"), ask(third, model, "kept too")]);
      expect(kept.map(({ status }) => status)).toEqual([200, 200]);
      expect((await lost).status).toBe(0);
      expect(model.asked.get("lost")).toBeUndefined();
    });
    own.models.applyMs = usualApplyMs;
    expect(model.wronged).toEqual([]);
  });

  it("goes on with a stream for many times its idle time, and sleeps after it", async () => {
    const model = await own.newModel(kind, soon);
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
  const model = await own.newModel("zoo", never);
  const version = await own.newModel("development", never);
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
      const model = await own.newModel(kind, 0.1);
      await withApis(2, {}, async (apis) => {
        const [one, other] = apis as [SleepApi, SleepApi];
        for (const api of apis) expect((await ask(api, model, "before")).status).toBe(200);
        await own.postgres.crash();
        const begun = Date.now();
        let asked = 0;
        while (Date.now() - begun < 8_000) {
          asked += 1;
          expect((await ask(asked % 2 ? one : other, model, `r${asked}`)).status).toBe(200);
        }
        expect(asked).toBeGreaterThan(4);
        expect(own.models.isStopped(model.name)).toBe(false);
        const stream = ask(one, model, "stream 6000");
        await own.postgres.restart();
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
    `${wanted} stops of kind %s over three processes, with clocks a minute apart, lose no request, and none is asked twice`,
    async (kind) => {
      const all = await Promise.all(Array.from({ length: modelCount }, () => own.newModel(kind, soon)));
      let sent = 0;
      const wrong: string[] = [];
      const each = { holdMs: 60_000, leaseSeconds: 2, everyMs: 40 };
      const apart = (place: number) => ({ ...each, clockAheadMs: (place - 1) * 60_000 });
      await own.with(3, apart, async (apis) => {
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
                  const api = apis[sent % 3] as SleepApi;
                  const { status, text } = await ask(api, model, what);
                  if (status === 200 && model.asked.get(what) === 1) return;
                  const { rows } = await own.pool.query("SELECT * FROM menagerie.sleep_state WHERE service = $1", [
                    model.name,
                  ]);
                  const standing = `${own.models.standing(model.name)} ${JSON.stringify(rows)} ${api.log.slice(-5).join(" ")}`;
                  wrong.push(`${what}: ${status} ${text}, asked ${model.asked.get(what)} times; ${standing}`);
                }),
              );
              // So that requests come before, at and after the next stop.
              await delay(random(0, 900));
              if (Math.random() < 0.7) continue;
              sent += 1;
              const { status } = await ask(apis[sent % 3] as SleepApi, model, `late ${sent}`);
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
