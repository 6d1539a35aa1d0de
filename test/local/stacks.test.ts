import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { archiveOf } from "../../src/adapters/builds/treeArchive.ts";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { KubernetesApiError } from "../../src/adapters/kubernetes/request.ts";
import { readTruss } from "../../src/adapters/truss/snapshot.ts";
import { partSize } from "../../src/domain/builds/contextArchive.ts";
import { attemptOf, buildKey } from "../../src/domain/builds/pipelineRun.ts";
import { silent } from "../../src/domain/progress.ts";
import { hashSnapshot } from "../../src/domain/truss/hash.ts";
import { treeBelow } from "../../src/domain/truss/tree.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { BuildRuns } from "./buildRuns.ts";
import { applyManifest, type Manifest, namespace, pathOf } from "./support/manifests.ts";
import { copyOfCheckout, TestHome } from "./support/menagerie.ts";
import { OwnEngine } from "./support/ownEngine.ts";
import { postgresClusterDefinition } from "./support/postgresClusterDefinition.ts";

/** Staging and prod against a real API server on which nothing was declared yet, by the real engine. */

let project: string;
let home: TestHome;
let cluster: KubeConfig;

beforeAll(async () => {
  project = await copyOfCheckout();
  home = await TestHome.create(project);
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  cluster = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
});

afterAll(async () => {
  await home.dispose();
  await rm(project, { recursive: true, force: true });
});

/** Takes off the engine's mark of secret values. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("4dabf18193072939515e22adb298388d" in value && "value" in value) return plain(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

const postgresCluster: Manifest = {
  apiVersion: "postgres-operator.crunchydata.com/v1beta1",
  kind: "PostgresCluster",
  metadata: { name: "menagerie", namespace: "menagerie-database" },
};

/** Istio's configuration with these extension providers. */
function meshConfig(providers: readonly string[]) {
  const mesh = JSON.stringify({ extensionProviders: providers.map((name) => ({ name })) });
  const metadata = { name: "istio", namespace: "istio-system" };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { mesh, meshNetworks: "networks: {}" } };
}

/** A pod of the gateway, for its labels' sake. */
const gatewayPod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "gateway", namespace: "istio-ingress", labels: { istio: "ingress" } },
  spec: {
    schedulingGates: [{ name: "example.com/never" }],
    containers: [{ name: "proxy", image: "registry.example.com/proxy" }],
  },
};

describe("staging and prod, by the user's own engine and kubeconfig", () => {
  let engine: OwnEngine;

  beforeAll(async () => {
    engine = await OwnEngine.create(home, ["menagerie-staging", "menagerie-prod"]);
    for (const name of ["istio-system", "istio-ingress"]) await applyManifest(cluster, namespace(name));
    await applyManifest(cluster, meshConfig(["otel"]));
  });

  afterAll(() => engine.dispose());

  test("a cluster without the operator that a stack asks for is told", async () => {
    expect((await engine.run(["stack", "init", "staging"])).code).toBe(0);
    const { code, stdout } = await engine.run(["preview", "-s", "staging"]);
    expect(code).not.toBe(0);
    expect(stdout).toContain(
      "menagerie:postgresCluster: the cluster does not serve postgres-operator.crunchydata.com/v1beta1; install CrunchyData's operator (PGO 5), or use a server that is there by menagerie:database",
    );
    await applyManifest(cluster, postgresClusterDefinition());
    await vi.waitFor(() => pathOf(cluster, postgresCluster), { timeout: 120_000, interval: 200 });
  });

  test.each(["staging", "prod"])("`pulumi preview -s %s` says what would be made", async (stack) => {
    const init = await engine.run(["stack", "select", "--create", stack]);
    expect(init.code, init.stderr).toBe(0);
    const { code, stdout, stderr } = await engine.run(["preview", "-s", stack, "--diff"]);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/InferenceService/);
    expect(stdout).toMatch(/EC2NodeClass/);
    expect(stdout).toMatch(/\d+ to create/);
    const gateway = "{istio: ingress} are labels of no pod in namespace istio-ingress";
    const provider = 'Istio\'s MeshConfig has no extension provider "menagerie-keys" (it knows otel)';
    for (const told of [gateway, provider]) {
      if (stack === "staging") expect(stdout + stderr).toContain(told);
      else expect(stdout + stderr).not.toContain(told);
    }
    // Whoever reads that mends it before prod.
    await applyManifest(cluster, meshConfig(["otel", "menagerie-keys"]));
    await applyManifest(cluster, gatewayPod);
  });

  test("nothing of src/local is loaded for that", async () => {
    const loaded = (await engine.loadedFiles()).filter((url) => url.includes(`${project}/`));
    expect(loaded.some((url) => url.endsWith("/src/program.ts"))).toBe(true);
    expect(loaded.some((url) => url.endsWith("/src/providers/registry.ts"))).toBe(true);
    expect(loaded.filter((url) => url.includes("/src/local/"))).toEqual([]);
  });

  test("a cluster that the kubeconfig does not know is told", async () => {
    const other = await OwnEngine.create(home, ["somewhere-else"]);
    await other.run(["stack", "init", "staging"]);
    const { code, stdout, stderr } = await other.run(["preview", "-s", "staging"]);
    await other.dispose();
    expect(code).not.toBe(0);
    expect(stdout + stderr).toContain(
      'menagerie:kubeContext: the kubeconfig has no context "menagerie-staging", it has somewhere-else; correct the key, or set KUBECONFIG',
    );
  });
});

