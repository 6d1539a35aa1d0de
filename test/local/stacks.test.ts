import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KubernetesApiError, request, requestJson } from "../../src/adapters/kubernetes/request.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { copyOfCheckout, TestHome } from "./support/menagerie.ts";
import { OwnEngine } from "./support/ownEngine.ts";

/** What an environment's program does to a real API server, run by the real engine. */

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const secretValue = "s3cr3t-Value-4711";
const settingsPath = "/api/v1/namespaces/baseten/configmaps/baseten-django-dynamic-settings";

let project: string;
let home: TestHome;
let cluster: KubeConfig;

beforeAll(async () => {
  project = await copyOfCheckout();
  home = await TestHome.create(project);
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  cluster = new KubeConfig();
  cluster.loadFromFile(environmentLayout("local", home.path).kubeconfig);
});

afterAll(async () => {
  await home.dispose();
  await rm(project, { recursive: true, force: true });
});

/** Runs the environment's own engine; what it prints, both streams. */
async function pulumi(...args: string[]): Promise<{ code: number | null; text: string }> {
  const { code, stdout, stderr } = await home.menagerie(["pulumi", "--", ...args]);
  return { code, text: stdout + stderr };
}

async function pathOf({ apiVersion, kind, metadata }: Manifest): Promise<string> {
  const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = await requestJson<{ resources: { kind: string; name: string }[] }>(cluster, "GET", base);
  const name = resources.find((resource) => resource.kind === kind && !resource.name.includes("/"))?.name;
  return `${base}${metadata.namespace ? `/namespaces/${metadata.namespace}` : ""}/${name}/${metadata.name}`;
}

async function applyManifest(manifest: Manifest, query: Record<string, string>): Promise<void> {
  await request(cluster, "PATCH", await pathOf(manifest), {
    query: { fieldManager: "by-hand", fieldValidation: "Strict", force: true, ...query },
    contentType: "application/apply-patch+yaml",
    body: manifest,
  });
}

/** As `kubectl edit` does it. */
function editByHand<T>(path: string, body: object): Promise<T> {
  return requestJson<T>(cluster, "PATCH", path, {
    query: { fieldManager: "kubectl-edit" },
    contentType: "application/merge-patch+json",
    body,
  });
}

