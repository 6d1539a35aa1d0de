import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKey } from "../../../../src/adapters/postgres/apiKeys.ts";
import { createApp } from "../../../../src/adapters/postgres/apps.ts";
import {
  type LimitChanges,
  setKeyLimits,
  setOrganizationLimits,
} from "../../../../src/adapters/postgres/limits/databaseLimits.ts";
import { readUsage } from "../../../../src/adapters/postgres/limits/readUsage.ts";
import { organizationIdOf } from "../../../../src/adapters/postgres/models.ts";
import { registerVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { withClient } from "../../../../src/adapters/postgres/server.ts";
import { claimHeader } from "../../../../src/domain/limits/claim.ts";
import type { Limits } from "../../../../src/domain/limits/limits.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { type LimitedPod, startLimitedPod, withinAMinute } from "../../../support/limitedPods.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { type SpeakingModel, startSpeakingModel } from "../../../support/speakingModel.ts";
import { expectWithinASecond } from "../../../support/withinASecond.ts";

/** Two API services in processes of their own, a minute apart by their own clocks, over one PostgreSQL and a model that speaks. */

let postgres: TestPostgres;
let model: SpeakingModel;
let pods: [LimitedPod, LimitedPod];
const agent = new Agent({ connections: 64 });
/** A stream of the model takes a second and more. */
const pauseMs = 150;

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  model = await startSpeakingModel({ pauseMs });
  await onPlatform((client) =>
    registerVersion(client, {
      model: "speaker",
      organization: "admin",
      number: 1,
      hash: "h1",
      digest: `sha256:${"1".repeat(64)}`,
      current: true,
    }),
  );
  pods = [await startPod(30_000), await startPod(-30_000)];
});

afterAll(async () => {
  await Promise.all(pods?.map((pod) => pod.stop()) ?? []);
  await agent.close();
  await model?.stop();
  await postgres?.stop();
});

const startPod = (clockMs = 0) => startLimitedPod(postgres.server, model.origin, clockMs);

function onPlatform<T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> {
  return withClient(postgres.server, platformDatabase, work);
}

/** An app of an organization of its own, with a key. */
async function newApp(limits: Limits = {}) {
  const owner = `${randomUUID()}@example.com`;
  return onPlatform(async (client) => {
    const { id } = await createApp(client, { zooModel: "speaker", owner });
    const { rows } = await client.query<{ organization: string; name: string }>(
      "SELECT o.id AS organization, o.name FROM menagerie.model m JOIN menagerie.organization o ON o.id = m.organization_id WHERE m.id = $1",
      [id],
    );
    const { key, id: keyId } = await createKey(client, { modelId: id }, [], limits);
    return { id, key, keyId, organization: rows[0]?.organization ?? "", organizationName: rows[0]?.name ?? "" };
  });
}

type App = Awaited<ReturnType<typeof newApp>>;
const chat = { model: "m", messages: [{ role: "user", content: "Say it" }] };

