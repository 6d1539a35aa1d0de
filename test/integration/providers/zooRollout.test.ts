import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClientBase } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp } from "../../../src/adapters/postgres/apps.ts";
import { registerVersion } from "../../../src/adapters/postgres/modelVersions.ts";
import { urlOf, withClient } from "../../../src/adapters/postgres/server.ts";
import { readZooRegistry } from "../../../src/adapters/postgres/zoo/registry.ts";
import { recordShadowEvidence } from "../../../src/cli/shadowEvidence.ts";
import { platformDatabase } from "../../../src/domain/platformDatabase.ts";
import { Comparison } from "../../../src/domain/shadow/comparison.ts";
import type { DeployedShadow } from "../../../src/domain/shadow/deployed.ts";
import { contentVersion, evidenceHash, evidenceOf } from "../../../src/domain/shadow/evidence.ts";
import type { Phase } from "../../../src/domain/zoo/phases.ts";
import { shadowGate } from "../../../src/domain/zoo/shadowGate.ts";
import { suiteOf } from "../../../src/domain/zoo/smoke.ts";
import { irisServing } from "../../support/irisServing.ts";
import { makePlatformTables } from "../../support/platformTables.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { type DynamicHost, startDynamicHost } from "./dynamicHost.ts";

/** A rollout's record, its evidence and its versions, as the engine's host handles them, on a real PostgreSQL. */

let postgres: TestPostgres;
let host: DynamicHost;
let server: Server;
let folder: string;
let answer: unknown;
/** Each test has a model of its own. */
let model: string;
let made = 0;
let old: string;

const serving = { ...irisServing, env: { FACTOR: "2" } };
const cases = [{ input: { values: ["2"] }, output: { results: [6] }, tolerance: 0 }];
const gates = [{ kind: "smoke", suite: suiteOf(cases) }];

