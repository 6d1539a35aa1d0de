import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  createDevelopmentVersions,
  NeedsFullDeploy,
  StaleHead,
} from "../../../../../src/adapters/api/developmentVersions.ts";
import {
  listDevelopment,
  listPatches,
  readWholePatch,
} from "../../../../../src/adapters/postgres/developmentHistory.ts";
import type { PatchRequest } from "../../../../../src/domain/development/contract.ts";
import { pingUrl } from "../../../../../src/domain/development/pingToken.ts";
import { computePatch } from "../../../../../src/domain/patch/compute.ts";
import { patchDifference } from "../../../../../src/domain/patch/difference.ts";
import type { PatchOperation } from "../../../../../src/domain/patch/operation.ts";
import { type ApiUnderTest, adminKey, signingKey, startDevelopmentApi } from "../../../../support/developmentApi.ts";
import { trussOf } from "../../../../support/trussOf.ts";

/** Development versions by the typed client, through the real server and a real PostgreSQL. */

let api: ApiUnderTest;
let id: string;
let modelId: string;
let organizationId: string;
const base = trussOf({ "model/model.py": "class Model: pass\n" });
const edit = (text: string, config?: string) => trussOf({ "model/model.py": text }, config);
type Truss = typeof base;

beforeAll(async () => {
  api = await startDevelopmentApi();
});
afterAll(() => api?.stop());

const client = (key = adminKey) => createDevelopmentVersions({ url: api.url, key });

beforeEach(async () => {
  ({ versionId: id, modelId, organizationId } = await api.newVersion());
  await client().startGeneration(id, { hash: base.hash, signature: base.signature });
  api.cluster.deploy(id, base.hash);
});

function patchFrom(from: Truss, to: Truss): PatchRequest {
  const plan = computePatch(from.signature, to.snapshot);
  return {
    prevHash: from.hash,
    nextHash: to.hash,
    nextSignature: to.signature,
    patches: "patches" in plan ? [...plan.patches] : [],
  };
}

