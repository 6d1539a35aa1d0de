import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDevelopmentVersions } from "../../../../../src/adapters/api/developmentVersions.ts";
import { lead } from "../../../../../src/adapters/postgres/leader.ts";
import { type Attempts, reconcileOnce } from "../../../../../src/services/api/development/reconcile.ts";
import { type ApiUnderTest, adminKey, startDevelopmentApi } from "../../../../support/developmentApi.ts";
import { trussOf } from "../../../../support/trussOf.ts";

/** What holds requests to development versions and looks after them, on a real PostgreSQL. */

let api: ApiUnderTest;
let model: Server;
let id: string;
let modelId: string;
/** Versions of the answers that were counted; each test has a version of its own. */
const counted: string[] = [];
const countedOf = (versionId: string) => counted.filter((each) => each === versionId).length;
const base = trussOf({ "model/model.py": "class Model: pass\n" });
const next = trussOf({ "model/model.py": "class Model: x = 1\n" });

beforeAll(async () => {
  // Answers what it was asked, as a model would that echoes.
  model = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.setHeader("x-seen-purpose", String(request.headers["x-menagerie-purpose"]));
    response.end(`${request.method} ${request.url} ${Buffer.concat(chunks)}`);
  }).listen(0, "127.0.0.1");
  await once(model, "listening");
  api = await startDevelopmentApi({ maxBodyBytes: 100_000, count: (versionId) => void counted.push(versionId) });
  api.cluster.podUrl = `http://127.0.0.1:${(model.address() as AddressInfo).port}`;
});

afterAll(async () => {
  model?.close();
  await api?.stop();
});

const client = () => createDevelopmentVersions({ url: api.url, key: adminKey });

beforeEach(async () => {
  api.cluster.podsWait = false;
  api.cluster.clear();
  ({ versionId: id, modelId } = await api.newVersion());
  await client().startGeneration(id, { hash: base.hash, signature: base.signature });
  api.cluster.deploy(id, base.hash, 15);
});

/** Stores an edit that the running container does not have yet. */
const edit = (sync = false) =>
  client().patch(id, {
    prevHash: base.hash,
    nextHash: next.hash,
    nextSignature: next.signature,
    sync,
    patches: [{ type: "model_code", body: { action: "UPDATE", path: "model.py", content: "class Model: x = 1\n" } }],
  });

async function ask(path: string, init: RequestInit = { method: "POST", body: "hello" }) {
  const answer = await fetch(`${api.url}/development/${id}${path}`, init);
  return { status: answer.status, text: await answer.text() };
}