async function ask(pod: LimitedPod, app: App, body: object = { ...chat, max_tokens: 7 }) {
  const answer = await request(`${pod.url}/models/${app.id}/v1/chat/completions`, {
    dispatcher: agent,
    method: "POST",
    headers: { "x-api-key": app.key, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

/**
 * Asks at both pods, by 48 clients at once, until so many were let in, and two seconds on; answers how many were.
 *
 * @param send - a request of one of the clients; answers its status
 */
async function letIn(send: (pod: LimitedPod, client: number) => Promise<number>, expected: number): Promise<number> {
  let admitted = 0;
  let enoughAt = Number.POSITIVE_INFINITY;
  const mostMs = 50_000;
  const begun = performance.now();
  const client = async (number: number) => {
    while (performance.now() - enoughAt < 2_000 && performance.now() - begun < mostMs) {
      const status = await send(pods[number % 2] ?? pods[0], number);
      if (status === 200) {
        admitted += 1;
        if (admitted >= expected) enoughAt = Math.min(enoughAt, performance.now());
      } else {
        expect(status).toBe(429);
        await delay(20);
      }
    }
  };
  await Promise.all(Array.from({ length: 48 }, (_, number) => client(number)));
  return admitted;
}

const usageOf = async (app: App) => {
  const rows = await onPlatform((client) =>
    readUsage(client, { organizationId: app.organization, since: "2000-01-01" }),
  );
  return rows.map(({ app: id, model: name, requests, tokensIn, tokensOut }) => ({
    id,
    name,
    requests,
    tokensIn,
    tokensOut,
  }));
};
const taken = async (app: App, kind: string) => {
  const { rows } = await onPlatform((client) =>
    client.query<{ taken: string }>(
      "SELECT taken FROM menagerie.limit_window WHERE subject = $1 AND kind = $2 ORDER BY since DESC",
      [`key ${app.keyId}`, kind],
    ),
  );
  return Number(rows[0]?.taken);
};
const limitKey = (app: App, changes: LimitChanges) => onPlatform((client) => setKeyLimits(client, app.keyId, changes));

describe("a limit of requests over two pods under load", () => {
  it.each([
    ["a key", 300],
    ["an organization", 77],
  ])("of %s lets in %d, to the request", async (whose, limit) => {
    const app = await withinAMinute(postgres.server, 40, async () => {
      const made = await newApp(whose === "a key" ? { requestsPerMinute: limit } : {});
      if (whose !== "a key")
        await onPlatform((client) => setOrganizationLimits(client, made.organization, { requestsPerMinute: limit }));
      expect(await letIn(async (pod) => (await ask(pod, made)).status, limit)).toBe(limit);
      return made;
    });
    await expect
      .poll(() => usageOf(app))
      .toEqual([{ id: app.id, name: "speaker", requests: limit, tokensIn: 3 * limit, tokensOut: 7 * limit }]);
  });

  it("tells the client what is left, and when to come again", async () => {
    const { first, second, refused } = await withinAMinute(postgres.server, 20, async () => {
      const app = await newApp({ requestsPerMinute: 2 });
      return { first: await ask(pods[0], app), second: await ask(pods[1], app), refused: await ask(pods[0], app) };
    });
    expect(first.headers).toMatchObject({
      "x-ratelimit-limit-requests": "2",
      "x-ratelimit-remaining-requests": "1",
      "x-ratelimit-reset-requests": expect.stringMatching(/^\d.*s$/),
    });
    expect(second.status).toBe(200);
    expect(refused.status).toBe(429);
    const [seconds, milliseconds] = ["retry-after", "retry-after-ms"].map((name) => Number(refused.headers[name]));
    expect(seconds).toBe(Math.ceil((milliseconds ?? 0) / 1000));
    expect(milliseconds).toBeLessThanOrEqual(60_000);
    expect(JSON.parse(refused.text).error).toMatchObject({
      code: "rate_limit_exceeded",
      type: "requests",
      param: null,
      message: expect.stringContaining("2 requests per minute of this key"),
    });
  });

  it("holds within a second of its edit", () =>
    withinAMinute(postgres.server, 20, async () => {
      const app = await newApp({ requestsPerMinute: 1_000_000 });
      const both = (status: number) =>
        Promise.all(pods.map((pod) => expectWithinASecond(async () => (await ask(pod, app)).status, status)));
      await both(200);
      await limitKey(app, { requestsPerMinute: 1 });
      await both(429);
      await limitKey(app, { requestsPerMinute: null });
      await both(200);
    }));
});

describe("limits of tokens", () => {
  it("count what the answers took, streamed or not", async () => {
    const app = await newApp({ tokensPerDay: 10_000 });
    expect((await ask(pods[0], app, { ...chat, max_tokens: 1_000 })).status).toBe(200);
    expect((await ask(pods[1], app, { ...chat, max_tokens: 1_000, stream: true })).status).toBe(200);
    // 3 in and 7 out, each; of blocks everything comes back.
    await expect.poll(() => taken(app, "tokensPerDay")).toBe(20);
    // What the model refuses takes none.
    expect((await ask(pods[0], app, { ...chat, model: "refused", max_tokens: 1_000 })).status).toBe(400);
    await expect.poll(async () => (await usageOf(app))[0]?.requests).toBe(3);
    await expect.poll(() => taken(app, "tokensPerDay")).toBe(20);
  });

  it("may be edited in the middle of a day: what was used before counts for the new limit, on both pods", async () => {
    const app = await newApp({ tokensPerDay: 1_000 });
    // Each takes 3 tokens in and 7 out, also one that is let in before a pod knows of an edit.
    let letIn = 0;
    const status = async (pod: LimitedPod, tokens: number) => {
      const { status: answered } = await ask(pod, app, { ...chat, max_tokens: tokens });
      if (answered === 200) letIn += 1;
      return answered;
    };
    for (let each = 0; each < 20; each += 1) expect(await status(pods[each % 2] ?? pods[0], 10)).toBe(200);
    // Of blocks and reservations everything comes back.
    await expect.poll(() => taken(app, "tokensPerDay")).toBe(200);
    for (const limit of [250, 150]) {
      await limitKey(app, { tokensPerDay: limit });
      const left = Math.max(0, limit - 200);
      await Promise.all(pods.map((pod) => expectWithinASecond(() => status(pod, left + 1), 429)));
    }
    // Room for what both reserve at once.
    await limitKey(app, { tokensPerDay: 10_000 });
    await Promise.all(pods.map((pod) => expectWithinASecond(() => status(pod, 2_000), 200)));
    await expect.poll(async () => (await taken(app, "tokensPerDay")) === letIn * 10).toBe(true);
    for (const pod of pods) expect(await status(pod, 9_900)).toBe(429);
    await limitKey(app, { tokensPerDay: null });
    await Promise.all(pods.map((pod) => expectWithinASecond(() => status(pod, 100_000), 200)));
  });

  it("count a request that a killed pod held as it was reserved", async () => {
    const app = await newApp({ tokensPerDay: 1_000 });
    const third = await startPod();
    const cut = ask(third, app, { ...chat, model: "endless", max_tokens: 700, stream: true }).catch(() => "cut");
    await expect.poll(() => taken(app, "tokensPerDay")).toBeGreaterThanOrEqual(700);
    await third.kill();
    expect(await cut).toBe("cut");
    expect((await ask(pods[0], app, { ...chat, max_tokens: 400 })).status).toBe(429);
    expect((await ask(pods[0], app, { ...chat, max_tokens: 200 })).status).toBe(200);
  });

  it("are given back by a pod that is stopped", async () => {
    const app = await newApp({ tokensPerDay: 25_600 });
    const third = await startPod();
    expect((await ask(third, app, { ...chat, max_tokens: 10 })).status).toBe(200);
    await third.stop();
    expect(await taken(app, "tokensPerDay")).toBe(10);
    expect(await usageOf(app)).toMatchObject([{ requests: 1, tokensIn: 3, tokensOut: 7 }]);
  });
});

describe("at the gateway", () => {
  const path = "/serving/models/speaker/v1/chat/completions";
  let key: { key: string; id: string };
  const authorize = (pod: LimitedPod, at = path) =>
    fetch(`${pod.url}/authorize${at}`, { method: "POST", headers: { "x-api-key": key.key } });
  const report = (pod: LimitedPod, claim: string, tokens: object | null, schema = "recorded_speaker") =>
    fetch(`${pod.url}/usage/settled`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ schema, settled: [{ claim, tokens }] }),
    });
  const taken = async () => {
    const { rows } = await onPlatform((client) =>
      client.query<{ taken: string }>(
        "SELECT taken FROM menagerie.limit_window WHERE subject = $1 AND kind = 'tokensPerDay' ORDER BY since DESC",
        [`key ${key.id}`],
      ),
    );
    return Number(rows[0]?.taken);
  };
  const usage = async () => {
    const admin = await onPlatform((client) => organizationIdOf(client, "admin"));
    const rows = await onPlatform((client) => readUsage(client, { organizationId: admin, since: "2000-01-01" }));
    return rows.map(({ app, model: name, requests, tokensIn, tokensOut }) => ({
      app,
      name,
      requests,
      tokensIn,
      tokensOut,
    }));
  };

  beforeAll(async () => {
    key = await onPlatform(async (client) => {
      const organizationId = await organizationIdOf(client, "admin");
      return createKey(client, { organizationId }, [], { tokensPerDay: 100_000, requestsPerMinute: 100_000 });
    });
  });

  it("the model's limit is reserved, and a recorder's report settles it once, whichever pods get it how often", async () => {
    const allowed = await authorize(pods[0]);
    expect(allowed.status).toBe(200);
    const claim = allowed.headers.get(claimHeader) ?? "";
    await expect.poll(taken).toBe(4_096);
    // A shadow's answer to a copy, and a claim that nobody made.
    await report(pods[0], claim, { prompt: 1, completion: 1 }, "shadow_speaker_next");
    await report(pods[0], `${claim}x`, { prompt: 1, completion: 1 });
    for (let each = 0; each < 4; each += 1) {
      expect((await report(pods[each % 2] ?? pods[0], claim, { prompt: 30, completion: 12 })).status).toBe(204);
    }
    await expect.poll(taken).toBe(42);
    await delay(2_500);
    expect(await taken()).toBe(42);
    expect(await usage()).toEqual([{ app: null, name: "speaker", requests: 1, tokensIn: 30, tokensOut: 12 }]);
  });

  it("an answer that tells of no tokens leaves what was reserved, and a prediction has none", async () => {
    const claim = (await authorize(pods[1])).headers.get(claimHeader) ?? "";
    await report(pods[0], claim, null);
    const predicted = await authorize(pods[1], "/serving/models/speaker/v1/models/model:predict");
    expect([predicted.status, predicted.headers.get(claimHeader)]).toEqual([200, null]);
    await expect.poll(usage).toMatchObject([{ requests: 3, tokensIn: 30 }]);
    expect(await taken()).toBe(42 + 4_096);
  });
});

describe("while the database is away", () => {
  it("models answer, limits hold as they were known, and nothing is counted twice", async () => {
    const { counted, free, limited, few } = await withinAMinute(postgres.server, 40, async () => {
      const apps = {
        free: await newApp(),
        limited: await newApp({ requestsPerMinute: 1_000_000 }),
        few: await newApp({ requestsPerMinute: 10 }),
      };
      const sums = new Map<App, number>();
      const round = async (count: number) => {
        for (const app of Object.values(apps)) {
          for (let each = 0; each < count; each += 1) {
            const { status } = await ask(pods[each % 2] ?? pods[0], app);
            if (status === 200) sums.set(app, (sums.get(app) ?? 0) + 1);
            else expect(app).toBe(apps.few);
          }
        }
      };
      const readiness = () => Promise.all(pods.map(async ({ url }) => (await fetch(`${url}/readyz`)).status));
      // As the kubelet asks, again and again.
      expect(await readiness()).toEqual([200, 200]);
      await round(2);
      await postgres.crash();
      try {
        for (let each = 0; each < 5; each += 1) {
          await round(20);
          await delay(300);
        }
        expect(await readiness()).toEqual([200, 200]);
      } finally {
        await postgres.restart();
      }
      return { counted: sums, ...apps };
    });
    for (const app of [free, limited]) expect(counted.get(app)).toBe(102);
    // Each of the two lets in what it knew to be left.
    expect(counted.get(few)).toBeLessThanOrEqual(20);
    expect(counted.get(few)).toBeGreaterThanOrEqual(10);
    for (const app of [free, limited, few]) {
      await expect.poll(async () => (await usageOf(app))[0]?.requests).toBe(counted.get(app));
    }
    await delay(2_500);
    for (const app of [free, limited, few]) expect((await usageOf(app))[0]?.requests).toBe(counted.get(app));
  });
});

// Last: it is the platform's own usage that they count.
it.each([
  ["a key", 120],
  ["an organization, of two keys together,", 90],
])(
  "a limit of %s lets in as many by both ways in together: at the API service, and where the gateway asks it",
  async (whose, limit) => {
    const admitted = await withinAMinute(postgres.server, 40, async () => {
      const { keys, modelId } = await onPlatform(async (client) => {
        const organizationId = await organizationIdOf(client, "admin");
        const { rows } = await client.query<{ id: string }>(
          "SELECT id FROM menagerie.model WHERE organization_id = $1 AND name = 'speaker'",
          [organizationId],
        );
        const limits = { requestsPerMinute: limit };
        const isKeys = whose === "a key";
        if (!isKeys) await setOrganizationLimits(client, organizationId, limits);
        const made = [];
        for (let count = isKeys ? 1 : 2; count > 0; count -= 1)
          made.push((await createKey(client, { organizationId }, [], isKeys ? limits : {})).key);
        return { keys: made, modelId: rows[0]?.id ?? "" };
      });
      const used = new Set<string>();
      const gateway = "/authorize/serving/models/speaker/v1/chat/completions";
      const ways = [gateway, `/models/${modelId}/v1/chat/completions`] as const;
      const counts = { [ways[0]]: 0, [ways[1]]: 0 };
      const all = await letIn(async ({ url }, client) => {
        // Of four clients two go to each pod, and of these one each way.
        const way = ways[client % 4 < 2 ? 0 : 1];
        const key = keys[Math.floor(client / 4) % keys.length] ?? "";
        for (;;) {
          const { statusCode, headers, body } = await request(url + way, {
            dispatcher: agent,
            method: "POST",
            headers: { "x-api-key": key, "content-type": "application/json" },
            body: JSON.stringify({ ...chat, max_tokens: 7 }),
          });
          await body.dump();
          // A pod that has not heard of the organization's limit yet, which may take a second, tells of none.
          if (statusCode === 200 && headers["x-ratelimit-limit-requests"] === undefined) continue;
          if (statusCode === 200) {
            counts[way] = (counts[way] ?? 0) + 1;
            used.add(key);
          }
          return statusCode;
        }
      }, limit);
      expect(Object.values(counts).every((count) => count > 0)).toBe(true);
      expect([...used].sort()).toEqual(keys.toSorted());
      return all;
    });
    expect(admitted).toBe(limit);
  },
);
