import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { putImage } from "../../../src/adapters/images/imageStore.ts";
import { delegate } from "../../../src/providers/delegate.ts";
import { type DynamicHost, startDynamicHost } from "./dynamicHost.ts";

/** The handlers as the engine calls them: through the serialized delegate, in the SDK's own provider host. */

let host: DynamicHost;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "menagerie-providers-"));
  await writeFile(join(folder, "config.yaml"), "model_name: [\n");
  const cluster = { name: "staging", cluster: { server: "https://127.0.0.1:1" } };
  const context = { name: "staging", context: { cluster: "staging", user: "me" } };
  const user = { name: "me", user: {} };
  const kubeconfig = { clusters: [cluster], contexts: [context], users: [user], "current-context": "staging" };
  await writeFile(join(folder, "kubeconfig"), JSON.stringify(kubeconfig));
  host = await startDynamicHost({
    MENAGERIE_IMAGE_STORE: join(folder, "images"),
    MENAGERIE_CACHE: "",
    KUBECONFIG: join(folder, "kubeconfig"),
  });
});

afterAll(async () => {
  await host.stop();
  await rm(folder, { recursive: true, force: true });
});

const image = { builder: "directory", folder: "models/iris", hash: "a1", name: "iris" };
const built = {
  ...image,
  url: "menagerie.local/truss/iris",
  digest: "sha256:0",
  image: "menagerie.local/truss/iris@sha256:0",
};
const ready = {
  namespace: "models",
  name: "iris",
  revision: "r1",
  mode: "Standard",
  pool: "cpu",
  path: "/",
  timeoutSeconds: 10,
};

describe("the delegate in the state", () => {
  it("is constant for a kind, short, and holds nothing of the environment", () => {
    const text = delegate("trussImage");
    expect(text).toBe(delegate("trussImage"));
    expect(text).not.toContain(process.cwd());
    expect(text.length).toBeLessThan(200);
  });
});

describe("trussImage", () => {
  it("accepts a truss", async () => expect(await host.check("trussImage", image)).toEqual([]));

  it("fails a preview when the folder holds no config.yaml, in one sentence", async () => {
    expect(await host.check("trussImage", { ...image, folder: "models/irs" })).toEqual([
      { property: "folder", reason: "models/irs/config.yaml does not exist; give a truss folder, which has one" },
    ]);
  });

  it("fails a preview when config.yaml is not YAML, naming file and line", async () => {
    const [failure, ...others] = await host.check("trussImage", { ...image, folder });
    expect(others).toEqual([]);
    expect(failure?.reason).toMatch(/config\.yaml line \d+: not valid YAML/);
  });

  it("is replaced for a new hash, name or builder, and kept when only its folder moved", async () => {
    const replacedFor = async (change: object) =>
      (await host.diff("trussImage", built, { ...image, ...change })).replaces;
    expect(await replacedFor({ hash: "b2" })).toEqual(["hash"]);
    expect(await replacedFor({ name: "iris2", builder: "tekton" })).toEqual(["builder", "name"]);
    expect(await host.diff("trussImage", built, { ...image, folder: "elsewhere" })).toEqual({
      changes: true,
      replaces: [],
    });
    expect(await host.diff("trussImage", built, image)).toEqual({ changes: false, replaces: [] });
    expect(await host.update("trussImage", built, { ...image, folder: "elsewhere" })).toEqual({
      ...built,
      folder: "elsewhere",
    });
  });

  it("is built again where it is due", async () => {
    expect(await host.diff("trussImage", built, { ...image, due: true })).toEqual({ changes: true, replaces: [] });
    // It begins to build, and this test's environment has no cache.
    await expect(host.update("trussImage", built, { ...image, due: true })).rejects.toThrow("needs MENAGERIE_CACHE");
  });

  it("is gone when the store no longer holds its image", async () => {
    const store = join(folder, "images");
    const config = { entrypoint: [], cmd: [], env: {}, workingDir: "/" };
    const { url, digest } = await putImage(store, { url: "x/iris", layers: [], config, populate: async () => {} });
    expect(await host.read("trussImage", "id", { ...built, image: `${url}@${digest}` })).toBe("id");
    await rm(store, { recursive: true });
    expect(await host.read("trussImage", "id", { ...built, image: `${url}@${digest}` })).toBe("");
  });

  it("says what sets the cache that it cannot build without", async () => {
    await expect(host.create("trussImage", image)).rejects.toThrow(
      'menagerie:builds.kind: "directory" is for the local environment and needs MENAGERIE_CACHE; run through `menagerie`, which sets it',
    );
  });

  it("leaves the image where it is when it is deleted", () => host.delete("trussImage", "id", built));
});

describe("modelReady", () => {
  it("waits again for a new revision, and not for another time limit", async () => {
    expect(await host.diff("modelReady", ready, { ...ready, revision: "r2" })).toEqual({ changes: true, replaces: [] });
    expect(await host.update("modelReady", ready, { ...ready, timeoutSeconds: 99 })).toEqual({
      ...ready,
      timeoutSeconds: 99,
    });
  });

  it("is another one for another model", async () => {
    const { replaces } = await host.diff("modelReady", ready, { ...ready, namespace: "zoo" });
    expect(replaces).toEqual(["namespace"]);
  });

  it("says which context the kubeconfig does not have, and which it has", async () => {
    await expect(host.create("modelReady", { ...ready, context: "prod" })).rejects.toThrow(
      'menagerie:kubeContext: "prod" is not a context of the kubeconfig; use staging',
    );
  });

  it("changes nothing when it is deleted", () => host.delete("modelReady", "models/iris", ready));

  it("ends its wait within seconds of the first Ctrl-C, at which the engine only asks its providers to cancel", async () => {
    const own = await startDynamicHost({ KUBECONFIG: join(folder, "kubeconfig") });
    try {
      const waits = own.create("modelReady", { ...ready, timeoutSeconds: 3_600 });
      const ended = expect(waits).rejects.toThrow("interrupted; run `up` again, which goes on from here");
      await setTimeout(3_000);
      const from = Date.now();
      await own.cancel();
      await ended;
      // Of an hour that it would wait.
      expect(Date.now() - from).toBeLessThan(60_000);
    } finally {
      await own.stop();
    }
  });
});

describe("a kind that this checkout does not know", () => {
  it("is told as such", async () => {
    await expect(host.delete("noSuchKind", "id", {})).rejects.toThrow(/no handler for; use the version that made it/);
  });
});
