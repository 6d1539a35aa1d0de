import { afterAll, beforeAll, expect, it } from "vitest";
import { ApiRefused, createDevelopmentVersions } from "../../../../../src/adapters/api/developmentVersions.ts";
import { pushTruss } from "../../../../../src/adapters/api/pushTruss.ts";
import { type CuttingProxy, startCuttingProxy } from "../../../../support/cuttingProxy.ts";
import { type ApiUnderTest, adminKey, startDevelopmentApi } from "../../../../support/developmentApi.ts";
import { trussOf } from "../../../../support/trussOf.ts";

/** A client whose connections to the API service break in the middle of what they carry. */

let api: ApiUnderTest;
let proxy: CuttingProxy;

beforeAll(async () => {
  api = await startDevelopmentApi();
  proxy = await startCuttingProxy(api.url);
});
afterAll(async () => {
  proxy?.stop();
  await api?.stop();
});

it("gets each save in, once, wherever the connection breaks", async () => {
  const { versionId } = await api.newVersion();
  const edit = (text: string) => trussOf({ "model/model.py": text.repeat(200) });
  const base = edit("v0 ");
  await createDevelopmentVersions({ url: api.url, key: adminKey }).startGeneration(versionId, {
    hash: base.hash,
    signature: base.signature,
  });
  api.cluster.deploy(versionId, base.hash);
  const client = createDevelopmentVersions({ url: proxy.url, key: adminKey });
  const cuts = [
    ...[1, 150, 400, 900, 1_400].map((bytes) => ["up", bytes] as const),
    ...[1, 40, 120, 200, 300].map((bytes) => ["down", bytes] as const),
  ];
  let head = { hash: base.hash, signature: base.signature };
  for (const [index, [direction, bytes]] of cuts.entries()) {
    const next = edit(`v${index + 1} `);
    const read = async () => ({ snapshot: next.snapshot, patterns: [] });
    await proxy.cutNext(direction, bytes);
    const broken = await pushTruss({ client, versionId, head, read }).catch((error: unknown) => error);
    expect(broken, `${direction} ${bytes}`).toBeInstanceOf(ApiRefused);
    expect(broken).toMatchObject({ code: "unreachable", message: expect.stringContaining("the connection broke") });
    const pushed = await pushTruss({ client, versionId, head, read });
    expect(pushed.head.hash).toBe(next.hash);
    head = pushed.head;
    expect((await client.sync(versionId)).state).toBe("synced");
    expect(api.cluster.control(versionId).hash).toBe(next.hash);
  }
  expect(proxy.cuts()).toBe(cuts.length);
  expect(await client.status(versionId)).toMatchObject({ seq: cuts.length, headHash: head.hash });
});
