import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import pg from "pg";
import { pino } from "pino";
import { Agent } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKey, createRoleKey, findKey, revokeKey } from "../../../../src/adapters/postgres/apiKeys.ts";
import { type App, createApp } from "../../../../src/adapters/postgres/apps.ts";
import { deleteApp, undeleteApp } from "../../../../src/adapters/postgres/deletedApps.ts";
import { readPlatformModel, readPointer, readRolloutSides } from "../../../../src/adapters/postgres/models.ts";
import { registerVersion } from "../../../../src/adapters/postgres/modelVersions.ts";
import { clientConfig, withClient } from "../../../../src/adapters/postgres/server.ts";
import { readLastMinute } from "../../../../src/adapters/postgres/traffic/lastMinute.ts";
import { readStandings } from "../../../../src/adapters/postgres/zoo/standings.ts";
import { readRolloutTraffic, setTraffic } from "../../../../src/adapters/postgres/zoo/traffic.ts";
import type { KeyRight } from "../../../../src/domain/access/rights.ts";
import { keyRoles } from "../../../../src/domain/access/roles.ts";
import { platformDatabase, roles } from "../../../../src/domain/platformDatabase.ts";
import { freshCache } from "../../../../src/services/api/freshCache.ts";
import { createMetrics } from "../../../../src/services/api/metrics.ts";
import { createApiServer } from "../../../../src/services/api/server.ts";
import { readSettings } from "../../../../src/services/api/settings.ts";
import type { CountRequest } from "../../../../src/services/api/traffic/countAnswer.ts";
import { makePlatformTables, rolePassword } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { expectWithinASecond } from "../../../support/withinASecond.ts";

/** The API service's server with the least-privileged role on a real PostgreSQL, and predictors that echo. */

const maxBodyBytes = 1_000_000;
let postgres: TestPostgres;
let pool: pg.Pool;
const servers: Server[] = [];
let predictors: readonly string[];
let open: string;
let guarded: string;
let apps: App[];
let stopping = false;
const logged: string[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  apps = await onPlatform(async (client) => {
    for (const number of [1, 2]) {
      const digest = `sha256:${String(number).repeat(64)}`;
      await registerVersion(client, {
        model: "iris",
        organization: "admin",
        number,
        hash: `h${number}`,
        digest,
        current: number === 1,
      });
    }
    return [
      await createApp(client, { zooModel: "iris", owner: "ada@example.com", name: "mine" }),
      await createApp(client, { zooModel: "iris", owner: "bob@example.com" }),
    ];
  });
  pool = new pg.Pool(clientConfig({ ...postgres.server, user: roles.api, password: rolePassword }, platformDatabase));
  // Connections that end with the server, after the last test.
  pool.on("error", () => {});
  predictors = [await predictor(1), await predictor(2)];
  open = await api(predictors, false);
  guarded = await api(predictors, true);
});

afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await pool.end();
  await postgres.stop();
});

function onPlatform<T>(work: Parameters<typeof withClient<T>>[2]): Promise<T> {
  return withClient(postgres.server, platformDatabase, work);
}

async function listening(server: Server): Promise<string> {
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers `version <n>: <body>`; the body `break` breaks the connection in the middle of the answer. */
function predictor(version: number): Promise<string> {
  return listening(
    createServer({ keepAliveTimeout: 0 }, async (request, response) => {
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of request) chunks.push(chunk as Buffer);
      } catch {
        // The service has cut a body off that was too large.
        return;
      }
      const body = Buffer.concat(chunks).toString();
      response.setHeader("x-purpose", String(request.headers["x-menagerie-purpose"]));
      response.setHeader("x-organization", String(request.headers["x-menagerie-organization"]));
      response.setHeader("x-saw", `${request.url} ${request.headers["x-request-id"]} ${request.headers["x-api-key"]}`);
      if (body === "silent") return response.destroy();
      if (body === "break") {
        response.writeHead(200, { "content-length": "100" });
        response.write("half");
        return setTimeout(() => response.destroy(), 20);
      }
      return response.writeHead(body === "bad" ? 400 : 200).end(`version ${version}: ${body}`);
    }),
  );
}

