import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createKey, createRoleKey, revokeKey } from "../../../../src/adapters/postgres/apiKeys.ts";
import { recordAudit } from "../../../../src/adapters/postgres/audit.ts";
import { makeConsoleLink } from "../../../../src/adapters/postgres/console/links.ts";
import { databaseRecordings } from "../../../../src/adapters/postgres/console/recordings.ts";
import { closeDeployment, openDeployment } from "../../../../src/adapters/postgres/deployments.ts";
import { currentJudgement, foldStored, storeRows } from "../../../../src/adapters/postgres/judgement/judgements.ts";
import { compareRecorded } from "../../../../src/adapters/postgres/predictions/compareRecorded.ts";
import { ensurePredictionTables } from "../../../../src/adapters/postgres/predictions/ensureTables.ts";
import { predictionReaders } from "../../../../src/adapters/postgres/rights/files.ts";
import { urlOf, withClient } from "../../../../src/adapters/postgres/server.ts";
import { run } from "../../../../src/cli/program.ts";
import { allows, type KeyRole, keyRoles } from "../../../../src/domain/access/roles.ts";
import { sections } from "../../../../src/domain/console/frame.ts";
import { enterLink } from "../../../../src/domain/console/link.ts";
import { platformDatabase } from "../../../../src/domain/platformDatabase.ts";
import { silent } from "../../../../src/domain/progress.ts";
import { comparedSubject, type DeployedShadow } from "../../../../src/domain/shadow/deployed.ts";
import { describeComparison } from "../../../../src/domain/shadow/description.ts";
import { evidenceHash, evidenceOf } from "../../../../src/domain/shadow/evidence.ts";
import { headlineOf } from "../../../../src/domain/shadow/headline.ts";
import { sendForm, startConsole, type TestConsole } from "../../../support/consoleServer.ts";
import { deploy, run as deploymentRun, intentOf, serving } from "../../../support/deploymentRecord.ts";
import { usualJudge } from "../../../support/judge/judgedModel.ts";
import { exampleDeployment } from "../../../support/pages.ts";
import { makePlatformTables } from "../../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { storePredictions } from "../../../support/predictions.ts";
import { makeRollout, type TestRollout } from "../../../support/rolloutTables.ts";

/** The console over a real PostgreSQL, by its own login. */

let postgres: TestPostgres;
let served: TestConsole;
let rollout: TestRollout;
let organizationId: string;
let developmentId: string;
const keys = new Map<string, string>();
const hostile = `<script>document.title="run"</script>"'<img src=x onerror=alert(1)>`;

const sql = <Row extends object>(text: string, values: readonly unknown[] = []) =>
  withClient(postgres.server, platformDatabase, async (client) => (await client.query<Row>(text, [...values])).rows);

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  rollout = await makeRollout(postgres.server, 3);
  [{ id: organizationId } = { id: "" }] = await sql<{ id: string }>(
    "SELECT id::text AS id FROM menagerie.organization WHERE NOT is_admin ORDER BY id LIMIT 1",
  );
  await withClient(postgres.server, platformDatabase, async (client) => {
    for (const role of keyRoles) {
      keys.set(role, (await createRoleKey(client, role, undefined)).key);
      keys.set(`${role} of an organization`, (await createRoleKey(client, role, organizationId)).key);
    }
    keys.set("predicting", (await createKey(client, { organizationId }, ["operate"])).key);
  });
  developmentId = await patchedVersion("sketch");
  await recordChats(exampleDeployment);
  served = await startConsole(postgres.server);
  served.shadows = { chat: exampleDeployment };
}, 60_000);

/** 20 chats of a minute ago on both sides, of which five differ. */
async function recordChats({ primary, shadows: { bold } }: DeployedShadow): Promise<void> {
  // Partitions begin with today.
  const at = Math.max(Date.now() - 60_000, new Date().setUTCHours(0, 0, 0, 0));
  const said = (content: string) => ({ choices: [{ index: 0, message: { role: "assistant", content } }] });
  const chats = (version: string, answer: (place: number) => string) =>
    Array.from({ length: 20 }, (_, place) => ({
      id: `chat-${place}`,
      at: new Date(at + place),
      request: { messages: [{ role: "user", content: `what clients ask ${hostile}` }], temperature: 0 },
      response: said(answer(place)),
      operation: "chat",
      url: "/openai/v1/chat/completions",
      version,
    }));
  await withClient(postgres.server, platformDatabase, async (client) => {
    for (const [side, answer] of [
      [primary, () => "what the primary says"],
      [bold, (place: number) => (place < 5 ? "what the shadow says" : "what the primary says")],
    ] as const) {
      if (!side) continue;
      await ensurePredictionTables(client, side.schema, { readers: predictionReaders });
      await storePredictions(client, side.schema, chats(side.version, answer));
    }
  });
}

