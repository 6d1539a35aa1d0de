import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createDevelopmentVersions } from "../../../src/adapters/api/developmentVersions.ts";
import { onTheWire } from "../../../src/adapters/api/pushTruss.ts";
import { urlOf } from "../../../src/adapters/postgres/server.ts";
import { readTruss } from "../../../src/adapters/truss/snapshot.ts";
import { computePatch } from "../../../src/domain/patch/compute.ts";
import { hashSnapshot } from "../../../src/domain/truss/hash.ts";
import { signatureOf } from "../../../src/domain/truss/signature.ts";
import { type ApiUnderTest, adminKey, startDevelopmentApi } from "../../support/developmentApi.ts";
import { type DynamicHost, startDynamicHost } from "./dynamicHost.ts";

/** The handlers of development versions, as the engine calls them, with the real API service and a real PostgreSQL. */

let api: ApiUnderTest;
let host: DynamicHost;
let folder: string;
let model: string;
let versionId: string;
let base: string;

beforeAll(async () => {
  api = await startDevelopmentApi();
  host = await startDynamicHost({ MENAGERIE_DATABASE_URL: urlOf(api.server, "postgres"), MENAGERIE_API_KEY: "" });
});

afterAll(async () => {
  await host?.stop();
  await api?.stop();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-development-"));
  await mkdir(join(folder, "model"));
  await writeFile(join(folder, "config.yaml"), "live_reload: true\n");
  await save("one");
  model = `dev-${folder.slice(-6).toLowerCase()}`;
  base = await hash();
  const made = await host.create("developmentModelVersion", registration());
  versionId = String(made.outs.versionId);
  return () => rm(folder, { recursive: true, force: true });
});

const save = (greeting: string) => writeFile(join(folder, "model", "model.py"), `GREETING = "${greeting}"\n`);
async function hash(): Promise<string> {
  const { snapshot, patterns } = await readTruss(folder);
  return hashSnapshot(snapshot, patterns);
}
const registration = (changes: object = {}) => ({
  model,
  organization: "admin",
  number: 1,
  hash: base,
  digest: `sha256:${"1".repeat(64)}`,
  ...changes,
});
const sync = async (changes: object = {}) => ({
  model,
  versionId,
  folder,
  declaredHash: await hash(),
  baseHash: base,
  deploys: false,
  takeover: false,
  api: api.url,
  apiKey: adminKey,
  timeoutSeconds: 20,
  ...changes,
});
const client = () => createDevelopmentVersions({ url: api.url, key: adminKey });

/** What the first `up` does: service, then chain. */
async function deployed() {
  api.cluster.deploy(versionId, base);
  return (await host.create("patchSync", await sync({ deploys: true }))).outs;
}

/** A client sends what the folder holds. */
async function sendFolder(): Promise<void> {
  const { snapshot, patterns } = await readTruss(folder);
  const { headHash, headSignature } = await client().status(versionId);
  const plan = computePatch(headSignature, snapshot, patterns);
  await client().patch(versionId, {
    prevHash: headHash,
    nextHash: plan.nextHash,
    nextSignature: onTheWire(signatureOf(snapshot, patterns)),
    patches: "patches" in plan ? [...plan.patches] : [],
  });
}

