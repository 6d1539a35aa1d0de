import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type OutgoingHttpHeaders, request } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { roles } from "../../../../../src/domain/platformDatabase.ts";
import { shadowPort } from "../../../../../src/domain/serving/activator.ts";
import { makePlatformTables, rolePassword } from "../../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../../support/postgres.ts";
import { type SleepingModel, SleepingModels } from "../../../../support/sleepingModels.ts";
import type { SleepProcessOptions } from "../../../../support/sleepProcess.ts";

/** Models of shadow deployments that sleep, by processes of the API service of their own, on a real PostgreSQL. */

let postgres: TestPostgres;
let models: SleepingModels;
let cluster: string;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  models = new SleepingModels({ startMs: () => 50, endMs: () => 10 });
  cluster = await models.listen();
});

afterAll(async () => {
  models?.close();
  await postgres?.stop();
});

/** Runs `work` with the addresses of so many processes: as pods do, each has one of its own, for they listen on the same ports. */
async function withApis(
  count: number,
  options: Partial<SleepProcessOptions>,
  work: (hosts: readonly string[]) => Promise<void>,
): Promise<void> {
  const hosts = Array.from({ length: count }, (_, index) => `127.0.0.${index + 2}`);
  const children: ChildProcess[] = [];
  try {
    await Promise.all(
      hosts.map(async (host) => {
        const all: SleepProcessOptions = {
          database: { ...postgres.server, user: roles.api, password: rolePassword },
          cluster,
          leaseSeconds: 3,
          everyMs: 100,
          holdMs: 60_000,
          maxHeld: 256,
          host,
          ...options,
        };
        const script = new URL("../../../../support/sleepProcess.ts", import.meta.url).pathname;
        const child = spawn(process.execPath, [script, JSON.stringify(all)], { stdio: ["ignore", "pipe", "inherit"] });
        children.push(child);
        await once(createInterface({ input: child.stdout }), "line");
      }),
    );
    await work(hosts);
  } finally {
    await Promise.all(
      children.map(async (child) => {
        child.kill("SIGKILL");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      }),
    );
  }
}

/** What a request carries besides. */
interface Sent {
  readonly headers?: OutgoingHttpHeaders;
  /** @default `body` */
  readonly body?: string | Buffer;
}

/** 0 where the connection broke before an answer, with the system's code as the text. */
interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * As a route sends a request or its copy: to the model's port, with a client's own header, which is not listened to. Sent again while nobody
 * listens, as gateways do.
 */
async function ask(host: string, model: SleepingModel, what: string, sent: Sent = {}): Promise<Answer> {
  for (;;) {
    const answer = await askOnce(host, model, what, sent);
    if (answer.text !== "ECONNREFUSED") return answer;
    await delay(20);
  }
}