/** A development version of the organization with two patches, of which the second was timed. */
async function patchedVersion(name: string): Promise<string> {
  const ops = (content: string) =>
    JSON.stringify([{ type: "model_code", body: { action: "UPDATE", path: "model.py", content } }]);
  const [row] = await sql<{ id: string }>(
    `WITH m AS (INSERT INTO menagerie.model (name, organization_id) VALUES ($1, $2) RETURNING id)
     INSERT INTO menagerie.model_version (model_id, number, truss_hash, is_development)
     SELECT id, 1, 'base', true FROM m RETURNING id::text AS id`,
    [name, organizationId],
  );
  const id = row?.id ?? "";
  await sql("INSERT INTO menagerie.truss_generation (model_version_id, generation, base_hash) VALUES ($1, 1, 'base')", [
    id,
  ]);
  await sql(
    `INSERT INTO menagerie.truss_patch (model_version_id, generation, seq, prev_hash, next_hash, ops, sent_by)
     VALUES ($1, 1, 1, 'base', 'one', $2, 'the stack'), ($1, 1, 2, 'one', 'two', $3, 'key Ab12Cd34')`,
    [id, ops("first content\n"), ops("second content <script>\n")],
  );
  await sql(
    `INSERT INTO menagerie.truss_head (model_version_id, generation, seq, hash, signature) VALUES ($1, 1, 2, 'two', '{}')`,
    [id],
  );
  await sql(
    `INSERT INTO menagerie.truss_reload (model_version_id, generation, seq, is_hot, took_ms, apply_ms)
     VALUES ($1, 1, 2, true, 62, 10)`,
    [id],
  );
  return id;
}

afterAll(async () => {
  await served.stop();
  await postgres.stop();
});

const loginWith = (name: string) => served.login(keys.get(name) ?? "");