describe("a patch", () => {
  it("is stored, sent to the container and becomes the head with its signature", async () => {
    const next = edit("class Model: x = 1\n");
    const answer = await client().patch(id, patchFrom(base, next));
    expect(answer).toMatchObject({ headHash: next.hash, seq: 1, state: "synced", runningHash: next.hash });
    expect(api.cluster.control(id).hash).toBe(next.hash);
    expect(await client().status(id)).toMatchObject({
      versionId: id,
      namespace: "models",
      generation: 1,
      seq: 1,
      headHash: next.hash,
      headSignature: next.signature,
      runningHash: next.hash,
      state: "synced",
    });
  });

  it("is kept with who sent it, how long the model took, and what its files held before", async () => {
    const [a, b] = [edit("class Model: x = 1\n"), edit("class Model: x = 2\n")];
    const key = await api.newKey({ organizationId });
    await client().patch(id, patchFrom(base, a));
    await client(key).patch(id, patchFrom(a, b));
    await client(key).patch(id, { ...patchFrom(b, base), sync: false });
    // Whoever patches does not wait until it is noted how long that took.
    await expect
      .poll(async () => (await listPatches(api.pool, id, { limit: 10 })).filter(({ reload }) => reload !== null))
      .toHaveLength(2);
    const patches = await listPatches(api.pool, id, { limit: 10 });
    expect(patches.map(({ seq, sentBy, operations }) => [seq, sentBy, operations])).toEqual([
      [3, `key ${key.split("_")[1]}`, ["UPDATE model_code model.py"]],
      [2, `key ${key.split("_")[1]}`, ["UPDATE model_code model.py"]],
      [1, "the stack", ["UPDATE model_code model.py"]],
    ]);
    expect(patches[0]?.reload).toBeNull();
    expect(patches[1]?.reload?.tookMs).toBeGreaterThan(0);
    expect(await listPatches(api.pool, id, { limit: 1, before: { generation: 1, seq: 2 } })).toMatchObject([
      { seq: 1 },
    ]);
    const whole = await readWholePatch(api.pool, id, { generation: 1, seq: 2 });
    expect(patchDifference(whole?.operations ?? [], whole?.before ?? new Map())).toMatchObject([
      {
        lines: [
          { of: "before", text: "class Model: x = 1" },
          { of: "after", text: "class Model: x = 2" },
        ],
      },
    ]);
    expect(await readWholePatch(api.pool, id, { generation: 1, seq: 4 })).toBeUndefined();
    expect(await readWholePatch(api.pool, id, { generation: 2, seq: 1 })).toBeUndefined();
    const [version, ...others] = await listDevelopment(api.pool, { called: id, organizationId });
    expect(others).toEqual([]);
    expect(version).toMatchObject({ seq: 3, generation: 1, headHash: base.hash, baseHash: base.hash, push: null });
    expect(await listDevelopment(api.pool, { called: id, organizationId: "0" })).toEqual([]);
  });

  it("leaves variables alone that the stack sets, which win in a new pod too", async () => {
    const config = "model_name: t\nlive_reload: true\nenvironment_variables: {OF_STACK: a, OF_TRUSS: b}\n";
    await client().patch(id, patchFrom(base, edit("class Model: pass\n", config)));
    const kinds = (api.cluster.control(id).applied as PatchOperation[]).map((op) => [op.type, JSON.stringify(op.body)]);
    expect(kinds).toContainEqual(["environment_variable", '{"action":"ADD","item":{"OF_TRUSS":"b"}}']);
    expect(kinds.filter(([type, body]) => type === "environment_variable" && body?.includes("OF_STACK"))).toEqual([]);
  });

  it("sent again after a lost reply is taken once", async () => {
    const next = edit("class Model: x = 1\n");
    await client().patch(id, patchFrom(base, next));
    expect(await client().patch(id, patchFrom(base, next))).toMatchObject({ seq: 1, state: "synced" });
    expect(api.cluster.control(id).applied).toHaveLength(1);
  });

  it("against an older head is stale, and is told the head to start from", async () => {
    const [a, b] = [edit("a = 1\n"), edit("b = 1\n")];
    await client().patch(id, patchFrom(base, a));
    const refused = await client()
      .patch(id, patchFrom(base, b))
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StaleHead);
    expect(refused).toMatchObject({ headHash: a.hash, headSignature: a.signature });
    expect(await client().patch(id, patchFrom(a, b))).toMatchObject({ seq: 2, state: "synced" });
  });

  it("may be stored without being sent", async () => {
    const next = edit("class Model: x = 1\n");
    expect(await client().patch(id, { ...patchFrom(base, next), sync: false })).toMatchObject({ state: "behind" });
    expect(await client().status(id)).toMatchObject({ state: "behind", runningHash: base.hash, headHash: next.hash });
    expect(await client().sync(id)).toMatchObject({ state: "synced", runningHash: next.hash });
  });

  it("of 20 clients at once is applied in one order, and all get in", async () => {
    const head = { current: base };
    const known = new Map([[base.hash, base]]);
    const push = async (number: number) => {
      const mine = edit(`n = ${number}\n`);
      known.set(mine.hash, mine);
      for (let from = head.current; ; ) {
        try {
          await client().patch(id, patchFrom(from, mine));
          head.current = mine;
          return;
        } catch (error) {
          if (!(error instanceof StaleHead)) throw error;
          from = known.get(error.headHash) ?? base;
        }
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, number) => push(number)));
    const { headHash, runningHash, seq, state } = await client().status(id);
    expect({ seq, state, runningHash }).toEqual({ seq: 20, state: "synced", runningHash: headHash });
  });

  it("that needs another image is refused with the reasons, and nothing is stored", async () => {
    const resources = edit("x = 1\n", "model_name: t\nlive_reload: true\nresources: {cpu: '2'}\n");
    const refused = await client()
      .patch(id, patchFrom(base, resources))
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NeedsFullDeploy);
    expect((refused as NeedsFullDeploy).message).toMatch(/resources changed.*run `pulumi up`/);
    const next = edit("x = 2\n");
    const packages = [{ type: "system_package", body: { action: "ADD", package: "ffmpeg" } }];
    await expect(client().patch(id, { ...patchFrom(base, next), patches: packages })).rejects.toThrow(
      /system packages/,
    );
    expect((await client().status(id)).seq).toBe(0);
  });

  it("whose hash is not that of its signature is refused", async () => {
    const next = edit("x = 1\n");
    await expect(client().patch(id, { ...patchFrom(base, next), nextHash: "0".repeat(64) })).rejects.toThrow(
      /nextHash: is 000000000000, but the signature is that of/,
    );
  });
});