describe("every manifest of every stack", () => {
  beforeAll(async () => {
    // In staging and prod it is the application's own.
    await applyManifest(cluster, namespace("baseten"));
    // That of the gateway.
    await applyManifest(cluster, namespace("istio-ingress"));
  });

  const dryRun = (manifest: Manifest) => applyManifest(cluster, manifest, { dryRun: "All" });

  test.each(["local", "staging", "prod"])("of %s is taken by the API server, strictly validated", async (stack) => {
    const golden = JSON.parse(await readFile(join(import.meta.dirname, "../golden", `${stack}.json`), "utf8")) as {
      resources: Record<string, Manifest>;
    };
    const manifests = Object.entries(golden.resources).filter(([, { apiVersion }]) => apiVersion !== undefined);
    for (const [, { kind, metadata }] of manifests)
      if (kind === "Namespace") await applyManifest(cluster, namespace(metadata.name));
    expect(manifests.length).toBeGreaterThan(5);
    for (const [name, manifest] of manifests) {
      // The engine makes up the names of some.
      const named = { ...manifest, metadata: { ...manifest.metadata, name: manifest.metadata.name ?? "made-up" } };
      await dryRun(plain(named) as Manifest).catch((error: Error) => expect.fail(`${name}: ${error.message}`));
    }
  });

  test("which refuses a field that does not exist", async () => {
    await expect(dryRun({ ...namespace("zoo"), spec: { finalizer: [] } } as Manifest)).rejects.toThrow(
      KubernetesApiError,
    );
  });
});