describe("sessions", () => {
  it("are begun by keys that have a role, and by no other", async () => {
    const { status, text } = await (await loginWith("viewer")).get("/environment");
    expect(status).toBe(200);
    expect(text).toContain("viewer of the environment");
    for (const key of [keys.get("predicting") ?? "", "mng_AAAAAAAA_".padEnd(56, "x"), "", hostile]) {
      const answer = await sendForm(`${served.url}/login`, { key, next: "/" });
      expect(answer.status).toBe(403);
      expect(answer.headers.get("set-cookie")).toBeNull();
      const page = await answer.text();
      expect(page).toContain("wrong or revoked");
      expect(key !== "" && page.includes(key)).toBe(false);
    }
  });

  it("have a cookie that scripts and other sites do not get, and no id in the database", async () => {
    const answer = await sendForm(`${served.url}/login`, { key: keys.get("viewer") ?? "", next: "/activity" });
    expect(answer.headers.get("location")).toBe("/activity");
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    const secure = await sendForm(
      `${served.url}/login`,
      { key: keys.get("viewer") ?? "", next: "//elsewhere.example" },
      { "x-forwarded-proto": "https" },
    );
    expect(secure.headers.get("set-cookie")).toMatch(/; Secure$/);
    expect(secure.headers.get("location")).toBe("/");
    const id = /=([^;]+)/.exec(cookie)?.[1] ?? "";
    const rows = await sql("SELECT hash::text, * FROM menagerie.console_session");
    expect(JSON.stringify(rows)).not.toContain(id);
  });

  it("are of the browser that logged in: a cookie that was stolen opens nothing without the browser's name", async () => {
    const browser = await loginWith("viewer");
    expect((await browser.get("/environment")).status).toBe(200);
    const thief = { "user-agent": "another browser" };
    expect((await browser.get("/environment", thief)).status).toBe(303);
    expect((await browser.get("/events", thief)).status).toBe(401);
    const logout = await browser.post("/logout", { token: await browser.token() }, thief);
    expect(logout.status).toBe(303);
    expect((await browser.get("/environment")).status).toBe(200);
  });

  it("end after 15 minutes without use, which live updates are not", async () => {
    const browser = await loginWith("viewer");
    const age = (minutes: number) =>
      sql("UPDATE menagerie.console_session SET used_at = now() - $1 * interval '1 minute'", [minutes]);
    await age(14);
    expect((await browser.get("/environment", { "x-menagerie-live": "1" })).status).toBe(200);
    const used = await sql<{ old: boolean }>(
      "SELECT bool_and(used_at < now() - interval '13 minutes') AS old FROM menagerie.console_session",
    );
    expect(used).toEqual([{ old: true }]);
    expect((await browser.get("/environment")).status).toBe(200);
    await age(16);
    const over = await browser.get("/environment?q=a");
    expect(over.status).toBe(303);
    expect(over.headers.get("location")).toBe("/login?next=%2Fenvironment%3Fq%3Da");
    expect((await browser.get("/events")).status).toBe(401);
  });

  it("end with their key, and by hand with the pair of the cookie alone", async () => {
    const made = await withClient(postgres.server, platformDatabase, (client) =>
      createRoleKey(client, "viewer", undefined),
    );
    const browser = await served.login(made.key);
    const token = await (await loginWith("viewer")).token();
    const attempts = [
      await browser.post("/logout", {}),
      await browser.post("/logout", { token }),
      await browser.post("/logout", { token: await browser.token() }, { origin: "http://elsewhere.example" }),
      await browser.post("/logout", { token: await browser.token() }, { "sec-fetch-site": "cross-site" }),
    ];
    expect(attempts.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect((await browser.get("/environment")).status).toBe(200);
    expect((await browser.post("/logout", { token: await browser.token() })).status).toBe(303);
    expect((await browser.get("/environment")).status).toBe(303);

    const again = await served.login(made.key);
    await withClient(postgres.server, platformDatabase, (client) => revokeKey(client, made.prefix));
    expect((await again.get("/environment")).status).toBe(303);
    await expect(served.login(made.key)).rejects.toThrow("403");
  });

  it("are begun by a link of the operator's, once and within a minute, and by no other site's", async () => {
    const link = async (role: KeyRole = "operator") => {
      const code = await withClient(postgres.server, platformDatabase, (client) =>
        makeConsoleLink(client, role, "ada@laptop"),
      );
      return enterLink(served.url, code);
    };
    const enter = (url: string, headers: Readonly<Record<string, string>> = {}) =>
      fetch(url, { redirect: "manual", headers: { "user-agent": "a browser", ...headers } });
    const first = await link();
    expect((await enter(first, { "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await fetch(first, { method: "HEAD", redirect: "manual" })).headers.get("set-cookie")).toBeNull();
    const entered = await enter(first, { "sec-fetch-site": "none" });
    expect([entered.status, entered.headers.get("location")]).toEqual([303, "/"]);
    const cookie = /^[^;]+/.exec(entered.headers.get("set-cookie") ?? "")?.[0] ?? "";
    const page = await fetch(`${served.url}/environment`, { headers: { cookie, "user-agent": "a browser" } });
    expect(await page.text()).toContain("operator of the environment");
    const again = await enter(first);
    expect([again.status, again.headers.get("set-cookie")]).toEqual([403, null]);
    expect(await again.text()).toContain("This link was used");

    const old = await link("viewer");
    await sql("UPDATE menagerie.console_link SET made_at = now() - interval '61 seconds'");
    expect((await enter(old)).status).toBe(403);
    expect((await enter(`${served.url}/enter`)).status).toBe(403);
    const rows = await sql<{ who: string; details: object }>(
      "SELECT who, details FROM menagerie.audit WHERE what = 'console.login' ORDER BY id DESC LIMIT 1",
    );
    expect(rows).toEqual([{ who: "ada@laptop", details: { role: "operator", organizationId: null } }]);
    expect(await sql("SELECT FROM menagerie.console_link")).toEqual([]);
    expect(served.logged.join("\n")).not.toContain(new URL(first).searchParams.get("code"));
  });

  it("are noted in the audit without the key", async () => {
    await loginWith("inspector");
    const rows = await sql<{ who: string; login: string; details: object }>(
      "SELECT who, login, details FROM menagerie.audit WHERE what = 'console.login' ORDER BY id DESC LIMIT 1",
    );
    const key = keys.get("inspector") ?? "";
    expect(rows).toEqual([
      {
        who: `key ${key.split("_")[1]}`,
        login: "menagerie_console",
        details: { role: "inspector", organizationId: null },
      },
    ]);
  });
});

describe.each(keyRoles)("%s", (role: KeyRole) => {
  it("of the environment sees every page", async () => {
    const browser = await loginWith(role);
    for (const { path } of sections) expect([path, (await browser.get(path)).status]).toEqual([path, 200]);
    expect((await browser.get(`/rollout/${rollout.model}`)).status).toBe(200);
  });

  it("of an organization sees its own pages alone", async () => {
    const browser = await loginWith(`${role} of an organization`);
    for (const { path, ofOrganization } of [
      ...sections,
      { path: `/rollout/${rollout.model}`, ofOrganization: false },
    ]) {
      const { status, text } = await browser.get(path);
      expect([path, status]).toEqual([path, ofOrganization ? 200 : 403]);
      if (!ofOrganization) expect(text).not.toContain(rollout.hash);
    }
  });
});

describe("pages", () => {
  it("say whose request they are, and let nothing else be loaded or run", async () => {
    const browser = await loginWith("viewer");
    const { headers, text } = await browser.get("/environment");
    expect(headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'self'; script-src 'self';/);
    expect(headers.get("content-security-policy")).not.toContain("unsafe");
    expect(headers.get("cache-control")).toBe("no-store");
    const loaded = [...text.matchAll(/(?:src|href|action)="([^"]*)"/g)].map(([, to]) => to ?? "");
    expect(loaded.filter((to) => !/^(?:\/|#|data:,)/.test(to))).toEqual([]);
    for (const path of loaded.filter((to) => to.startsWith("/assets/"))) {
      const asset = await browser.get(path);
      expect(asset.status).toBe(200);
      expect(asset.headers.get("cache-control")).toContain("immutable");
    }
    expect((await browser.get("/nothing")).status).toBe(404);
    expect((await browser.get("/rollout/nobody")).status).toBe(404);
  });

  it("show HTML in names and errors as text", async () => {
    await withClient(postgres.server, platformDatabase, (client) =>
      recordAudit(client, { who: hostile, what: "key.create", details: { reason: hostile } }),
    );
    served.served = [
      { model: hostile, kind: "shadow", service: hostile, hash: hostile, state: "down", because: hostile },
    ];
    const browser = await loginWith("viewer");
    // What the cluster said a moment ago is shown to everybody for that moment.
    await expect.poll(async () => (await browser.get("/environment")).text).toContain("&#60;script&#62;");
    for (const path of [
      "/activity",
      "/environment",
      `/environment?q=${encodeURIComponent(hostile)}`,
      `/rollout/${encodeURIComponent(hostile)}`,
    ]) {
      const { text } = await browser.get(path);
      expect([path, /<script>|<img/.test(text)]).toEqual([path, false]);
      expect([path, text.includes("&#60;script&#62;")]).toEqual([path, true]);
    }
    served.served = [];
  });

  it("hold no secret", async () => {
    const browser = await loginWith("operator");
    const texts = await Promise.all(sections.map(async ({ path }) => (await browser.get(path)).text));
    const secrets = await sql<{ secret: string }>("SELECT encode(hash, 'hex') AS secret FROM menagerie.api_key");
    const all = [...secrets.map(({ secret }) => secret), ...keys.values(), String(postgres.server.password)];
    expect(all.filter((secret) => texts.some((text) => text.includes(secret)))).toEqual([]);
  });

  it("give up on a question that takes more than 2 s, and say so", async () => {
    const browser = await loginWith("viewer");
    await withClient(postgres.server, platformDatabase, async (client) => {
      await client.query("BEGIN; LOCK TABLE menagerie.rollout_step IN ACCESS EXCLUSIVE MODE");
      const { status, text } = await browser.get("/activity");
      await client.query("ROLLBACK");
      expect(status).toBe(503);
      expect(text).toContain("more than 2 s");
    });
    expect((await browser.get("/activity")).status).toBe(200);
  });

  it("hear of a change within 2 s, and of the end of their session", async () => {
    const browser = await loginWith("viewer");
    const events = await fetch(`${served.url}/events`, {
      headers: { cookie: browser.cookie, "user-agent": browser.name },
    });
    const reader = (events.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let heard = "";
    const hear = async (event: string): Promise<number> => {
      heard = "";
      while (!heard.includes(`event: ${event}\n`)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`the stream ended before ${event}`);
        heard += value;
      }
      return performance.now();
    };
    // It listens once it has said so.
    heard += (await reader.read()).value ?? "";
    await hear("counts");
    const changedAt = performance.now();
    await sql(
      "INSERT INTO menagerie.rollout_step (model_id, phase_before, phase, truss_hash) VALUES ($1, 'forward', 'bake', $2)",
      [rollout.modelId, rollout.hash],
    );
    expect((await hear("state")) - changedAt).toBeLessThan(2_000);
    expect((await browser.get("/activity")).text).toContain("forward → bake");
    await browser.post("/logout", { token: await browser.token() });
    await hear("ended");
    await reader.cancel();
  }, 30_000);
});

describe("what a patch writes", () => {
  it("is seen by whoever may, each time with a row in the audit, and by nobody else", async () => {
    const path = `/development/${developmentId}/1/2`;
    const seen = async () =>
      (
        await sql<{ who: string; details: object }>(
          "SELECT who, details FROM menagerie.audit WHERE what = 'console.bodies' AND details->>'page' = 'patch' ORDER BY id",
        )
      ).map(({ who, details }) => [who, details]);
    for (const name of ["viewer", "viewer of an organization"]) {
      const { status, text } = await (await loginWith(name)).get(path);
      expect([name, status, text.includes("second content")]).toEqual([name, 403, false]);
    }
    expect(await seen()).toEqual([]);
    for (const name of ["inspector", "operator of an organization"]) {
      const { status, text } = await (await loginWith(name)).get(path);
      expect([name, status]).toEqual([name, 200]);
      expect(text).toContain("<del>- first content</del>");
      expect(text).toContain("<ins>+ second content &#60;script&#62;</ins>");
      // It is loaded by hand alone: each time is noted.
      expect(text).not.toContain("<script");
    }
    const details = { page: "patch", model: "sketch", versionId: developmentId, generation: 1, seq: 2 };
    expect(await seen()).toEqual(
      ["inspector", "operator of an organization"].map((name) => [`key ${keys.get(name)?.split("_")[1]}`, details]),
    );
  });

  it("is of other organizations not even known", async () => {
    const [other] = await sql<{ id: string }>(
      "INSERT INTO menagerie.organization (name) VALUES ('another') RETURNING id::text AS id",
    );
    const { key } = await withClient(postgres.server, platformDatabase, (client) =>
      createRoleKey(client, "inspector", other?.id),
    );
    const browser = await served.login(key);
    for (const path of [`/development/${developmentId}/1/2`, `/development/${developmentId}`])
      expect((await browser.get(path)).status).toBe(404);
    expect((await browser.get("/development")).text).not.toContain("sketch");
  });
});

describe("what clients sent and models answered", () => {
  const path = "/shadow/chat/bold/pairs?since=1h";

  it("is seen by whoever may, each time with a row in the audit, and by nobody else", async () => {
    const seen = () =>
      sql<{ who: string; details: object }>(
        "SELECT who, details FROM menagerie.audit WHERE what = 'console.bodies' AND details->>'page' = 'shadow' ORDER BY id",
      );
    for (const name of ["viewer", "inspector of an organization"]) {
      const { status, text } = await (await loginWith(name)).get(path);
      expect([name, status, /what the (?:primary|shadow) says|what clients ask/.test(text)]).toEqual([
        name,
        403,
        false,
      ]);
    }
    expect(await seen()).toEqual([]);
    const { status, text } = await (await loginWith("inspector")).get(path);
    expect(status).toBe(200);
    expect(text).toContain("what clients ask &#60;script&#62;");
    expect(text).toMatch(/<del>primary<\/del>|<ins>shadow<\/ins>/);
    expect(text).not.toMatch(/<script|<img/);
    expect(await seen()).toEqual([
      {
        who: `key ${keys.get("inspector")?.split("_")[1]}`,
        details: { page: "shadow", deployment: "chat", shadow: "bold", since: "1h" },
      },
    ]);
  });

  it("is on no page of counts", async () => {
    for (const name of ["viewer", "operator"]) {
      const { status, text } = await (await loginWith(name)).get("/shadow/chat/bold");
      expect([name, status]).toEqual([name, 200]);
      expect(text).toContain("choices[*].message.content");
      expect(text).not.toMatch(/what the (?:primary|shadow) says|what clients ask/);
    }
  });

  it("is compared within the time of a page, and no longer", async () => {
    await withClient(postgres.server, platformDatabase, async (client) => {
      await client.query(
        `BEGIN; LOCK TABLE ${exampleDeployment.primary.schema}.inference_requests IN ACCESS EXCLUSIVE MODE`,
      );
      const { status, text } = await (await loginWith("viewer")).get("/shadow/chat/bold?since=7d");
      await client.query("ROLLBACK");
      expect(status).toBe(200);
      expect(text).toContain("Choose a shorter time");
    });
  });
});

describe("bodies", () => {
  const at = new Date();
  const day = at.toISOString().slice(0, 10);
  const path = (id: string) => `/recorded/recorded_iris/${day}/${id}/1`;
  const views = () =>
    sql<{ who: string; details: { request: string } }>(
      "SELECT who, details FROM menagerie.audit WHERE what = 'recording.view' ORDER BY id",
    );

  beforeAll(async () => {
    await withClient(postgres.server, platformDatabase, async (client) => {
      await client.query("CREATE SCHEMA recorded_iris AUTHORIZATION menagerie_owner");
      await client.query("SET ROLE menagerie_owner");
      await ensurePredictionTables(client, "recorded_iris");
      const request = { text: hostile, big: "kept" };
      await storePredictions(client, "recorded_iris", [
        { id: "theirs", at, request, response: { answer: hostile }, organization: organizationId },
        { id: "nobody's", at, request, raw: hostile },
      ]);
      // Not a recording: a view would run what its maker wrote with the owner's rights.
      await client.query("RESET ROLE; CREATE SCHEMA recorded_view");
      await client.query(
        "CREATE VIEW recorded_view.inference_requests AS SELECT * FROM recorded_iris.inference_requests; CREATE VIEW recorded_view.inference_response AS SELECT * FROM recorded_iris.inference_response",
      );
    });
  });

  it.each(keyRoles)("are shown to whom a role lets see them, each view in the audit: %s", async (role) => {
    const before = (await views()).length;
    const browser = await loginWith(role);
    const list = await browser.get("/recorded/recorded_iris");
    expect(list.status).toBe(200);
    expect(list.text).toContain("theirs");
    expect(list.text).not.toContain("kept");
    const { status, text } = await browser.get(path("theirs"));
    const seen = await views();
    if (!allows(role, "bodies")) {
      expect(status).toBe(403);
      expect(seen).toHaveLength(before);
      // Nor does the database, whoever asks it.
      const proof = { id: browser.cookie.split("=")[1] ?? "", browser: browser.name };
      const exchange = { schema: "recorded_iris", day, requestId: "theirs", attempt: 1 };
      expect(await databaseRecordings(served.pool)(proof).exchange(exchange)).toBeUndefined();
      return;
    }
    expect(status).toBe(200);
    expect(text).toContain("kept");
    expect(/<script>|<img/.test(text)).toBe(false);
    expect(seen.slice(before)).toEqual([
      {
        who: `key ${keys.get(role)?.split("_")[1]}`,
        details: { schema: "recorded_iris", request: "theirs", attempt: 1, day, organizationId: null },
      },
    ]);
    const raw = await browser.get(path("nobody's"));
    expect(raw.text).toContain("&#60;script&#62;");
    expect((await browser.get(path("none"))).status).toBe(404);
    expect((await browser.get("/recorded/recorded_view")).status).toBe(404);
    expect((await browser.get("/recorded/menagerie")).status).toBe(404);
  });

  it("of other organizations are nobody's", async () => {
    const browser = await loginWith("inspector of an organization");
    const { text } = await browser.get("/recorded/recorded_iris");
    expect(text).toContain("theirs");
    expect(text).not.toContain("nobody");
    expect((await browser.get(path("theirs"))).status).toBe(200);
    expect((await browser.get(path("nobody's"))).status).toBe(404);
  });
});

describe("what a page shows", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  /** What a command prints. */
  async function printedText(...argv: string[]): Promise<string> {
    const lines: string[] = [];
    vi.stubEnv("MENAGERIE_DATABASE_URL", urlOf(postgres.server, "postgres"));
    vi.stubEnv("MENAGERIE_HOME", "/nonexistent");
    vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
    expect(await run(argv)).toBe(0);
    return lines.join("\n");
  }

  /** The same, as JSON. */
  async function printed<T>(...argv: string[]): Promise<T> {
    return JSON.parse(await printedText(...argv, "--json")) as T;
  }

  const readable = (markup: string): string =>
    markup.replaceAll(/<[^>]*>/g, " ").replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));

  async function mainOf(path: string): Promise<string> {
    const { text } = await (await loginWith("viewer")).get(path);
    return text.slice(text.indexOf("<main"), text.indexOf("</main>"));
  }

  /** A page's text, without its tags. */
  async function shownAt(path: string): Promise<string> {
    return readable(await mainOf(path)).replaceAll(/\s+/g, " ");
  }

  beforeAll(async () => {
    await sql(
      "INSERT INTO menagerie.usage (organization_id, app_id, model, day, requests, tokens_in, tokens_out) VALUES ($1, 0, $2, current_date, 1234, 56, 7)",
      [organizationId, rollout.model],
    );
  });

  it("is what the command prints: rollouts, word for word", async () => {
    const block = async () =>
      readable(
        /<pre[^>]*><code>([\s\S]*?)<\/code><\/pre>/.exec(
          (await mainOf(`/rollout/${rollout.model}`)).split('id="said"')[1] ?? "",
        )?.[1] ?? "",
      );
    // How long ago something was may have become another word in between.
    await expect.poll(async () => (await block()) === (await printedText("rollout", rollout.model))).toBe(true);
  });

  it("is what the command prints: models", async () => {
    const standings =
      await printed<
        {
          name: string;
          phase: string;
          versions: { number: number; hash: string; apps: number; isCurrent: boolean }[];
        }[]
      >("rollout");
    const page = await shownAt("/environment");
    expect(standings.map(({ name }) => name)).toContain(rollout.model);
    for (const { name, versions } of standings) {
      expect(page).toContain(name);
      for (const { number, hash, apps, isCurrent } of versions.filter((each) => each.isCurrent || each.apps > 0))
        expect(page).toMatch(
          new RegExp(`v${number} ${isCurrent ? "current " : ""}${hash.slice(0, 12)} (?:–|\\d+ %) ${apps} `),
        );
    }
  });

  it("is what the command prints: an app and its moves", async () => {
    const [first] = await printed<{ id: string }[]>("app", "list");
    const read = () =>
      printed<{ zooModel: string; version: number; moves: { kind: string; at: string; toVersion: number }[] }>(
        "app",
        "show",
        first?.id ?? "",
      );
    expect((await read()).moves.map(({ kind, toVersion }) => [kind, toVersion])).toEqual([["made", 1]]);
    await rollout.move("forward");
    await rollout.move("reverted");
    const { zooModel, version, moves } = await read();
    expect(moves.map(({ kind, toVersion }) => [kind, toVersion])).toEqual([
      ["back", 1],
      ["forward", 2],
      ["made", 1],
    ]);
    const page = await shownAt(`/apps/${first?.id}`);
    expect(page).toContain(`Answered by ${zooModel} v${version}`);
    for (const { at } of moves) expect(page).toContain(at.slice(0, 19).replace("T", " "));
    expect(page).toContain(`${zooModel} v1 → v2`);
    expect((await (await loginWith("viewer of an organization")).get(`/apps/${first?.id}`)).status).toBe(200);
    for (const path of ["/apps/0", "/apps/x", `/apps/${rollout.modelId}`])
      expect([path, (await (await loginWith("viewer")).get(path)).status]).toEqual([path, 404]);
  });

  it("is what the command prints: releases", async () => {
    const tags = await withClient(postgres.server, platformDatabase, async (client) => [
      await deploy(client, "prod", { iris: 1 }),
      await deploy(client, "prod", { iris: 2 }),
    ]);
    const ranges = await printed<{ tag: string; since: string; requestedBy: string }[]>("releases");
    expect(ranges.map(({ tag }) => tag)).toEqual(tags.toReversed());
    const page = await shownAt("/releases");
    for (const { tag, since, requestedBy } of ranges) {
      expect(page).toContain(tag);
      expect(page).toContain(since.slice(0, 19).replace("T", " "));
      expect(page).toContain(requestedBy);
    }
    expect(page).toContain(`menagerie restore ${tags[0]} -s prod`);
    const [newest, oldest] = await printed<{ id: string }[]>("releases");
    const diff = `releases diff ${oldest?.id} ${newest?.id} -s prod`;
    expect(page).toContain(`menagerie ${diff}`);
    // The command that the page gives is one, and has a page of its own.
    const lines = (await printedText(...diff.split(" "))).split("\n");
    expect(lines).toContain("iris: 1 → 2");
    const href = /href="(\/releases\/diff\?[^"]*)"/.exec(await mainOf("/releases"))?.[1] ?? "";
    const difference = await shownAt(readable(href));
    for (const line of lines) expect(difference).toContain(line);
    expect(difference).toContain(`menagerie ${diff}`);
    for (const query of [
      "",
      "?stack=prod",
      `?stack=staging&from=${oldest?.id}&to=${newest?.id}`,
      "?stack=prod&from=x&to=1",
    ])
      expect([query, (await (await loginWith("viewer")).get(`/releases/diff${query}`)).status]).toEqual([query, 404]);
    expect((await (await loginWith("viewer of an organization")).get(readable(href))).status).toBe(403);
    // One that did not come to what was intended is compared by what was served.
    const mixed = await withClient(postgres.server, platformDatabase, async (client) => {
      const id = await openDeployment(
        client,
        await intentOf(client, "prod", { iris: 3 }),
        deploymentRun,
        async () => [],
      );
      await closeDeployment(client, "prod", id, async () => serving({ iris: 2 }));
      return id;
    });
    expect(await printedText("releases", "diff", oldest?.id ?? "", mixed, "-s", "prod")).toContain("iris: 1 → 2");
    expect(await shownAt(`/releases/diff?stack=prod&from=${oldest?.id}&to=${mixed}`)).toContain("iris: 1 → 2");
  });

  it("is what the command prints: limits", async () => {
    const organizations = await printed<{ name: string }[]>("organization", "list");
    const page = await shownAt("/usage");
    for (const { name } of organizations) expect(page).toContain(name);
    const lines = (await printedText("organization", "list")).split("\n").slice(1);
    for (const line of lines) expect(page).toContain(line.trim().split(/ {2,}/).at(-1));
  });

  it("is what the command prints: rollouts", async () => {
    const [standing] = await printed<
      { phase: string; versions: { hash: string; apps: number }[]; next: { set: string[] } }[]
    >("rollout", rollout.model);
    const page = await shownAt(`/rollout/${rollout.model}`);
    expect(page).toContain(`In phase ${standing?.phase}`);
    for (const { hash } of standing?.versions ?? []) expect(page).toContain(hash.slice(0, 12));
    for (const edit of standing?.next.set ?? []) expect(page).toContain(edit);
    expect(standing?.versions.map(({ apps }) => apps)).toContain(3);
  });

  it("has the evidence over time as a picture, as the judge stored it", async () => {
    const path = `/rollout/${rollout.model}`;
    expect(await mainOf(path)).not.toContain('<svg class="evidence"');
    const { modelId, model, from, to, hash } = rollout;
    const side = (id: string) => ({ id, recordedAs: "", service: "", isUncounted: false });
    const judged = { modelId, model, phase: "bake", old: side(from), new: side(to), hash, judge: usualJudge } as const;
    const counted = (failed: number) => ({ requests: 500, failed, timed: [] });
    const row = { kind: "routed", second: 1, path: "route", weight: 0.5, new: counted(20), old: counted(18) } as const;
    await rollout.asGuard(async (client) => {
      const { id } = await currentJudgement(client, judged, 1);
      await storeRows(client, id, async ({ stored: _, folded: __, ...cursor }) => ({ rows: [row], cursor }));
      await foldStored(client, id);
    });
    const [standing] = await printed<{ judgement: { verdict: { metrics: { sentence: string }[] } } }[]>(
      "rollout",
      rollout.model,
    );
    const sentence = standing?.judgement.verdict.metrics[0]?.sentence ?? "";
    const [, most] = /at most (-?[\d.]+) points more/.exec(sentence) ?? [];
    await expect.poll(() => mainOf(path)).toContain('<svg class="evidence" role="img"');
    const page = await mainOf(path);
    expect(page).toContain("1 look,");
    // The bound that the command's sentence has.
    expect([sentence, page]).toEqual([sentence, expect.stringContaining(` and ${most} points, 1.0 are allowed.`)]);
  });

  it("is what the command prints: apps", async () => {
    const apps = await printed<{ id: string; name: string; owner: string; zooModel: string; version: number }[]>(
      "app",
      "list",
    );
    expect(apps).toHaveLength(3);
    const page = await shownAt("/apps");
    for (const { id, name, owner, zooModel, version } of apps) {
      expect(page).toContain(`${id} ${name} ${owner}`);
      expect(page).toContain(`${zooModel} v${version}`);
    }
    expect(await shownAt(`/apps?q=${apps[0]?.id}`)).not.toContain(apps[1]?.name);
  });

  it("is what the command prints: usage", async () => {
    const [row] = await printed<{ organization: string; requests: number }[]>("usage", "--since", "30d");
    expect(row?.requests).toBe(1234);
    const page = await shownAt("/usage");
    expect(page).toContain(`${row?.organization} – ${rollout.model} 1,234 56 7`);
    // Summed by the database: what one organization asked on all days, of all apps.
    expect(page).toMatch(new RegExp(`${row?.organization} 1,234 56 7 `));
    expect((await (await loginWith("viewer")).get("/usage?page=1e300&organizations=-1")).status).toBe(200);
  });

  it("is what the command prints: development versions", async () => {
    const [listed] = await printed<{ versionId: string; headHash: string }[]>("dev", "show");
    expect(listed?.versionId).toBe(developmentId);
    expect(await shownAt("/development")).toContain(listed?.headHash.slice(0, 12));
    const { patches } = await printed<{
      patches: { generation: number; seq: number; sentBy: string; reload: { tookMs: number } | null }[];
    }>("dev", "show", "sketch");
    expect(patches.map(({ seq, reload }) => [seq, reload?.tookMs])).toEqual([
      [2, 62],
      [1, undefined],
    ]);
    const page = await shownAt(`/development/${developmentId}`);
    for (const { generation, seq, sentBy } of patches) {
      expect(page).toContain(` ${generation}.${seq} `);
      expect(page).toContain(sentBy);
    }
    expect(page).toContain("hot, 62 ms");
    const { changes } = await printed<{ changes: { lines: { text: string }[] }[] }>(
      ...["dev", "show", "sketch", "--diff", "1.2"],
    );
    expect(changes[0]?.lines.map(({ text }) => text)).toEqual(["first content", "second content <script>"]);
  });

  it("is what the command prints: a comparison", async () => {
    const { primary, shadows, compare: rules, percent } = exampleDeployment;
    const subject = comparedSubject("chat", exampleDeployment, "bold");
    const result = await withClient(postgres.server, platformDatabase, (client) => {
      const shadow = shadows.bold ?? primary;
      const range = { since: new Date(0), until: new Date() };
      return compareRecorded(client, { primary, shadow, rules, percent, ...range }, silent);
    });
    const page = await shownAt("/shadow/chat/bold?since=all");
    expect(result).toMatchObject({ pairs: 20, mismatches: 5 });
    const { verdict, ...evidence } = evidenceOf(subject, result);
    const printed = describeComparison(subject, result, verdict ?? undefined);
    for (const sentence of [headlineOf(result), ...(verdict?.checks.map((check) => check.sentence) ?? [])]) {
      expect(printed).toContain(sentence);
      expect(page.replaceAll("\u00a0", " ")).toContain(sentence);
    }
    expect(page).toContain(evidenceHash({ ...evidence, verdict }));
  });

  it("is what the command prints: what changed", async () => {
    await sql(
      `INSERT INTO menagerie.development_deployment (model_version_id, upload, config, status, because, finished_at)
       VALUES ($1, 'an upload', '', 'failed', 'the build ended', now())`,
      [developmentId],
    );
    const rows = await printed<{ kind: string; at: string; details: { phase?: string } }[]>(
      "activity",
      "--limit",
      "20",
    );
    const page = await shownAt("/activity");
    for (const { at } of rows) expect(page).toContain(at.slice(0, 19).replace("T", " "));
    expect(rows.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["audit", "push"]));
    expect(page).toContain("pushed sketch: failed");
  });
});