describe("a container", () => {
  it("that only a new one replaces is deleted, and the new one synced", async () => {
    const next = edit("x = 1\n");
    await client().patch(id, patchFrom(base, next));
    const before = api.cluster.pod(id)?.name;
    // As after a restart of the control server on a used disk: its hash is the image's, its files are not.
    api.cluster.control(id).hash = base.hash;
    expect(await client().status(id)).toMatchObject({ state: "behind", runningHash: base.hash });
    expect(await client().sync(id)).toMatchObject({ state: "synced", runningHash: next.hash });
    expect(api.cluster.pod(id)?.name).not.toBe(before);
  });

  it("that starts asks for its patches by an address of its own, and gets them", async () => {
    const next = edit("x = 1\n");
    await client().patch(id, patchFrom(base, next));
    await api.cluster.deletePod(api.cluster.pod(id)?.name ?? "");
    const ping = (url: string, body: unknown) =>
      fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
    const address = pingUrl(api.url, signingKey, id);
    const wrong = address.slice(0, -1) + (address.endsWith("0") ? "1" : "0");
    expect((await ping(wrong, { truss_hash: base.hash })).status).toBe(401);
    expect((await ping(pingUrl(api.url, "another key", id), { truss_hash: base.hash })).status).toBe(401);
    expect(await (await ping(address, { truss_hash: base.hash })).json()).toEqual({ is_current: false });
    await expect.poll(() => api.cluster.control(id).hash).toBe(next.hash);
  });

  it("of a version without patches is told that it is current", async () => {
    const answer = await fetch(pingUrl(api.url, signingKey, id), {
      method: "POST",
      body: JSON.stringify({ truss_hash: base.hash }),
    });
    expect(await answer.json()).toEqual({ is_current: true });
  });

  it("of a stopped version is left alone until the version is woken", async () => {
    await api.cluster.setStopped(`v${id}`, true);
    const next = edit("x = 1\n");
    expect(await client().patch(id, patchFrom(base, next))).toMatchObject({ state: "stopped", seq: 1 });
    expect(await client().wake(id)).toMatchObject({ state: "waking" });
    expect(await client().sync(id)).toMatchObject({ state: "synced", runningHash: next.hash });
  });
});

describe("a full deployment", () => {
  it("starts a generation once", async () => {
    const deployed = { hash: base.hash, signature: base.signature };
    expect(await client().startGeneration(id, deployed)).toMatchObject({ generation: 1, seq: 0 });
    const next = edit("x = 1\n");
    await client().patch(id, { ...patchFrom(base, next), sync: false });
    expect(await client().startGeneration(id, deployed)).toMatchObject({ generation: 2, headHash: base.hash, seq: 0 });
  });

  it("is needed first", async () => {
    const { versionId } = await api.newVersion();
    await expect(client().status(versionId)).rejects.toThrow(/was never deployed in full/);
    await expect(client().patch(versionId, patchFrom(base, edit("x = 1\n")))).rejects.toThrow(/never deployed/);
  });
});

describe("keys", () => {
  it("are needed, of the model or its organization", async () => {
    const elsewhere = await api.newVersion("other", "elsewhere");
    for (const scope of [{ modelId }, { organizationId }]) {
      const own = client(await api.newKey(scope));
      expect((await own.status(id)).versionId).toBe(id);
      await expect(own.status(elsewhere.versionId)).rejects.toMatchObject({ code: "key_scope" });
      await expect(own.status("999999")).rejects.toMatchObject({ code: "key_scope" });
      await expect(own.startGeneration(id, { hash: base.hash, signature: base.signature })).rejects.toMatchObject({
        code: "key_scope",
      });
    }
    await expect(client("wrong").status(id)).rejects.toMatchObject({ code: "invalid_api_key" });
    expect((await fetch(`${api.url}/v1/development/${id}`)).status).toBe(401);
    await expect(client().status("999999")).rejects.toMatchObject({ code: "not_found" });
  });
});
