import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDevelopmentVersions } from "../../../../../src/adapters/api/developmentVersions.ts";
import { missingVersions } from "../../../../../src/adapters/postgres/pushedVersions.ts";
import { computePatch } from "../../../../../src/domain/patch/compute.ts";
import { annotations } from "../../../../../src/domain/serving/servedModel.ts";
import type { ArchiveBuilder, ArchiveBuildRequest } from "../../../../../src/domain/truss/archiveBuilder.ts";
import { deployNext, type PushWork } from "../../../../../src/services/api/deployments/deployPushes.ts";
import { pushDeployments } from "../../../../../src/services/api/deployments/pushes.ts";
import { reconcileOnce } from "../../../../../src/services/api/development/reconcile.ts";
import { type ApiUnderTest, adminKey, signingKey, startDevelopmentApi } from "../../../../support/developmentApi.ts";
import { issueSaying } from "../../../../support/issues.ts";
import { MemoryPushedServices } from "../../../../support/pushedServices.ts";
import { tar } from "../../../../support/tar.ts";
import { trussOf } from "../../../../support/trussOf.ts";

/** Full deployments of what clients push, as the API's own database role on a real PostgreSQL. */

const url = "menagerie.local/truss/pushed";
const digest = `sha256:${"1".repeat(64)}`;
const signal = new AbortController().signal;
let api: ApiUnderTest;
let organizationId: string;
let services: MemoryPushedServices;
let name: string;

/** A builder whose builds end when the test says so. */
class Builder implements ArchiveBuilder {
  readonly asked: ArchiveBuildRequest[] = [];
  answer: (signal: AbortSignal) => Promise<{ url: string; digest: string }> = async () => ({ url, digest });
  build: ArchiveBuilder["build"] = (request, ended) => {
    this.asked.push(request);
    return this.answer(ended);
  };
}
let builder: Builder;

beforeAll(async () => {
  api = await startDevelopmentApi({
    deployments: ({ pool, uploads, cluster }) =>
      pushDeployments({
        pool,
        uploads,
        services: new MemoryPushedServices(cluster),
        modelsNamespace: "models",
        signingKey,
        onPushed: () => {},
      }),
  });
  const [admin] = await api.sql<{ id: string }>("SELECT id FROM menagerie.organization WHERE is_admin");
  organizationId = admin?.id ?? "";
});
afterAll(() => api?.stop());
beforeEach(() => {
  name = `m-${randomUUID().slice(0, 8)}`;
  builder = new Builder();
  services = new MemoryPushedServices(api.cluster);
});
// What a test left under way is nobody else's.
afterEach(() => api.sql("UPDATE menagerie.development_deployment SET status = 'failed' WHERE finished_at IS NULL"));

const work = (changes: Partial<PushWork> = {}): PushWork => ({
  pool: api.pool,
  uploads: api.uploads,
  cluster: api.cluster,
  builder,
  services,
  signingKey,
  modelsNamespace: "models",
  servicesNamespace: "menagerie",
  holder: randomUUID(),
  log: pino({ level: "silent" }),
  ...changes,
});

const archiveOf = (code: string, config = "model_name: t\n") =>
  tar([
    { name: "config.yaml", content: config },
    { name: "model/__init__.py" },
    { name: "model/model.py", content: code },
  ]);

async function upload(content: Uint8Array, organization = organizationId): Promise<string> {
  const key = `${organization}/${randomUUID()}/truss.tar`;
  await api.uploads.put(key, Readable.from([content]), () => {});
  return key;
}