function api(predictors: readonly string[], required: boolean, count: CountRequest = () => {}): Promise<string> {
  return listening(
    createApiServer({
      access: { required, find: freshCache((prefix) => findKey(pool, prefix)) },
      pointer: freshCache((id) => readPointer(pool, id)),
      sides: freshCache((id) => readRolloutSides(pool, id)),
      atGateway: { namespace: "models", served: freshCache((name) => readPlatformModel(pool, name)) },
      checkDatabase: async () => void (await pool.query("SELECT 1")),
      originOf: ({ number }) => predictors[number - 1] ?? "http://127.0.0.1:1",
      predictPath: "/v1/models/model:predict",
      dispatcher: new Agent(),
      metrics: createMetrics({ standings: () => readStandings(pool), minute: () => readLastMinute(pool, Date.now()) }),
      count,
      log: pino({}, { write: (line: string) => void logged.push(line) }),
      maxBodyBytes,
      timeoutMs: 5_000,
      stopping: () => stopping,
    }),
  );
}

async function predict(id: string | undefined, headers: Record<string, string> = {}, body = "x", at = open) {
  const response = await fetch(`${at}/models/${id}/predict`, { method: "POST", headers, body });
  const text = await response.text();
  const code = /^\{"error":\{"code":"(\w+)"/.exec(text)?.[1];
  return { status: response.status, text, code, headers: response.headers };
}

function point(app: App | undefined, number: number): Promise<unknown> {
  return onPlatform((client) =>
    client.query(
      `UPDATE menagerie.model_version SET proxy_model_version_id =
         (SELECT v.id FROM menagerie.model_version v WHERE v.number = $2 AND v.truss_hash IS NOT NULL) WHERE id = $1`,
      [app?.versionId, number],
    ),
  );
}

describe("a prediction", () => {
  it("follows the app's pointer, within a second of its move", async () => {
    expect((await predict(apps[0]?.id)).text).toBe("version 1: x");
    await point(apps[0], 2);
    await expectWithinASecond(async () => (await predict(apps[0]?.id)).text, "version 2: x");
    expect((await predict(apps[1]?.id)).text).toBe("version 1: x");
    await point(apps[0], 1);
  });

  it("is told from the version's row whether a recorder takes it, and under which name it is served", async () => {
    const read = async () => (await readPointer(pool, apps[1]?.id ?? ""))?.serving;
    expect(await read()).toMatchObject({ number: 1, recorded: false });
    const serve = (serving: string) =>
      onPlatform((client) =>
        client.query("UPDATE menagerie.model_version SET serving = $1 WHERE truss_hash = 'h1'", [serving]),
      );
    await serve('{"service": "iris-v1-2", "recording": {"sample": 100}}');
    expect(await read()).toMatchObject({ service: "iris-v1-2", recorded: true });
    await serve("{}");
    expect(await read()).toMatchObject({ service: undefined, recorded: false });
  });

  it("of a rollout's new version is copied to the old one as the traffic says: where the new one answers all, until the rollout is over", async () => {
    const app = await onPlatform((client) => createApp(client, { zooModel: "iris", owner: "ada@example.com" }));
    const control = async () => (await readPointer(pool, app.id))?.serving?.control;
    const phase = (name: string) =>
      onPlatform((client) =>
        client.query(
          `INSERT INTO menagerie.rollout (model_id, phase, from_version_id, truss_hash)
           SELECT model_id, $1, id, 'h2' FROM menagerie.model_version WHERE truss_hash = 'h1'
           ON CONFLICT (model_id) DO UPDATE SET phase = excluded.phase`,
          [name],
        ),
      );
    const traffic = (weight: number, percent: number) =>
      onPlatform(async (client) => {
        const expected = (await readRolloutTraffic(client, "iris"))?.generation;
        await setTraffic(client, { model: "iris", expected, weight, control: percent, by: "up" });
      });
    await phase("forward");
    await traffic(100, 5);
    expect(await control()).toBeUndefined();
    await point(app, 2);
    expect(await control()).toEqual({
      percent: 5,
      version: { model: "iris", number: 1, service: undefined, recorded: false },
    });
    await traffic(50, 0);
    expect(await control()).toBeUndefined();
    await traffic(100, 0);
    expect(await control()).toBeUndefined();
    await traffic(100, 20);
    await phase("bake");
    expect(await control()).toMatchObject({ percent: 20 });
    const is = (status: string) =>
      onPlatform((client) =>
        client.query("UPDATE menagerie.model_version SET status = $1 WHERE truss_hash = 'h1'", [status]),
      );
    await is("inactive");
    expect(await control()).toBeUndefined();
    await is("active");
    await phase("done");
    expect(await control()).toBeUndefined();
    // The tests after this one begin without a rollout.
    await onPlatform((client) => client.query("DELETE FROM menagerie.rollout WHERE truss_hash = 'h2'"));
  });

  it("is refused as not found once the app is deleted, and answered again when it is back", async () => {
    const app = await onPlatform((client) => createApp(client, { zooModel: "iris", owner: "ada@example.com" }));
    const status = async () => (await predict(app.id)).status;
    expect(await status()).toBe(200);
    await onPlatform((client) => deleteApp(client, app.id));
    await expect.poll(status, { interval: 20 }).toBe(404);
    await onPlatform((client) => undeleteApp(client, app.id));
    await expect.poll(status, { interval: 20 }).toBe(200);
  });

  it("carries the request id on when it is a UUID, else a new one, and never the key", async () => {
    const id = "0b6e8a0c-7c6f-4f4c-9f0a-1d2c3b4a5f6e";
    const kept = await predict(apps[1]?.id, { "x-request-id": id });
    expect(kept.headers.get("x-saw")).toBe(`/v1/models/model:predict ${id} undefined`);
    expect(kept.headers.get("x-request-id")).toBe(id);
    expect((await predict(apps[1]?.id, { "x-request-id": "a b" })).headers.get("x-request-id")).toMatch(
      /^[0-9a-f-]{36}$/,
    );
  });

  it("brings the model's own refusal, and streams a large body through", async () => {
    expect(await predict(apps[1]?.id, {}, "bad")).toMatchObject({ status: 400, text: "version 1: bad" });
    const large = "y".repeat(maxBodyBytes);
    expect((await predict(apps[1]?.id, {}, large)).text).toBe(`version 1: ${large}`);
  });

  it("is refused when its body is too large, with a length and without", async () => {
    const large = "y".repeat(maxBodyBytes + 1);
    expect(await predict(apps[1]?.id, {}, large)).toMatchObject({ status: 413, code: "body_too_large" });
    const chunked = await fetch(`${open}/models/${apps[1]?.id}/predict`, {
      method: "POST",
      duplex: "half",
      body: new Blob([large]).stream(),
    });
    expect(chunked.status).toBe(413);
  });

  it("tells a model that answers nothing from one that is not there", async () => {
    expect(await predict(apps[1]?.id, {}, "silent")).toMatchObject({ status: 502, code: "model_failed" });
    await expect(predict(apps[1]?.id, {}, "break")).rejects.toThrow();
    const nowhere = await api([], false);
    expect(await predict(apps[1]?.id, {}, "x", nowhere)).toMatchObject({ status: 503, code: "model_unavailable" });
  });

  it.each(["999999", "0", "abc", "1;DROP", "9".repeat(30)])("of %s is not found", async (id) => {
    expect(await predict(id)).toMatchObject({ status: 404, code: "not_found" });
  });

  it("is made by POST", async () => {
    const response = await fetch(`${open}/models/1/predict`);
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

describe("a request of a batch", () => {
  const purpose = { "x-menagerie-purpose": "batch" };
  const asked = async (rights: readonly KeyRight[], headers: Record<string, string> = purpose) => {
    const { key } = await onPlatform((client) => createKey(client, { modelId: apps[0]?.id ?? "" }, rights));
    // Nothing that was asked before comes late to this one's counts.
    const counted: string[] = [];
    const own = await api(predictors, false, (_, outcome) => void counted.push(outcome));
    const answer = await predict(apps[0]?.id, { ...headers, "x-api-key": key }, "x", own);
    expect(answer.status).toBe(200);
    // A request is counted when its answer is over, which the client may know first.
    await predict(apps[1]?.id, {}, "bad", own);
    await expect.poll(() => counted).toContain("4xx_rejected");
    const { headers: answered } = answer;
    return {
      model: answered.get("x-purpose"),
      client: answered.get("x-menagerie-purpose"),
      counted,
    };
  };

  it("is told to the model's recorder and is not counted, where its key may make batches", async () => {
    expect(await asked(["batch"])).toEqual({ model: "batch", client: "batch", counted: ["4xx_rejected"] });
  });

  it("is any other request where its key may not, or there is none", async () => {
    expect(await asked([])).toMatchObject({ model: "undefined", client: null });
    expect(await asked(["export"])).toMatchObject({ model: "undefined", client: null });
    const without = await predict(apps[0]?.id, purpose);
    expect(without.headers.get("x-purpose")).toBe("undefined");
  });

  it("has no purpose but that one", async () => {
    expect(await asked(["batch"], { "x-menagerie-purpose": "batch, other" })).toMatchObject({ model: "undefined" });
    expect(await asked(["batch"], {})).toMatchObject({ model: "undefined", client: null });
  });
});

describe("whose a request is", () => {
  const said = async (headers: Record<string, string> = {}) =>
    (await predict(apps[0]?.id, headers)).headers.get("x-organization");
  const serve = (serving: string) =>
    onPlatform((client) =>
      client.query("UPDATE menagerie.model_version SET serving = $1 WHERE truss_hash = 'h1'", [serving]),
    );

  it("is told to a recorder by the app, whatever the client says, and to no model without one", async () => {
    const { rows } = await onPlatform((client) =>
      client.query<{ id: string }>("SELECT organization_id AS id FROM menagerie.model WHERE id = $1", [apps[0]?.id]),
    );
    const claimed = { "x-menagerie-organization": "999" };
    expect(await said(claimed)).toBe("undefined");
    await serve('{"recording": {"sample": 100}}');
    await expectWithinASecond(() => said(claimed), rows[0]?.id);
    const { key } = await onPlatform((client) => createKey(client, { modelId: apps[0]?.id ?? "" }));
    expect(await said({ ...claimed, "x-api-key": key })).toBe(rows[0]?.id);
    await serve("{}");
    await expectWithinASecond(() => said(claimed), "undefined");
  });
});

describe("API keys", () => {
  const newKey = (scope: Parameters<typeof createKey>[1]) => onPlatform((client) => createKey(client, scope));

  it("are not needed where they are not required, but a wrong one is refused there too", async () => {
    expect((await predict(apps[0]?.id)).status).toBe(200);
    expect(await predict(apps[0]?.id, { "x-api-key": "wrong" })).toMatchObject({
      status: 401,
      code: "invalid_api_key",
    });
    expect((await predict(apps[0]?.id, { authorization: "Api-Key wrong" })).status).toBe(401);
  });

  it("are needed where they are required", async () => {
    expect(await predict(apps[0]?.id, {}, "x", guarded)).toMatchObject({ status: 401, code: "missing_api_key" });
    const { key } = await newKey({ modelId: apps[0]?.id ?? "" });
    expect((await predict(apps[0]?.id, { "x-api-key": key }, "x", guarded)).status).toBe(200);
    expect((await predict(apps[0]?.id, { authorization: `Api-Key ${key}` }, "x", guarded)).status).toBe(200);
  });

  it("open their own model or organization, and do not tell what else exists", async () => {
    const { key } = await newKey({ modelId: apps[0]?.id ?? "" });
    for (const other of [apps[1]?.id, "999999"]) {
      expect(await predict(other, { "x-api-key": key }, "x", guarded)).toMatchObject({
        status: 403,
        code: "key_scope",
      });
    }
    const { rows } = await onPlatform((client) =>
      client.query("SELECT organization_id AS id FROM menagerie.model WHERE id = $1", [apps[1]?.id]),
    );
    const wide = await newKey({ organizationId: rows[0].id });
    expect((await predict(apps[1]?.id, { "x-api-key": wide.key }, "x", guarded)).status).toBe(200);
    expect((await predict(apps[0]?.id, { "x-api-key": wide.key }, "x", guarded)).status).toBe(403);
  });

  it.each(keyRoles)("of a person open no model, with role %s", async (role) => {
    const { rows } = await onPlatform((client) =>
      client.query<{ id: string }>("SELECT organization_id AS id FROM menagerie.model WHERE id = $1", [apps[0]?.id]),
    );
    for (const organizationId of [undefined, rows[0]?.id]) {
      const { key } = await onPlatform((client) => createRoleKey(client, role, organizationId));
      for (const at of [open, guarded]) {
        const refused = await predict(apps[0]?.id, { "x-api-key": key }, "x", at);
        expect(refused).toMatchObject({ status: 403, code: "key_scope" });
      }
    }
  });

  it("with one character changed are wrong", async () => {
    const { key } = await newKey({ modelId: apps[0]?.id ?? "" });
    const changed = key.slice(0, -1) + (key.endsWith("A") ? "B" : "A");
    expect((await predict(apps[0]?.id, { "x-api-key": changed }, "x", guarded)).status).toBe(401);
  });

  it("are refused within a second of being revoked", async () => {
    const { id, key } = await newKey({ modelId: apps[0]?.id ?? "" });
    expect((await predict(apps[0]?.id, { "x-api-key": key }, "x", guarded)).status).toBe(200);
    await onPlatform((client) => revokeKey(client, id));
    await expectWithinASecond(async () => (await predict(apps[0]?.id, { "x-api-key": key }, "x", guarded)).status, 401);
  });

  it("are stored nowhere and logged nowhere", async () => {
    const { key } = await newKey({ modelId: apps[0]?.id ?? "" });
    await predict(apps[0]?.id, { "x-api-key": key });
    const stored = await onPlatform((client) => client.query("SELECT k::text FROM menagerie.api_key k"));
    const secret = key.slice("mng_12345678_".length);
    expect(JSON.stringify(stored.rows)).not.toContain(secret);
    expect(logged.join("")).not.toContain(secret);
    await expect(onPlatform((client) => revokeKey(client, "nothing"))).rejects.toThrow('there is no key "nothing"');
  });
});

describe("the versions of a rollout", () => {
  const iris = () =>
    onPlatform(async (client) => {
      const { rows } = await client.query<{ id: string; organization: string }>(
        "SELECT id, organization_id AS organization FROM menagerie.model WHERE name = 'iris'",
      );
      return rows[0] ?? { id: "", organization: "" };
    });
  const asked = async (side: string, rights: readonly KeyRight[]) => {
    const { id, organization } = await iris();
    const { key } = await onPlatform((client) => createKey(client, { organizationId: organization }, rights));
    const headers = { "x-api-key": key, "x-menagerie-version": side };
    return predict(id, headers, "x", guarded);
  };

  it("answer who may move rollouts, by name, and are not counted for it", async () => {
    expect(await asked("new", ["operate"])).toMatchObject({ status: 409, code: "no_version" });
    const { id } = await iris();
    await onPlatform((client) =>
      client.query(
        `INSERT INTO menagerie.rollout (model_id, phase, from_version_id, truss_hash)
         SELECT $1, 'version', id, 'h2' FROM menagerie.model_version WHERE model_id = $1 AND number = 1`,
        [id],
      ),
    );
    await expect.poll(async () => (await asked("new", ["operate"])).text).toBe("version 2: x");
    // As of a batch: that is what neither the service nor recorders count.
    expect((await asked("new", ["operate"])).headers.get("x-purpose")).toBe("batch");
    expect((await asked("old", ["operate"])).text).toBe("version 1: x");
  });

  it("answer by the model's name what a gateway passes on, and nobody's who has no key for it", async () => {
    const { organization } = await iris();
    const counted: string[] = [];
    const own = await api(predictors, true, (_, outcome) => void counted.push(outcome));
    const passedOn = async (name: string, rights: readonly KeyRight[], side = "new") => {
      const { key } = await onPlatform((client) => createKey(client, { organizationId: organization }, rights));
      const headers = { "x-api-key": key, "x-menagerie-version": side };
      const path = `${own}/models/serving/models/${name}/v1/models/model:predict?api_key=${key}`;
      const response = await fetch(path, { method: "POST", headers, body: "x" });
      return { status: response.status, text: await response.text(), saw: response.headers.get("x-saw") };
    };
    expect(await passedOn("iris", ["operate"])).toMatchObject({ status: 200, text: "version 2: x" });
    expect(await passedOn("iris", ["operate"], "old")).toMatchObject({ status: 200, text: "version 1: x" });
    expect((await passedOn("iris", ["operate"])).saw).toMatch(/^\/v1\/models\/model:predict /);
    expect(await passedOn("iris", [])).toMatchObject({ status: 200, text: "version 1: x" });
    // The last one alone.
    await expect.poll(() => counted).toEqual(["2xx"]);
    expect((await passedOn("nobody", ["operate"])).status).toBe(403);
    const open = await fetch(`${guarded}/models/serving/models/iris/v1/models/model:predict`, { method: "POST" });
    expect(open.status).toBe(401);
  });

  it("are not chosen by anybody else: the current one answers", async () => {
    expect((await asked("new", [])).text).toBe("version 1: x");
    expect((await asked("newest", ["operate"])).text).toBe("version 1: x");
    const { id } = await iris();
    expect((await predict(id, { "x-menagerie-version": "new" })).text).toBe("version 1: x");
    expect(await predict(apps[0]?.id, { "x-menagerie-version": "new" })).toMatchObject({ status: 200 });
  });
});

describe("the service itself", () => {
  it("answers health, readiness and metrics, and logs predictions as JSON", async () => {
    const get = async (path: string) => (await fetch(open + path)).status;
    expect([await get("/healthz"), await get("/readyz"), await get("/nowhere")]).toEqual([200, 200, 404]);
    const metrics = await (await fetch(`${open}/metrics`)).text();
    expect(metrics).toMatch(/menagerie_api_apps\{model="iris",version="1"\} \d+/);
    expect(metrics).toMatch(/menagerie_requests_counted_seconds\{path="app"\} 0/);
    // By which autoscalers know of what passes no gateway.
    expect(metrics).toMatch(/menagerie_api_version_requests_total\{inference_service="iris-v1"\} [1-9]\d*/);
    expect(metrics).toMatch(/menagerie_api_version_requests_in_flight\{inference_service="iris-v2"\} 0/);
    const entries = logged.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries).toContainEqual(expect.objectContaining({ msg: "prediction", servedBy: "iris", status: 200 }));
  });

  it("is alive but not ready once it is told to stop", async () => {
    stopping = true;
    expect((await fetch(`${open}/readyz`)).status).toBe(503);
    expect((await fetch(`${open}/healthz`)).status).toBe(200);
    stopping = false;
  });

  it("says which of its settings is wrong, without a value", () => {
    expect(() => readSettings({ MENAGERIE_REQUIRE_API_KEY: "hunter2" })).toThrow(
      /cannot start: MENAGERIE_DATABASE_URL: .*MENAGERIE_MODELS_NAMESPACE: .*MENAGERIE_REQUIRE_API_KEY: /,
    );
    expect(() => readSettings({ MENAGERIE_REQUIRE_API_KEY: "hunter2" })).not.toThrow(/hunter2/);
  });
});

describe("what is asked of the database", () => {
  it("is asked once for all who ask at the same time, again after half a second, and failures are not kept", async () => {
    let now = 0;
    let asked = 0;
    const cache = freshCache(
      async (key) => {
        asked += 1;
        if (key === "broken") throw new Error("down");
        return asked;
      },
      { now: () => now },
    );
    expect(await Promise.all([cache("a"), cache("a"), cache("b")])).toEqual([1, 1, 2]);
    now = 499;
    expect(await cache("a")).toBe(1);
    now = 500;
    expect(await cache("a")).toBe(3);
    await expect(cache("broken")).rejects.toThrow("down");
    await expect(cache("broken")).rejects.toThrow("down");
    expect(asked).toBe(5);
  });
});