/** Takes off the engine's mark of secret values. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if ("4dabf18193072939515e22adb298388d" in value && "value" in value) return plain(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

const namespace = (name: string): Manifest => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });

describe("staging and prod, by the user's own engine and kubeconfig", () => {
  let engine: OwnEngine;

  beforeAll(async () => {
    engine = await OwnEngine.create(home, ["menagerie-staging", "menagerie-prod"]);
  });

  afterAll(() => engine.dispose());

  test.each(["staging", "prod"])("`pulumi preview -s %s` says what would be made", async (stack) => {
    const init = await engine.run(["stack", "init", stack]);
    expect(init.code, init.stderr).toBe(0);
    const { code, stdout, stderr } = await engine.run(["preview", "-s", stack, "--diff"]);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/InferenceService/);
    expect(stdout).toMatch(/EC2NodeClass/);
    expect(stdout).toMatch(/\d+ to create/);
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
      'menagerie:kubeContext: the kubeconfig has no context "menagerie-staging"; it has somewhere-else; correct the key, or set KUBECONFIG',
    );
  });
});

describe("every manifest of every stack", () => {
  beforeAll(async () => {
    // In staging and prod it is the application's own.
    await applyManifest(namespace("baseten"), {});
  });

  const dryRun = (manifest: Manifest) => applyManifest(manifest, { dryRun: "All" });

  test.each(["local", "staging", "prod"])("of %s is taken by the API server, strictly validated", async (stack) => {
    const golden = JSON.parse(await readFile(join(import.meta.dirname, "../golden", `${stack}.json`), "utf8")) as {
      resources: Record<string, Manifest>;
    };
    const manifests = Object.entries(golden.resources).filter(([, { apiVersion }]) => apiVersion !== undefined);
    for (const [, { kind, metadata }] of manifests)
      if (kind === "Namespace") await applyManifest(namespace(metadata.name), {});
    expect(manifests.length).toBeGreaterThan(5);
    for (const [name, manifest] of manifests) {
      await dryRun(plain(manifest) as Manifest).catch((error: Error) => expect.fail(`${name}: ${error.message}`));
    }
  });

  test("which refuses a field that does not exist", async () => {
    await expect(dryRun({ ...namespace("zoo"), spec: { finalizer: [] } } as Manifest)).rejects.toThrow(
      KubernetesApiError,
    );
  });
});

describe("what exists already is adopted", () => {
  const isvc = {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: {
      name: "iris-v1",
      namespace: "models",
      annotations: { "serving.kserve.io/deploymentMode": "Standard", "example.com/owner": "somebody" },
    },
    spec: {
      predictor: { minReplicas: 3, containers: [{ name: "kserve-container", image: "menagerie.local/by/hand:1" }] },
    },
  };
  const uidOf = async (manifest: Manifest) =>
    (await requestJson<{ metadata: { uid: string } }>(cluster, "GET", await pathOf(manifest))).metadata.uid;

  test("a foreign InferenceService is not overwritten unasked: `up` fails and names who wrote it", async () => {
    await applyManifest(isvc, {});
    const { code, stdout, stderr } = await home.menagerie(["up"]);
    expect(code).toBe(1);
    expect(stdout + stderr).toMatch(/conflicts? with "by-hand"/);
  });

  test("with PULUMI_K8S_ENABLE_PATCH_FORCE=true the namespace and the InferenceService stay and become the stack's", async () => {
    const before = await Promise.all([uidOf(namespace("models")), uidOf(isvc)]);
    process.env.PULUMI_K8S_ENABLE_PATCH_FORCE = "true";
    const { code, stdout, stderr } = await home
      .menagerie(["up"])
      .finally(() => delete process.env.PULUMI_K8S_ENABLE_PATCH_FORCE);
    expect(code, stdout + stderr).toBe(0);
    expect(await Promise.all([uidOf(namespace("models")), uidOf(isvc)])).toEqual(before);
    const answer = await home.menagerie(["predict", "iris", "--data", '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}']);
    expect(JSON.parse(answer.stdout)).toMatchObject({ predictions: [0] });
    const again = await pulumi("preview", "--expect-no-changes");
    expect(again.code, again.text).toBe(0);
  });
});

describe("the dynamic settings", () => {
  test("are edited by hand: a refresh shows it, and the next `up` with a refresh puts it back in place", async () => {
    const edited = await editByHand<{ metadata: { uid: string } }>(settingsPath, {
      data: { ratelimitEnabled: "false", keyOfTheApplication: "kept" },
    });
    const preview = await pulumi("preview", "--refresh", "--diff");
    expect(preview.code, preview.text).toBe(0);
    expect(preview.text).toMatch(/~ ratelimitEnabled: "false" => "true"/);
    const up = await pulumi("up", "--refresh", "--yes", "--skip-preview");
    expect(up.code, up.text).toBe(0);
    const after = await requestJson<{ metadata: { uid: string }; data: object }>(cluster, "GET", settingsPath);
    expect(after.metadata.uid).toBe(edited.metadata.uid);
    expect(after.data).toEqual({
      ratelimitEnabled: "true",
      modelZooDeploymentAutomationEnabled: "true",
      automaticallyDeployedModelZooModelsWhitelist: '{"iris":{"copy":false},"multiplier":{"copy":false}}',
      keyOfTheApplication: "kept",
    });
  });
});

describe("a truss that names a secret", () => {
  const keeper = [
    "import hashlib",
    "class Model:",
    "    def __init__(self, **kwargs):",
    '        self._secrets = kwargs["secrets"]',
    "    def predict(self, request):",
    '        return {"sha256": hashlib.sha256(self._secrets["hf_token"].encode()).hexdigest()}',
  ].join("\n");
  const said: string[] = [];

  beforeAll(async () => {
    await mkdir(join(project, "models/keeper/model"), { recursive: true });
    await writeFile(join(project, "models/keeper/config.yaml"), "model_name: keeper\nsecrets:\n  hf_token: null\n");
    await writeFile(join(project, "models/keeper/model/__init__.py"), "");
    await writeFile(join(project, "models/keeper/model/model.py"), keeper);
    const stackFile = join(project, "Pulumi.local.yaml");
    const entry = "    keeper: { truss: models/keeper, phase: done, resources: { cpu: 500m, memory: 512Mi } }\n";
    await writeFile(
      stackFile,
      (await readFile(stackFile, "utf8")).replace("menagerie:zoo:\n", `menagerie:zoo:\n${entry}`),
    );
  });

  test("that is nowhere fails the preview with its name and the command that sets it", async () => {
    const { code, text } = await pulumi("preview");
    expect(code).not.toBe(0);
    expect(text).toContain(
      'menagerie:zoo.keeper: models/keeper names the secret "hf_token", which Secret "admin-organization-secrets" in namespace "models" does not hold, for it does not exist; set it with `pulumi config set --secret --path \'menagerie:secrets.hf_token\'`',
    );
    expect(text).not.toMatch(/\n\s+at /);
  });

  test("reads the value that was set by that command", async () => {
    const set = await pulumi("config", "set", "--secret", "--path", "menagerie:secrets.hf_token", secretValue);
    expect(set.code, set.text).toBe(0);
    said.push((await pulumi("preview", "--diff")).text);
    const { code, stdout, stderr } = await home.menagerie(["up"]);
    said.push(stdout, stderr);
    expect(code, stdout + stderr).toBe(0);
    const answer = await home.menagerie(["predict", "keeper", "--data", "{}"]);
    expect(JSON.parse(answer.stdout)).toEqual({ sha256: createHash("sha256").update(secretValue).digest("hex") });
  });

  test("prefers nothing else: the Secret of the admin organization serves what the stack does not hold", async () => {
    const unset = await pulumi("config", "rm", "--path", "menagerie:secrets.hf_token");
    expect(unset.code, unset.text).toBe(0);
    const data = { hf_token: Buffer.from("by-hand").toString("base64") };
    const metadata = { name: "admin-organization-secrets", namespace: "models" };
    await applyManifest({ apiVersion: "v1", kind: "Secret", metadata, data } as Manifest, {});
    const preview = await pulumi("preview", "--diff");
    said.push(preview.text);
    expect(preview.code, preview.text).toBe(0);
    expect(preview.text).toMatch(/"menagerie-secrets" => "admin-organization-secrets"/);
  });

  test("leaves no value in the clear: not in state, config, logs of the engine or what was printed", async () => {
    const written = environmentLayout("local", home.path);
    for (const value of [secretValue, Buffer.from(secretValue).toString("base64")]) {
      expect(said.join("\n")).not.toContain(value);
      for (const folder of [join(written.root, "pulumi"), written.logs]) {
        const found = execFileSync("sh", ["-c", 'grep -rlF -e "$1" "$2" || true', "sh", value, folder]).toString();
        expect(found).toBe("");
      }
    }
  });
});