interface Answer {
  readonly data?: { readonly deploy_draft_truss?: { readonly model_version: { readonly id: string } } } | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

async function deployDraft(key: string, { model = name, apiKey = adminKey, team = "" } = {}): Promise<Answer> {
  const teamArgument = team === "" ? "" : `team_id: "${team}"`;
  const query = `mutation { deploy_draft_truss(name: "${model}" s3_key: "${key}" config: "" ${teamArgument}) {
    model_version { id oracle { id name hostname } instance_type { name } } } }`;
  const response = await fetch(`${api.url}/graphql/`, {
    method: "POST",
    headers: { authorization: `Api-Key ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  return (await response.json()) as Answer;
}

/** Pushes code; answers the version's id. */
async function push(code = "class Model: ..."): Promise<string> {
  const { data, errors } = await deployDraft(await upload(archiveOf(code)));
  expect(errors).toBeUndefined();
  return data?.deploy_draft_truss?.model_version.id ?? "";
}

const deployments = (versionId: string) =>
  api.sql<{ status: string; because: string | null; image: string | null; generation: number | null; upload: string }>(
    `SELECT status, because, image, generation, upload FROM menagerie.development_deployment
      WHERE model_version_id = $1 ORDER BY id`,
    [versionId],
  );
const statuses = async (versionId: string) => (await deployments(versionId)).map(({ status }) => status);
const expireLeases = () => api.sql("UPDATE menagerie.development_deployment SET lease_until = now() - interval '1 s'");
const client = () => createDevelopmentVersions({ url: api.url, key: adminKey });

/** A build that goes on until its replica is told to stop. */
function endless(): { readonly begun: Promise<void>; readonly answer: Builder["answer"] } {
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const answer: Builder["answer"] = (ended) =>
    new Promise((_, reject) => {
      begin();
      ended.addEventListener("abort", () => reject(ended.reason), { once: true });
    });
  return { begun, answer };
}

describe("a push", () => {
  it("becomes a model with a development version that answers with its content, and can be patched", async () => {
    const versionId = await push("class Model: a = 1\n");
    expect(await statuses(versionId)).toEqual(["building"]);
    expect(await deployNext(work(), signal)).toBe(true);
    expect(await deployments(versionId)).toMatchObject([
      { status: "active", because: null, image: `${url}@${digest}`, generation: 1 },
    ]);
    const base = trussOf({ "model/model.py": "class Model: a = 1\n" }, "model_name: t\n");
    expect(builder.asked).toMatchObject([{ hash: base.hash, name: `pushed-${versionId}` }]);
    expect(await client().sync(versionId)).toMatchObject({ state: "synced", headHash: base.hash, seq: 0 });
    const next = trussOf({ "model/model.py": "class Model: a = 2\n" }, "model_name: t\n");
    const plan = computePatch(base.signature, next.snapshot);
    const patch = { prevHash: base.hash, nextHash: next.hash, nextSignature: next.signature };
    const patches = "patches" in plan ? [...plan.patches] : [];
    expect(await client().patch(versionId, { ...patch, patches })).toMatchObject({ state: "synced", seq: 1 });
  });

  it("is served as a stack serves its own: one pod, its ping address, a lower priority, stopped when idle", async () => {
    const versionId = await push();
    await deployNext(work(), signal);
    expect(services.made).toMatchObject([
      {
        metadata: {
          name: `pushed-${versionId}`,
          labels: { "menagerie.dev/managed-by": "api", "menagerie.dev/service-level": "development" },
          annotations: { [annotations.idleMinutes]: "60" },
        },
        spec: {
          predictor: {
            minReplicas: 1,
            maxReplicas: 1,
            priorityClassName: "menagerie-development-models",
            containers: [{ image: `${url}@${digest}` }],
          },
        },
      },
    ]);
  });

  it("again under the same name deploys the same version anew, with a new chain", async () => {
    const versionId = await push("class Model: a = 1\n");
    await deployNext(work(), signal);
    expect(await push("class Model: a = 2\n")).toBe(versionId);
    await deployNext(work(), signal);
    expect(await deployments(versionId)).toMatchObject([{ generation: 1 }, { generation: 2, status: "active" }]);
    const { hash } = trussOf({ "model/model.py": "class Model: a = 2\n" }, "model_name: t\n");
    expect(await client().sync(versionId)).toMatchObject({ state: "synced", headHash: hash, runningHash: hash });
  });

  it("leaves no upload behind once it is deployed", async () => {
    const versionId = await push();
    const [{ upload: key } = { upload: "" }] = await deployments(versionId);
    expect(await api.uploads.read(key)).toBeDefined();
    await deployNext(work(), signal);
    expect(await api.uploads.read(key)).toBeUndefined();
  });

  it("that cannot be built has failed, with the reason in its status and its log", async () => {
    const versionId = await push();
    builder.answer = async () => {
      throw issueSaying("requirements: there is no package no-such-package");
    };
    await deployNext(work(), signal);
    const because = "requirements: there is no package no-such-package";
    expect(await deployments(versionId)).toMatchObject([{ status: "failed", because }]);
    expect(services.made).toEqual([]);
    const [{ model_id: modelId } = { model_id: "" }] = await api.sql<{ model_id: string }>(
      "SELECT model_id FROM menagerie.model_version WHERE id = $1",
      [versionId],
    );
    const at = `${api.url}/v1/models/${modelId}/deployments/${versionId}`;
    const headers = { authorization: `Api-Key ${adminKey}`, "content-type": "application/json" };
    // The log tells the reason first, for the client ends with the status.
    await api.sql("UPDATE menagerie.development_deployment SET finished_at = finished_at - interval '10 s'");
    expect(await (await fetch(at, { headers })).json()).toMatchObject({ status: "DEPLOY_FAILED" });
    const logs = await fetch(`${at}/logs`, { method: "POST", headers, body: "{}" });
    expect(await logs.json()).toMatchObject({
      logs: [{ message: expect.stringContaining("no-such-package") }, {}, {}],
    });
  });
});

describe("a push is refused before anything is recorded", () => {
  const refusal = async (answer: Promise<Answer>) => {
    const { errors = [] } = await answer;
    expect(await api.sql("SELECT FROM menagerie.model WHERE name = $1", [name])).toEqual([]);
    return { code: errors[0]?.extensions?.code, message: errors[0]?.message };
  };

  it.each([
    ["leads out of the truss", tar([{ name: "../evil.py", content: "x" }]), /has a part "\.\."/],
    ["is none", Buffer.from("not a tar"), /cut off/],
    ["needs a GPU", archiveOf("", "resources: {accelerator: A100}\n"), /pushed models get no GPU/],
  ])("whose archive %s", async (_what, archive, says) => {
    const { code, message } = await refusal(deployDraft(await upload(archive)));
    expect(code).toBe("bad_request");
    expect(message).toMatch(says);
  });

  it("whose upload is not there, or is another team's", async () => {
    const missing = `${organizationId}/${randomUUID()}/truss.tar`;
    expect(await refusal(deployDraft(missing))).toMatchObject({ message: "s3_key: nothing was uploaded there" });
    const others = await upload(archiveOf(""), "999999");
    expect(await refusal(deployDraft(others))).toMatchObject({
      message: expect.stringMatching(/none that was given out/),
    });
    expect(await refusal(deployDraft("../../etc/passwd"))).toMatchObject({
      message: expect.stringMatching(/none that was given out/),
    });
  });

  it("for a team that the key does not open", async () => {
    const other = await api.newVersion(undefined, `org-${randomUUID()}`);
    const apiKey = await api.newKey({ organizationId: other.organizationId });
    const key = await upload(archiveOf(""));
    expect(await refusal(deployDraft(key, { apiKey, team: organizationId }))).toMatchObject({ code: "key_scope" });
  });
});

it("a model that the stack declares is deployed by the stack alone", async () => {
  await api.newVersion(name);
  const { errors = [] } = await deployDraft(await upload(archiveOf("")));
  expect(errors[0]).toMatchObject({ extensions: { code: "needs_full_deploy" } });
  expect(errors[0]?.message).toContain("run `pulumi up`");
});

describe("replicas", () => {
  it("take over where one has died, and build no second image where it was built", async () => {
    const versionId = await push();
    const { begun, answer } = endless();
    const died = new AbortController();
    builder.answer = answer;
    const first = deployNext(work(), died.signal);
    await begun;
    expect(await deployNext(work(), signal)).toBe(false);
    died.abort();
    await first;
    await expireLeases();
    builder.answer = async () => ({ url, digest });
    services.replace = async () => {
      throw new Error("the API server does not answer");
    };
    await deployNext(work(), signal);
    expect(await statuses(versionId)).toEqual(["deploying"]);
    await expireLeases();
    services = new MemoryPushedServices(api.cluster);
    await deployNext(work(), signal);
    expect(await statuses(versionId)).toEqual(["active"]);
    expect(builder.asked).toHaveLength(2);
  });

  it("keep what clients patched while a deployment was carried on by another", async () => {
    const versionId = await push("class Model: a = 1\n");
    const noPod = work({ startSeconds: 0 });
    // It dies between the new service and its last word.
    const cluster = Object.assign(Object.create(api.cluster) as typeof api.cluster, { pod: () => undefined });
    const died = new AbortController();
    const left = deployNext({ ...noPod, cluster, startSeconds: 60 }, died.signal);
    await expect.poll(() => services.made.length).toBe(1);
    const base = trussOf({ "model/model.py": "class Model: a = 1\n" }, "model_name: t\n");
    const next = trussOf({ "model/model.py": "class Model: a = 2\n" }, "model_name: t\n");
    const plan = computePatch(base.signature, next.snapshot);
    const patch = { prevHash: base.hash, nextHash: next.hash, nextSignature: next.signature };
    await client().patch(versionId, { ...patch, patches: "patches" in plan ? [...plan.patches] : [] });
    died.abort();
    await left;
    await expireLeases();
    await deployNext(work(), signal);
    expect(await deployments(versionId)).toMatchObject([{ status: "active", generation: 1 }]);
    expect(await client().sync(versionId)).toMatchObject({ state: "synced", headHash: next.hash, seq: 1 });
    expect(services.made).toHaveLength(1);
  });

  it("leave a deployment whose place a newer push has taken", async () => {
    const versionId = await push("class Model: a = 1\n");
    const { begun, answer } = endless();
    builder.answer = answer;
    const first = deployNext(work({ leaseSeconds: 1 }), signal);
    await begun;
    await push("class Model: a = 2\n");
    // The lease is not renewed, which ends the build.
    await first;
    builder.answer = async () => ({ url, digest });
    await deployNext(work(), signal);
    expect(await statuses(versionId)).toEqual(["superseded", "active"]);
    expect(services.made).toHaveLength(1);
  });

  it("share the work: each deployment is one replica's", async () => {
    const versionIds: string[] = [];
    for (let each = 0; each < 6; each += 1) {
      name = `m-${randomUUID().slice(0, 8)}`;
      versionIds.push(await push());
    }
    const worked = await Promise.all(Array.from({ length: 10 }, () => deployNext(work(), signal)));
    expect(worked.filter(Boolean)).toHaveLength(6);
    expect(builder.asked).toHaveLength(6);
    for (const versionId of versionIds) expect(await statuses(versionId)).toEqual(["active"]);
  });
});

describe("a pushed version", () => {
  const rows = (versionId: string) =>
    api.sql(
      `SELECT v.id FROM menagerie.model_version v WHERE v.id = $1
        UNION ALL SELECT model_version_id FROM menagerie.truss_head WHERE model_version_id = $1
        UNION ALL SELECT model_version_id FROM menagerie.truss_generation WHERE model_version_id = $1
        UNION ALL SELECT model_version_id FROM menagerie.development_deployment WHERE model_version_id = $1`,
      [versionId],
    );
  const models = () => api.sql("SELECT id FROM menagerie.model WHERE name = $1", [name]);
  const graphql = async (query: string, key = adminKey): Promise<Answer> => {
    const headers = { authorization: `Api-Key ${key}`, "content-type": "application/json" };
    const response = await fetch(`${api.url}/graphql/`, { method: "POST", headers, body: JSON.stringify({ query }) });
    return (await response.json()) as Answer;
  };

  it("is listed with its head, its last push and its use, to those whose key opens it", async () => {
    const versionId = await push("class Model: a = 1\n");
    await deployNext(work(), signal);
    const { hash } = trussOf({ "model/model.py": "class Model: a = 1\n" }, "model_name: t\n");
    const pushed = await client().pushed();
    expect(pushed.filter((each) => each.versionId === versionId)).toMatchObject([
      { model: name, headHash: hash, status: "active", because: null, usedAt: null },
    ]);
    const other = await api.newVersion("other", `elsewhere-${randomUUID().slice(0, 8)}`);
    const key = await api.newKey({ modelId: other.modelId });
    expect(await createDevelopmentVersions({ url: api.url, key }).pushed()).toEqual([]);
  });

  it("that is deleted leaves nothing: no service, no rows, no archive, no model", async () => {
    const versionId = await push();
    await deployNext(work(), signal);
    const [{ upload: key } = { upload: "" }] = await deployments(await push("class Model: a = 2\n"));
    expect(await client().remove(versionId)).toEqual({ versionId, model: name });
    expect(api.cluster.service(versionId)).toBeUndefined();
    expect(await rows(versionId)).toEqual([]);
    expect(await models()).toEqual([]);
    expect(await api.uploads.read(key)).toBeUndefined();
    expect((await client().pushed()).filter((each) => each.versionId === versionId)).toEqual([]);
    // The name is free again.
    expect(await push()).not.toBe(versionId);
  });

  it("is listed and deleted on the command line by its name", async () => {
    const versionId = await push();
    await deployNext(work(), signal);
    const menagerie = async (...args: string[]) => {
      const env = { ...process.env, MENAGERIE_API_URL: api.url, MENAGERIE_API_KEY: adminKey };
      return (await promisify(execFile)(process.execPath, ["src/cli/main.ts", "dev", ...args], { env })).stdout;
    };
    expect(await menagerie("list")).toMatch(new RegExp(`${name} +${versionId} +[0-9a-f]{12} +active`));
    expect(await menagerie("delete", name)).toBe(`${name} is deleted (version ${versionId})\n`);
    expect(await rows(versionId)).toEqual([]);
    await expect(menagerie("delete", name)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`"${name}" is not a model that a client pushed`) as string,
    });
  });

  it("may be deleted by GraphQL too", async () => {
    const versionId = await push();
    await deployNext(work(), signal);
    const answer = await graphql(`mutation { delete_development_version(id: "${versionId}") { id name } }`);
    expect(answer).toEqual({ data: { delete_development_version: { id: versionId, name } } });
    expect(await rows(versionId)).toEqual([]);
  });

  it("keeps its model while an API key opens that", async () => {
    const versionId = await push();
    const [model] = await models();
    await api.newKey({ modelId: String(model?.id) });
    await client().remove(versionId);
    expect(await rows(versionId)).toEqual([]);
    expect(await models()).toHaveLength(1);
  });

  it("that is deleted while it is built is not deployed", async () => {
    const versionId = await push();
    const { begun, answer } = endless();
    builder.answer = answer;
    const building = deployNext(work({ leaseSeconds: 1 }), signal);
    await begun;
    await client().remove(versionId);
    await building;
    expect(services.made).toEqual([]);
    expect(api.cluster.service(versionId)).toBeUndefined();
  });

  it("that was deleted while its service was made loses the service in the next round", async () => {
    const versionId = await push();
    await deployNext(work(), signal);
    const stays = await push("class Model: a = 3\n").then(() => versionId);
    await api.sql("DELETE FROM menagerie.model_version WHERE id = $1", [stays]);
    await reconcileOnce(
      {
        cluster: api.cluster,
        syncToHead: api.versions.syncToHead,
        now: Date.now,
        log: pino({ level: "silent" }),
        orphans: {
          missing: (ids) => missingVersions(api.pool, ids),
          remove: (service) => services.remove(`pushed-${service.slice(1)}`, "models"),
        },
      },
      new Map(),
    );
    expect(api.cluster.service(versionId)).toBeUndefined();
  });

  it("of the stack is not deleted, and the answer says what to do", async () => {
    const { versionId } = await api.newVersion(name);
    await expect(client().remove(versionId)).rejects.toThrow(
      `${name} is declared by the stack: take it out of menagerie:development and run \`pulumi up\``,
    );
    const answer = await graphql(`mutation { delete_development_version(id: "${versionId}") { id } }`);
    expect(answer.errors?.[0]?.message).toContain("is declared by the stack");
    expect(await rows(versionId)).not.toEqual([]);
  });

  it("that apps point at is not deleted", async () => {
    const versionId = await push();
    await deployNext(work(), signal);
    const app = await api.newVersion(`app-${name}`);
    await api.sql("UPDATE menagerie.model_version SET proxy_model_version_id = $1 WHERE id = $2", [
      versionId,
      app.versionId,
    ]);
    await expect(client().remove(versionId)).rejects.toThrow(`apps or rollouts point at version ${versionId}`);
    expect(await rows(versionId)).not.toEqual([]);
    expect(api.cluster.service(versionId)).toBeDefined();
  });

  it("is not deleted by a key for something else", async () => {
    const versionId = await push();
    const other = await api.newVersion("other", `elsewhere-${randomUUID().slice(0, 8)}`);
    const key = await api.newKey({ modelId: other.modelId });
    await expect(createDevelopmentVersions({ url: api.url, key }).remove(versionId)).rejects.toThrow("API key");
    const answer = await graphql(`mutation { delete_development_version(id: "${versionId}") { id } }`, key);
    expect(answer.errors?.[0]?.extensions?.code).toBe("not_found");
    expect(await rows(versionId)).not.toEqual([]);
  });
});