function askOnce(
  host: string,
  { name }: SleepingModel,
  what: string,
  { headers, body = "body" }: Sent,
): Promise<Answer> {
  return new Promise((resolve) => {
    const sent = request({
      host,
      port: shadowPort(name),
      method: "POST",
      path: "/v1/models/model:predict",
      agent: false,
      headers: { "x-menagerie-version": "nobody", "x-ask": what, ...headers },
    });
    let text = "";
    sent.once("response", (response) => {
      response.on("data", (chunk) => {
        text += String(chunk);
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.once("error", () => resolve({ status: 0, text }));
    });
    sent.once("error", ({ code = "" }: NodeJS.ErrnoException) => resolve({ status: 0, text: text || code }));
    sent.end(body);
  });
}

/** So long that nothing is stopped by itself in a test, in minutes. */
const never = 1_000;
/** 60 ms. */
const soon = 0.001;

describe("models of a shadow deployment that sleep", () => {
  let deployments = 0;
  const newDeployment = (idleMinutes: number | undefined, ...sides: string[]) => {
    deployments += 1;
    const name = `next${deployments}`;
    return ["primary", ...sides].map((side) => models.deploy(`${name}-${side}`, idleMinutes, { deployment: name }));
  };
  const asleep = async (...all: readonly SleepingModel[]) => {
    for (const { name } of all) models.setStopped(name, true);
    await delay(100);
  };
  const pick = (hosts: readonly string[], index: number): string => hosts[index % hosts.length] as string;

  it("wake by a request and by its copy: 50 at once over three processes start one pod each, and nothing else", async () => {
    const [primary, shadow, other] = newDeployment(never, "a", "b") as [SleepingModel, SleepingModel, SleepingModel];
    await asleep(primary, shadow, other);
    await withApis(3, {}, async (hosts) => {
      const sent = Array.from({ length: 50 }, (_, index) => [
        ask(pick(hosts, index), primary, `r${index}`),
        ask(pick(hosts, index + 1), shadow, `r${index}`),
      ]).flat();
      expect((await Promise.all(sent)).filter(({ status }) => status !== 200)).toEqual([]);
    });
    for (const model of [primary, shadow]) {
      expect(model.starts).toBe(1);
      expect([...model.asked.values()]).toEqual(Array(50).fill(1));
    }
    expect(other).toMatchObject({ starts: 0, asked: new Map() });
    expect([primary, shadow].flatMap(({ wronged }) => wronged)).toEqual([]);
  });

  it("cost a primary that is awake nothing while a shadow cannot start: its copies are bounded", async () => {
    const [primary, shadow] = newDeployment(never, "a") as [SleepingModel, SleepingModel];
    shadow.broken = "noRoom";
    await asleep(shadow);
    await withApis(3, { maxHeld: 10 }, async (hosts) => {
      let isOver = false;
      const copies = Promise.all(
        Array.from({ length: 60 }, (_, index) => ask(pick(hosts, index), shadow, `r${index}`)),
      ).finally(() => {
        isOver = true;
      });
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, index) => ask(pick(hosts, index), primary, `r${index}`)),
      );
      expect(isOver).toBe(false);
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      expect(shadow.asked.size).toBe(0);
      shadow.broken = undefined;
      const statuses = Object.groupBy(await copies, ({ status }) => status);
      expect([statuses[200], statuses[503]].map((all) => all?.length)).toEqual([10, 50]);
    });
    expect(primary.starts).toBe(0);
    expect(shadow.asked.size).toBe(10);
  });

  it("read the body of a copy that waits, which comes whole; of one that is too long they read on and keep nothing", async () => {
    const [, shadow] = newDeployment(soon, "a") as [SleepingModel, SleepingModel];
    await asleep(shadow);
    await withApis(1, {}, async ([host]) => {
      if (!host) return;
      shadow.broken = "noRoom";
      const tooLong = await ask(host, shadow, "too long", { body: Buffer.alloc(24 * 1024 ** 2) });
      expect(tooLong).toMatchObject({ status: 503, text: expect.stringContaining("no room for a copy") });
      expect(shadow.starts).toBe(0);
      shadow.broken = undefined;
      const bytes = 8 * 1024 ** 2;
      const chunked = { "transfer-encoding": "chunked" };
      const whole = [{ body: Buffer.alloc(bytes) }, { body: Buffer.alloc(bytes), headers: chunked }, { body: "" }];
      const answers = whole.map((more, index) => ask(host, shadow, `whole ${index}`, more));
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(Object.fromEntries(shadow.bytes)).toEqual({ "whole 0": bytes, "whole 1": bytes, "whole 2": 0 });
      // All memory was given back.
      await expect.poll(() => models.isStopped(shadow.name), { interval: 20 }).toBe(true);
      const again = await ask(host, shadow, "again", { body: Buffer.alloc(bytes) });
      expect(again).toMatchObject({ status: 200, text: expect.stringContaining("again") });
    });
    expect(shadow.wronged).toEqual([]);
  });

  it("are reached by their ports while they never sleep, too, and sleep again after their copies", async () => {
    const [primary] = newDeployment(undefined) as [SleepingModel];
    const [, shadow] = newDeployment(soon, "a") as [SleepingModel, SleepingModel];
    await withApis(2, {}, async ([one, other]) => {
      if (!one || !other) return;
      expect((await ask(one, primary, "x")).status).toBe(200);
      await expect.poll(() => models.isStopped(shadow.name), { interval: 20 }).toBe(true);
      expect((await ask(other, shadow, "copy")).status).toBe(200);
      await expect.poll(() => shadow.stops, { interval: 20 }).toBeGreaterThan(1);
    });
    expect(shadow.asked).toEqual(new Map([["copy", 1]]));
    expect(shadow.wronged).toEqual([]);
  });
});