beforeAll(async () => {
  postgres = await startPostgres();
  await makePlatformTables(postgres.server);
  // The API server, as far as it passes requests on to the model's Service.
  const predict = "/api/v1/namespaces/models/services/http:iris-v2-predictor:80/proxy/v1/models/model:predict";
  server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    request.resume();
    request.once("end", () => {
      if (request.method !== "POST" || request.url !== predict) response.statusCode = 503;
      response.end(JSON.stringify(answer));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  folder = await mkdtemp(join(tmpdir(), "menagerie-rollout-"));
  const kubeconfig = join(folder, "kubeconfig");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cluster = { name: "local", cluster: { server: address, "insecure-skip-tls-verify": true } };
  const context = { name: "local", context: { cluster: "local", user: "me" } };
  const users = [{ name: "me", user: {} }];
  await writeFile(
    kubeconfig,
    JSON.stringify({ clusters: [cluster], contexts: [context], users, "current-context": "local" }),
  );
  host = await startDynamicHost({
    MENAGERIE_DATABASE_URL: urlOf(postgres.server, "postgres"),
    KUBECONFIG: kubeconfig,
  });
});

afterAll(async () => {
  server.close();
  await host.stop();
  await rm(folder, { recursive: true });
  await postgres.stop();
});

beforeEach(async () => {
  model = `model${made++}`;
  answer = { results: [6] };
  old = await register(1, true);
});

function onPlatform<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
  return withClient(postgres.server, platformDatabase, work);
}

function register(number: number, current: boolean, name = model): Promise<string> {
  return onPlatform((client) =>
    registerVersion(client, {
      model: name,
      organization: "admin",
      number,
      hash: `hash-${number}`,
      current,
      serving,
      digest: `sha256:${String(number).repeat(64)}`,
      url: `registry/${name}`,
    }),
  );
}

const inputs = (phase: Phase, change: object = {}) => ({
  model,
  phase,
  from: old,
  hash: "hash-2",
  gates,
  bakeSeconds: 3600,
  ...change,
});
const enter = (phase: Phase, change: object = {}) => host.update("zooRollout", inputs(phase), inputs(phase, change));
const smokeTest = (change: object = {}) => ({
  model,
  hash: "hash-2",
  revision: "r1",
  cases,
  timeoutSeconds: 1,
  namespace: "models",
  service: "iris-v2",
  mode: "Standard",
  ...change,
});
const recorded = () => onPlatform(async (client) => (await readZooRegistry(client, [model])).rollouts.get(model));
const app = () => onPlatform((client) => createApp(client, { zooModel: model, owner: "ada@example.com" }));
const point = (appVersion: string, to: string) =>
  onPlatform((client) =>
    client.query("UPDATE menagerie.model_version SET proxy_model_version_id = $2 WHERE id = $1", [appVersion, to]),
  );

describe("a rollout's record", () => {
  it("goes the whole way, keeps since when, and again changes nothing", async () => {
    const first = await host.create("zooRollout", inputs("copy"));
    expect(first.outs.since).toBe((await recorded())?.since.toISOString());
    expect((await host.create("zooRollout", inputs("copy"))).outs.since).toBe(first.outs.since);
    await host.create("smokeTest", smokeTest());
    await enter("version");
    await register(2, true);
    for (const phase of ["forward", "bake"] as const) await enter(phase);
    await enter("bake", { bakeSeconds: 0 });
    await enter("done", { bakeSeconds: 0 });
    expect(await recorded()).toMatchObject({ phase: "done", from: old, hash: "hash-2", bakeSecondsLeft: undefined });
    const steps = await onPlatform((client) =>
      client.query(
        `SELECT s.phase FROM menagerie.rollout_step s JOIN menagerie.model m ON m.id = s.model_id WHERE m.name = $1
          ORDER BY s.id`,
        [model],
      ),
    );
    expect(steps.rows.map(({ phase }) => phase)).toEqual(["copy", "version", "forward", "bake", "done"]);
  });

  it("is refused in the transaction itself, whatever a preview saw", async () => {
    await expect(host.create("zooRollout", inputs("version"))).rejects.toThrow(/"version" skips the copy/);
    expect(await recorded()).toBeUndefined();
    await host.create("zooRollout", inputs("copy"));
    await expect(enter("done")).rejects.toThrow(/"done" skips a step; the rollout is in phase copy/);
    await enter("version");
    await register(2, true);
    await expect(enter("forward")).rejects.toThrow(/needs evidence that smoke passed/);
    await host.create("smokeTest", smokeTest());
    await expect(enter("forward", { gates: [{ kind: "smoke", suite: "edited" }] })).rejects.toThrow(/needs evidence/);
    await enter("forward");
    const { versionId, id } = await app();
    await point(versionId, old);
    await expect(enter("bake")).rejects.toThrow(
      new RegExp(
        `1 app \\(${id}\\) still points at version 1; run \`up\` with phase: forward and share: 100 first, or leave those that their users pointed back by menagerie:zoo.${model}.leave: \\["${id}"\\]$`,
      ),
    );
    await point(versionId, (await newest())?.id ?? "");
    expect(id).not.toBe("");
    await enter("bake");
    await expect(enter("done")).rejects.toThrow(/"done" comes when the bake is over, in 60 min/);
    expect((await recorded())?.phase).toBe("bake");
  });

  it("does not wait for apps that are left on the old version, and the version is not let go while they use it", async () => {
    await host.create("zooRollout", inputs("copy"));
    await host.create("smokeTest", smokeTest());
    await enter("version");
    const current = await register(2, true);
    await enter("forward");
    const [back, other] = [await app(), await app()];
    await point(back.versionId, old);
    await point(other.versionId, old);
    await expect(enter("bake", { leave: [back.id] })).rejects.toThrow(`1 app (${other.id}) still points at version 1`);
    await point(other.versionId, current);
    await enter("bake", { leave: [back.id], bakeSeconds: 0 });
    await expect(enter("done", { bakeSeconds: 0 })).rejects.toThrow(`1 app (${back.id}) still points at version 1`);
    await enter("done", { leave: [back.id], bakeSeconds: 0 });
    await expect(
      host.delete("modelVersion", old, {
        model,
        organization: "admin",
        number: 1,
        hash: "hash-1",
        digest: `sha256:${"1".repeat(64)}`,
        current: false,
        versionId: old,
      }),
    ).rejects.toThrow("version 1 of");
    expect((await recorded())?.phase).toBe("done");
  });

  it("is one of several that are asked at once", async () => {
    await host.create("zooRollout", inputs("copy"));
    await host.create("smokeTest", smokeTest());
    await enter("version");
    await register(2, true);
    const asked = await Promise.allSettled([enter("forward"), enter("reverted"), enter("forward"), enter("reverted")]);
    expect(asked.some(({ status }) => status === "fulfilled")).toBe(true);
    const { phase } = (await recorded()) ?? {};
    expect(["forward", "reverted"]).toContain(phase);
    if (phase === "reverted") await expect(enter("forward")).rejects.toThrow(/does not follow reverted/);
  });

  it("of a model that is not declared any more says off", async () => {
    await host.create("zooRollout", inputs("copy"));
    const later = await startDynamicHost({ MENAGERIE_DATABASE_URL: urlOf(postgres.server, "postgres") });
    await later.delete("zooRollout", model, { ...inputs("copy"), since: "" });
    expect(await recorded()).toMatchObject({ phase: "off", from: undefined });
    await later.delete("zooRollout", "nobody", { ...inputs("copy", { model: "nobody" }), since: "" });
    await later.stop();
  });

  it("stays where it is when its resource is replaced by one of the same model, which is made first", async () => {
    const { id, outs } = await host.create("zooRollout", inputs("copy"));
    await host.create("zooRollout", inputs("copy"));
    await host.delete("zooRollout", id, outs);
    expect(await recorded()).toMatchObject({ phase: "copy", from: old });
  });

  it("stays where it is when the run that replaced it was killed before it deleted the one before", async () => {
    const { id, outs } = await host.create("zooRollout", inputs("copy"));
    const later = await startDynamicHost({ MENAGERIE_DATABASE_URL: urlOf(postgres.server, "postgres") });
    // The next run finds the new one as it is declared, and deletes at its end what the state still has of the old one.
    expect(await later.diff("zooRollout", outs, inputs("copy"), id)).toEqual({ changes: false, replaces: [] });
    await later.delete("zooRollout", id, outs);
    expect(await recorded()).toMatchObject({ phase: "copy", from: old });
    // Another model's is another row.
    const renamed = await later.diff("zooRollout", outs, inputs("copy", { model: `${model}x` }), id);
    expect(renamed.replaces).toEqual(["model"]);
    await later.delete("zooRollout", id, outs);
    expect(await recorded()).toMatchObject({ phase: "off" });
    await later.stop();
  });
});

const newest = () =>
  onPlatform(async (client) =>
    (await readZooRegistry(client, [model])).versions.get(model)?.find(({ number }) => number === 2),
  );

describe("evidence", () => {
  it("is stored with its hash, and what was altered afterwards counts no more", async () => {
    await host.create("zooRollout", inputs("copy"));
    const { outs } = await host.create("smokeTest", smokeTest());
    expect(outs.evidenceHash).toMatch(/^[0-9a-f]{64}$/);
    await enter("version");
    await register(2, true);
    await onPlatform((client) =>
      client.query('UPDATE menagerie.gate_evidence SET evidence = evidence || \'{"url": "elsewhere"}\' WHERE id = $1', [
        outs.evidenceId,
      ]),
    );
    await expect(enter("forward")).rejects.toThrow(/needs evidence/);
  });

  it("is found again where the program says that there is none, as are a phase and a version that the database lost", async () => {
    await host.create("zooRollout", inputs("copy"));
    for (const [kind, given] of [
      ["smokeTest", smokeTest()],
      ["zooRollout", inputs("copy")],
    ] as const) {
      const { outs } = await host.create(kind, { ...given, due: true });
      expect(outs).not.toHaveProperty("due");
      expect(await host.diff(kind, outs, given)).toMatchObject({ changes: false });
      expect(await host.diff(kind, outs, { ...given, due: true })).toEqual({ changes: true, replaces: [] });
    }
  });

  it("of a failure is stored too, takes an earlier pass back, and is told with the first difference", async () => {
    await host.create("zooRollout", inputs("copy"));
    await host.create("smokeTest", smokeTest());
    answer = { results: [4] };
    await expect(host.create("smokeTest", smokeTest())).rejects.toThrow(
      `${model}: 1 of 1 smoke cases fail; the first, case 1: results[0]: 4 instead of 6`,
    );
    await enter("version");
    await register(2, true);
    await expect(enter("forward")).rejects.toThrow(/needs evidence/);
  });

  it("says that nothing answers", async () => {
    const nowhere = smokeTest({ service: "nowhere" });
    await expect(host.create("smokeTest", nowhere)).rejects.toThrow(/case 1: HTTP 503/);
  });
});

describe("a comparison of shadow answers", () => {
  const gate = { minPairs: 10, maxMismatch: 0.05, confidence: 0.95, minCompleteness: 0.99 };
  const sideOf = (digit: number, service: string) => ({
    service,
    truss: "models/iris",
    hash: `hash-${digit}`,
    schema: `shadow_${service}`,
    version: contentVersion(`hash-${digit}`, serving.env),
  });
  const deployed = (primary: number): DeployedShadow => ({
    url: "",
    percent: 100,
    noise: null,
    redact: [],
    compare: {},
    gate,
    primary: sideOf(primary, "iris-shadow-primary"),
    shadows: { candidate: sideOf(2, "iris-shadow-candidate") },
  });
  /** As `menagerie compare --record` stores it. */
  async function compared(differing: number, primary = 1) {
    const deployment = deployed(primary);
    const comparison = new Comparison({});
    for (let pair = 0; pair < 200; pair += 1) {
      const answer = (json: unknown) => ({ status: 200, failure: null, latencyMs: 1, body: { json } });
      const shadow = answer(pair < differing ? 2 : 1);
      comparison.add({ requestId: `r${pair}`, at: pair * 1000, primary: answer(1), shadow, sameBody: false });
    }
    const none = { pending: 0, unpaired: 0, lostByRecorders: 0 };
    const result = comparison.result({ primary: 200, shadow: 200, paired: 200, ...none }, 100);
    const side = (name: string, version: string) => ({ name, version });
    const evidence = evidenceOf(
      {
        deployment: "iris-shadow",
        rules: {},
        gate,
        primary: side("iris-shadow-primary", deployment.primary.version),
        shadow: side("candidate", deployment.shadows.candidate?.version ?? ""),
      },
      result,
    );
    const recorded = await recordShadowEvidence({
      environment: "local",
      model,
      deployment: "iris-shadow",
      deployed: deployment,
      shadow: "candidate",
      evidence,
    });
    return { recorded, evidence };
  }
  const shadowGates = (change: object = {}) => [
    ...gates,
    shadowGate(model, {
      deployment: "iris-shadow",
      shadow: "candidate",
      version: contentVersion("hash-2", serving.env),
      gate,
      rules: {},
      ...change,
    }),
  ];

  beforeEach(async () => {
    vi.stubEnv("MENAGERIE_DATABASE_URL", urlOf(postgres.server, "postgres"));
    await host.create("zooRollout", inputs("copy"));
    await host.create("smokeTest", smokeTest());
    await enter("version");
    await register(2, true);
  });
  afterEach(() => vi.unstubAllEnvs());

  it("opens the gate of a rollout that names it, and its hash is in the journal", async () => {
    await expect(enter("forward", { gates: shadowGates() })).rejects.toThrow(
      new RegExp(
        `"forward" needs evidence that shadow passed for content hash-2, and there is none; run \`menagerie compare iris-shadow --shadow candidate --record ${model}\`$`,
      ),
    );
    const { recorded, evidence } = await compared(0);
    expect(recorded).toBe(evidenceHash(evidence));
    await enter("forward", { gates: shadowGates() });
    const { rows } = await onPlatform((client) =>
      client.query<{ evidence: { kind: string; evidenceHash: string }[] }>(
        `SELECT s.evidence FROM menagerie.rollout_step s JOIN menagerie.model m ON m.id = s.model_id
          WHERE m.name = $1 AND s.phase = 'forward'`,
        [model],
      ),
    );
    expect(rows[0]?.evidence.find(({ kind }) => kind === "shadow")?.evidenceHash).toBe(recorded);
    expect(rows[0]?.evidence.map(({ kind }) => kind).sort()).toEqual(["shadow", "smoke"]);
  });

  it("keeps it closed when the shadow differs, and the latest counts", async () => {
    await compared(0);
    await compared(50);
    await expect(enter("forward", { gates: shadowGates() })).rejects.toThrow(/needs evidence that shadow passed/);
  });

  it("says nothing about other limits, rules or variables", async () => {
    await compared(0);
    const changes = [
      { gate: { ...gate, minPairs: 11 } },
      { rules: { ignore: ["at"] } },
      { version: contentVersion("hash-2", { FACTOR: "3" }) },
    ];
    for (const change of changes) {
      await expect(enter("forward", { gates: shadowGates(change) })).rejects.toThrow(/needs evidence that shadow/);
    }
  });

  it("of another primary than a version of the model is refused", async () => {
    await expect(compared(0, 7)).rejects.toThrow(
      `--record ${model}: the primary of iris-shadow (content hash-7) is not a version of ${model} with its variables`,
    );
  });
});

describe("a version", () => {
  it("keeps how it is served, so that it can be declared from its row", async () => {
    const { versions } = await onPlatform((client) => readZooRegistry(client, [model]));
    expect(versions.get(model)).toEqual([
      {
        id: old,
        number: 1,
        hash: "hash-1",
        isCurrent: true,
        apps: 0,
        serving,
        image: `registry/${model}@sha256:${"1".repeat(64)}`,
      },
    ]);
  });

  const props = () => ({
    model,
    organization: "admin",
    number: 1,
    hash: "hash-1",
    digest: `sha256:${"1".repeat(64)}`,
    current: true,
    versionId: old,
  });

  it("is not let go while apps point at it, or a rollout needs it", async () => {
    const { versionId } = await app();
    await expect(host.delete("modelVersion", old, props())).rejects.toThrow(
      /version 1 of model\d+ is not removed: 1 app points at it; move them first, or set MENAGERIE_DELETE_REFERENCED=true/,
    );
    await host.create("zooRollout", inputs("copy"));
    await enter("version");
    await point(versionId, await register(2, true));
    await expect(host.delete("modelVersion", old, props())).rejects.toThrow(/its rollout is in phase version/);
    await enter("reverted");
    await host.delete("modelVersion", old, props());
  });
});