describe("a build by a PipelineRun, on an API server whose Tekton is played by this test", () => {
  const digest = `sha256:${"c".repeat(64)}`;
  const results = { IMAGE_URL: "registry.example.com/multiplier", IMAGE_DIGEST: digest };
  // More than two Secrets hold.
  const archive = new Uint8Array(2 * partSize + 1);
  let runs: BuildRuns;
  let truss: { folder: string; hash: string; name: string };
  let key: string;

  beforeAll(async () => {
    runs = await BuildRuns.create(cluster);
    const folder = join(project, "models", "multiplier");
    const { snapshot, patterns } = await readTruss(folder);
    truss = { folder, name: "multiplier", hash: hashSnapshot(snapshot, patterns) };
    key = buildKey(truss.name, truss.hash);
  });

  test("is started with its whole context by who has Role truss-builder alone; a second caller shares the run", async () => {
    const both = Promise.all([runs.builder(archive).build(truss), runs.builder(archive).build(truss)]);
    const run = await runs.started(`${key}-1`);
    expect((await runs.contextSizes()).sort()).toEqual([1, partSize, partSize]);
    expect(await runs.all()).toHaveLength(1);
    await runs.end(run.metadata.name, "Succeeded", results);
    const image = { url: results.IMAGE_URL, digest };
    expect(await both).toEqual([image, image]);
    expect(await runs.contextSizes()).toEqual([]);
    expect(await runs.builder(archive).build(truss)).toEqual(image);
    expect(await runs.all()).toHaveLength(1);
  });

  test.each([
    ["Cancelled", {}, "was cancelled; run this again to start the next one"],
    ["PipelineRunTimeout", {}, "had not ended after 5 min and was stopped"],
    ["Succeeded", { ...results, IMAGE_DIGEST: "latest" }, "it succeeded without naming its image by digest"],
  ])("that ends as %s %j is told, and the next build is another attempt", async (reason, ends, words) => {
    const gone = { isStored: async () => false };
    const attempt = (await runs.all()).length + 1;
    const failing = runs.builder(new Uint8Array(1), gone).build(truss);
    const expected = expect(failing).rejects.toThrow(words);
    await runs.started(`${key}-${attempt}`);
    await runs.end(`${key}-${attempt}`, reason, ends);
    await expected;
  });

  test("that is given up is cancelled", async () => {
    const abort = new AbortController();
    const attempt = (await runs.all()).length + 1;
    const building = runs.builder(new Uint8Array(1), { signal: abort.signal }).build(truss);
    const expected = expect(building).rejects.toThrow("stopped by the test");
    await runs.started(`${key}-${attempt}`);
    abort.abort(new Error("stopped by the test"));
    await expected;
    expect((await runs.all()).at(-1)?.spec?.status).toBe("Cancelled");
    await runs.end(`${key}-${attempt}`, "Cancelled");
  });

  test("leaves the newest finished runs, two here", async () => {
    const attempt = (await runs.all()).length + 1;
    const building = runs.builder(new Uint8Array(1)).build(truss);
    await runs.started(`${key}-${attempt}`);
    await runs.end(`${key}-${attempt}`, "Succeeded", results);
    expect(await building).toEqual({ url: results.IMAGE_URL, digest });
    const left = (await runs.all()).map(({ metadata }) => metadata.name);
    expect(left).toEqual([`${key}-${attempt - 1}`, `${key}-${attempt}`]);
  });

  test("that goes on is joined without its context being packed again", async () => {
    const gone = { isStored: async () => false };
    const attempt = attemptOf((await runs.all()).at(-1)?.metadata.name ?? "") + 1;
    const first = runs.builder(new Uint8Array(1), gone).build(truss);
    await runs.started(`${key}-${attempt}`);
    const waits = Promise.withResolvers<void>();
    const told = { ...silent.begin(""), update: () => waits.resolve() };
    const joining = { ...gone, progress: { ...silent, begin: () => told } };
    const pack = () => Promise.reject(new Error("packed again"));
    const second = runs.builder(new Uint8Array(1), { ...joining, pack }).build(truss);
    await Promise.race([waits.promise, second]);
    await runs.end(`${key}-${attempt}`, "Succeeded", results);
    const image = { url: results.IMAGE_URL, digest };
    expect(await Promise.all([first, second])).toEqual([image, image]);
  });

  describe("of what a client pushed, by the API service", () => {
    const pushed = { name: "pushed-7", hash: "d".repeat(64) };
    const run = `${buildKey(pushed.name, pushed.hash)}-`;
    let archive: Uint8Array;

    beforeAll(async () => {
      const { snapshot } = await readTruss(truss.folder);
      archive = await buffer(archiveOf(treeBelow(snapshot, "")));
    });

    test("goes on when its replica ends, and is joined by the next", async () => {
      const ended = new AbortController();
      const first = runs.archiveBuilder().build({ ...pushed, archive }, ended.signal);
      const left = expect(first).rejects.toThrow("the replica ends");
      await runs.started(`${run}1`);
      ended.abort(new Error("the replica ends"));
      await left;
      const next = runs.archiveBuilder().build({ ...pushed, archive }, new AbortController().signal);
      await runs.end(`${run}1`, "Succeeded", results);
      expect(await next).toEqual({ url: results.IMAGE_URL, digest });
    });

    test("that fails is the pusher's to mend", async () => {
      const other = { ...pushed, name: "pushed-8" };
      const failing = runs.archiveBuilder().build({ ...other, archive }, new AbortController().signal);
      const told = expect(failing).rejects.toMatchObject({
        exitCode: 2,
        message: expect.stringMatching(/its build failed/),
      });
      await runs.started(`${buildKey(other.name, other.hash)}-1`);
      await runs.end(`${buildKey(other.name, other.hash)}-1`, "Failed");
      await told;
    });
  });
});