describe("developmentModelVersion", () => {
  const row = async () =>
    (
      await api.sql("SELECT number, truss_hash, is_development FROM menagerie.model_version WHERE id = $1", [versionId])
    )[0];

  it("is one row, whose content a full deployment changes in place", async () => {
    expect(await row()).toEqual({ number: 1, truss_hash: base, is_development: true });
    const news = registration({ hash: "f".repeat(64) });
    expect(await host.diff("developmentModelVersion", registration(), news)).toEqual({ changes: true, replaces: [] });
    expect(await host.update("developmentModelVersion", { ...registration(), versionId }, news)).toMatchObject({
      versionId,
    });
    expect(await row()).toEqual({ number: 1, truss_hash: "f".repeat(64), is_development: true });
  });

  it("made again after an `up` that was cut off is the same row", async () => {
    expect((await host.create("developmentModelVersion", registration())).outs.versionId).toBe(versionId);
  });

  it("is another one under another number or name", async () => {
    expect((await host.diff("developmentModelVersion", registration(), registration({ number: 2 }))).replaces).toEqual([
      "number",
    ]);
    expect(
      (await host.diff("developmentModelVersion", registration(), registration({ model: "other" }))).replaces,
    ).toEqual(["model"]);
  });

  it("stays when the resource is deleted, and is gone where its row is", async () => {
    const props = { ...registration(), versionId };
    await host.delete("developmentModelVersion", versionId, props);
    expect(await host.read("developmentModelVersion", versionId, props)).toBe(versionId);
    await api.sql("DELETE FROM menagerie.model_version WHERE id = $1", [versionId]);
    expect(await host.read("developmentModelVersion", versionId, props)).toBe("");
  });
});

describe("patchSync", () => {
  it("begins a chain with a full deployment, and answers once the container runs it", async () => {
    expect(await deployed()).toMatchObject({ headHash: base, runningHash: base, state: "synced" });
  });

  it("patches a folder that changed", async () => {
    await deployed();
    await save("two");
    const news = await sync();
    expect((await host.diff("patchSync", await sync({ declaredHash: base }), news)).changes).toBe(true);
    expect(await host.update("patchSync", {}, news)).toMatchObject({ headHash: await hash(), state: "synced" });
    expect(api.cluster.control(versionId).applied).toHaveLength(1);
  });

  it("adopts what a watch sent from the folder: nothing is sent again", async () => {
    await deployed();
    await save("two");
    await sendFolder();
    const outs = await host.update("patchSync", {}, await sync({ declaredBefore: base }));
    expect(outs).toMatchObject({ headHash: await hash(), runningHash: await hash(), state: "synced" });
    expect(api.cluster.control(versionId).applied).toHaveLength(1);
  });

  it("leaves a head that clients have moved on, while the folder is as the last `up` left it", async () => {
    await deployed();
    await save("theirs");
    await sendFolder();
    const head = await hash();
    await save("one");
    const outs = await host.update("patchSync", {}, await sync({ declaredBefore: base }));
    expect(outs).toMatchObject({ declaredHash: base, headHash: head });
    expect(api.cluster.control(versionId).hash).toBe(head);
  });

  it("refuses where both moved, and takes over where it may", async () => {
    await deployed();
    await save("theirs");
    await sendFolder();
    await save("mine");
    await expect(host.update("patchSync", {}, await sync({ declaredBefore: base }))).rejects.toThrow(/both have moved/);
    const outs = await host.update("patchSync", {}, await sync({ declaredBefore: base, takeover: true }));
    expect(outs).toMatchObject({ headHash: await hash(), state: "synced" });
  });

  it("refuses a folder that changed since the plan", async () => {
    await deployed();
    const planned = await sync();
    await save("later");
    await expect(host.update("patchSync", {}, planned)).rejects.toThrow(/changed while this ran; run `up` again/);
  });

  it("is not another one by what only says how to get there", async () => {
    const olds = await sync();
    const news = {
      ...olds,
      deploys: true,
      takeover: true,
      timeoutSeconds: 5,
      api: "http://elsewhere",
      apiKey: "other",
    };
    expect(await host.diff("patchSync", olds, news)).toEqual({ changes: false, replaces: [] });
    expect((await host.diff("patchSync", olds, { ...olds, versionId: "7" })).replaces).toEqual(["versionId"]);
  });

  it("is gone where its version is, and stays where the API service does not answer", async () => {
    await deployed();
    const props = { ...(await sync()), headHash: base, runningHash: base, state: "synced" };
    expect(await host.read("patchSync", versionId, props)).toBe(versionId);
    expect(await host.read("patchSync", versionId, { ...props, api: "http://127.0.0.1:1" })).toBe(versionId);
    expect(await host.read("patchSync", "999999", { ...props, versionId: "999999" })).toBe("");
  });
});