describe("the activator", () => {
  it("passes a request on to the pod, with its query", async () => {
    expect((await ask("/v1/models/model:predict?a=1")).text).toBe("POST /v1/models/model:predict?a=1 hello");
    expect((await ask("/v1/models/model", { method: "GET" })).text).toBe("GET /v1/models/model ");
    for (const path of ["/v1/chat/completions", "/v2/models/m/infer", "/openai/v1/completions?x=1"]) {
      expect((await ask(path)).text).toBe(`POST ${path} hello`);
    }
  });

  it("wakes a stopped version and holds the request until its patches are in", async () => {
    await edit();
    await api.cluster.setStopped(`v${id}`, true);
    api.cluster.podsWait = true;
    const answers = await Promise.all([ask("/v1/models/model:predict"), ask("/v1/models/model:predict")]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(api.cluster.control(id)).toMatchObject({ hash: next.hash, isStarted: true });
    expect(api.cluster.control(id).applied).toHaveLength(1);
  });

  it("takes a patch for a use, which keeps the version awake while it lasts, and wakes nothing", async () => {
    const standing = () =>
      api.sql<{ phase: string; age: number; leases: string }>(
        `SELECT phase, extract(epoch FROM clock_timestamp() - used_at)::float8 AS age,
                (SELECT count(*) FROM menagerie.sleep_lease WHERE service = s.service) AS leases
           FROM menagerie.sleep_state s WHERE service = $1`,
        [`v${id}`],
      );
    await ask("/v1/models/model:predict");
    await api.waking.renew();
    await api.sql("UPDATE menagerie.sleep_state SET used_at = now() - interval '1 hour' WHERE service = $1", [
      `v${id}`,
    ]);
    let leases: string | undefined;
    api.cluster.control(id).patch = async () => {
      await expect.poll(async () => (leases = (await standing())[0]?.leases)).toBe("1");
      return { kind: "unknown", reason: "no answer" };
    };
    await edit(true);
    expect(leases).toBe("1");
    expect((await standing())[0]?.age).toBeLessThan(60);
    await api.cluster.setStopped(`v${id}`, true);
    await client().sync(id);
    expect(api.cluster.service(id)?.isStopped).toBe(true);
  });

  it("says that a version does not start, after a bounded time", async () => {
    api.cluster.podsWait = true;
    await api.cluster.deletePod(api.cluster.pod(id)?.name ?? "");
    api.cluster.control(id).patch = async () => ({ kind: "unknown", reason: "no answer" });
    expect(await ask("/v1/models/model:predict")).toMatchObject({ status: 503 });
  });

  it("holds no more requests than it may", async () => {
    api.cluster.podsWait = true;
    await api.cluster.deletePod(api.cluster.pod(id)?.name ?? "");
    api.cluster.control(id).patch = async () => ({ kind: "unknown", reason: "no answer" });
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask("/v1/models/model:predict")));
    expect(answers.filter(({ text }) => text.includes(`4 requests wait for v${id} already`))).toHaveLength(2);
  });

  it.each([
    "/control/truss_hash",
    "/metrics",
    "/openai/control",
    "/v2/../control/truss_hash",
    "/openai/v1/../../control/truss_hash",
    "/v2/%2e%2e/control/patch",
    "/v1/../control/truss_hash",
    "/v1/%2e%2e/control/patch",
    "/v1/..%2fcontrol/patch",
    "/v1/%252e%252e/control/patch",
    "/v1//control",
    "/v1/a\\..\\b",
    "/v1/%00",
    "/v1/%zz",
  ])("never leads to %s", async (path) => {
    const socket = (await import("node:net")).connect(Number(new URL(api.url).port), "127.0.0.1");
    socket.write(
      `POST /development/${id}${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    let text = "";
    for await (const chunk of socket) text += chunk;
    expect(text).toMatch(/^HTTP\/1.1 404 .*"code":"not_found"/s);
  });
});

describe.each([
  ["by the activator", () => `/development/${id}/v1/models/model:predict`],
  ["by the client's hostname", () => `/hosts/${modelId}/development/predict`],
])("a request of a batch %s", (_, path) => {
  const asked = async (key: string | undefined, purpose = "batch") => {
    const before = countedOf(id);
    const send = (headers: Record<string, string>, own = key) =>
      fetch(api.url + path(), {
        method: "POST",
        body: "hello",
        headers: own === undefined ? headers : { ...headers, "x-api-key": own },
      });
    const answer = await send({ "x-menagerie-purpose": purpose });
    expect([answer.status, await answer.text()]).toEqual([200, "POST /v1/models/model:predict hello"]);
    // An answer is counted when it is over, which the client may know first: one that is counted for sure comes behind it.
    await (await send({}, adminKey)).text();
    await expect.poll(() => countedOf(id)).toBeGreaterThan(before);
    const seen = answer.headers.get("x-seen-purpose");
    return { model: seen, client: answer.headers.get("x-menagerie-purpose"), counted: countedOf(id) - before };
  };
  const ofModel = (rights: Parameters<ApiUnderTest["newKey"]>[1]) => api.newKey({ modelId }, rights);

  it("is told to the model and is not counted, with the stack's own key and with the right batch", async () => {
    for (const key of [adminKey, await ofModel(["batch"])]) {
      expect(await asked(key)).toEqual({ model: "batch", client: "batch", counted: 1 });
    }
  });

  it("is any other request with a key that has not this right", async () => {
    for (const [index, key] of [await ofModel([]), await ofModel(["export"])].entries()) {
      expect(await asked(key)).toMatchObject({ model: "undefined", client: null });
      await expect.poll(() => countedOf(id)).toBe(2 * (index + 1));
    }
  });

  it("has no purpose but that one", async () => {
    expect(await asked(adminKey, "batch, other")).toMatchObject({ model: "undefined", client: null });
  });
});

it("a request without a key is of no batch, where none is needed", async () => {
  const answer = await fetch(`${api.url}/development/${id}/v1/models/model:predict`, {
    method: "POST",
    body: "hello",
    headers: { "x-menagerie-purpose": "batch" },
  });
  expect([answer.status, answer.headers.get("x-seen-purpose")]).toEqual([200, "undefined"]);
});

describe("the one that looks after them", () => {
  let now = Date.now();
  const round = (attempts: Attempts = new Map()) =>
    reconcileOnce(
      {
        cluster: api.cluster,
        syncToHead: api.versions.syncToHead,
        now: () => now,
        log: pino({ level: "silent" }),
      },
      attempts,
    );

  beforeEach(() => {
    now = Date.now();
  });

  it("syncs a pod whose pings ran out", async () => {
    await edit();
    api.cluster.podsWait = true;
    await api.cluster.deletePod(api.cluster.pod(id)?.name ?? "");
    await round();
    expect(api.cluster.control(id)).toMatchObject({ hash: next.hash, isStarted: true });
  });

  it("leaves a pod that cannot be synced alone for a while, longer each time", async () => {
    api.cluster.podsWait = true;
    await api.cluster.deletePod(api.cluster.pod(id)?.name ?? "");
    let asked = 0;
    api.cluster.control(id).runningHash = async () => {
      asked += 1;
      return { ok: true, value: "f".repeat(64) };
    };
    const attempts: Attempts = new Map();
    await round(attempts);
    const first = asked;
    expect(first).toBeGreaterThan(0);
    await round(attempts);
    expect(asked).toBe(first);
    now += 10_000;
    await round(attempts);
    const second = asked;
    expect(second).toBeGreaterThan(first);
    now += 19_000;
    await round(attempts);
    expect(asked).toBe(second);
  });

  it("is one replica at a time, and another once that has gone", async () => {
    const { host, port, user, database, password } = api.pool.options;
    const connection = {
      host: host ?? "",
      port: port ?? 0,
      user: user ?? "",
      database: database ?? "",
      password: String(password),
    };
    const log: string[] = [];
    const start = (name: string) => {
      const stop = new AbortController();
      const done = lead({
        connection,
        name: "test",
        signal: stop.signal,
        onError: () => log.push(`${name} failed`),
        work: async (signal) => {
          log.push(name);
          await once(signal, "abort");
        },
      });
      return async () => {
        stop.abort();
        await done;
      };
    };
    const stopFirst = start("first");
    await expect.poll(() => log).toEqual(["first"]);
    const stopSecond = start("second");
    await stopFirst();
    await expect.poll(() => log).toEqual(["first", "second"]);
    await stopSecond();
  });
});
