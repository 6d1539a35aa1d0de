import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findVersion, listVersions, type MlflowServer, mlflowServer } from "../../src/adapters/mlflow/registry.ts";
import { ensurePythonLayers } from "../../src/adapters/truss/python.ts";
import { ensureRequirementLayer } from "../../src/adapters/truss/requirementLayer.ts";
import { parseEnvironment } from "../../src/config/parse.ts";
import { silent } from "../../src/domain/progress.ts";
import { emptyRegistry } from "../../src/domain/zoo/registry.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { planEnvironmentRelease } from "../../src/plan/release.ts";
import { freePort } from "../support/freePort.ts";

/** The model registry of a real MLflow server. */

let server: MlflowServer;
let process_: ChildProcess;
let folder: string;
const key = "menagerie:models.ranker.mlflow";

beforeAll(async () => {
  const options = { cache: menagerieCache(), progress: silent, signal: AbortSignal.timeout(590_000) };
  const layers = await ensurePythonLayers(options);
  const request = { name: "mlflow", pythonVersion: layers.python.version, requirements: ["mlflow==3.17.2"] };
  const layer = await ensureRequirementLayer(layers, request, options);
  folder = await mkdtemp(join(tmpdir(), "menagerie-mlflow-"));
  const port = await freePort();
  const store = ["--backend-store-uri", `sqlite:///${folder}/store.db`, "--artifacts-destination", folder];
  const address = ["--host", "127.0.0.1", "--port", String(port), "--workers", "1"];
  process_ = spawn(join(layer.folder, "bin", "python"), ["-m", "mlflow", "server", ...address, ...store], {
    cwd: folder,
    stdio: "ignore",
    detached: true,
    env: { ...process.env, MLFLOW_DISABLE_TELEMETRY: "true", MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false" },
  });
  server = { url: `http://127.0.0.1:${port}` };
  while (!(await fetch(`${server.url}/health`).catch(() => undefined))?.ok) {
    if (process_.exitCode !== null) throw new Error(`MLflow ended with ${process_.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await call("registered-models/create", { name: "Ranker of ours" });
  for (const version of [1, 2, 3]) {
    await call("model-versions/create", { name: "Ranker of ours", source: `s3://models/ranker/${version}` });
  }
  await call("registered-models/alias", { name: "Ranker of ours", alias: "champion", version: "2" });
}, 600_000);

afterAll(async () => {
  if (process_?.pid !== undefined && process_.exitCode === null) {
    // Its workers are of its process group.
    process.kill(-process_.pid, "SIGKILL");
    await once(process_, "exit");
  }
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function call(path: string, body: object): Promise<void> {
  const response = await fetch(`${server.url}/api/2.0/mlflow/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
}

const model = "Ranker of ours";

describe("a version in MLflow", () => {
  it("is found by its number and by its alias", async () => {
    expect(await findVersion(server, key, { model, version: 3 })).toMatchObject({
      model,
      version: 3,
      source: "s3://models/ranker/3",
    });
    expect(await findVersion(server, key, { model, alias: "champion" })).toMatchObject({ version: 2 });
  });

  it("is in the list of all of them, the latest first", async () => {
    const versions = await listVersions(server, key, model);
    expect(versions.map(({ version }) => version)).toEqual([3, 2, 1]);
    expect(await listVersions(server, key, "nobody's")).toEqual([]);
  });

  it.each([
    [
      { model, version: 9 },
      /models\.ranker\.mlflow: MLflow at .* has no version 9 of model "Ranker of ours"; its latest versions are 3, 2, 1/,
    ],
    [{ model, alias: "loser" }, /has no alias "loser" of model "Ranker of ours"; its latest versions are 3, 2, 1/],
    [{ model: "Nobody", alias: "champion" }, /has no alias "champion" of model "Nobody"; register it there/],
  ])("that is not there is told in one sentence: %o", async (wanted, sentence) => {
    await expect(findVersion(server, key, wanted)).rejects.toThrow(sentence);
  });

  it("of a server that does not answer is told with its address", async () => {
    const port = await freePort();
    await expect(findVersion({ url: `http://127.0.0.1:${port}` }, key, { model, version: 1 })).rejects.toThrow(
      /MLflow at http:\/\/127\.0\.0\.1:\d+ does not answer .*; start it or correct menagerie:mlflow\.url/,
    );
  });

  it("names a release, and another one when its alias moves", async () => {
    const config = {
      database: { host: "127.0.0.1" },
      versioning: { scheme: "tags", code: "1.2.3" },
      models: { ranker: { mlflow: { model, alias: "champion" } }, writer: { version: 7 } },
      services: { image: `x@sha256:${"0".repeat(64)}` },
    };
    const spec = parseEnvironment(config, { gatewayUrl: "http://gateway" });
    const database = { host: "127.0.0.1", port: 1, user: "x", sslMode: "disable", maintenanceDatabase: "x" } as const;
    const platform = {
      basis: "new database",
      server: database,
      fromEnvironment: true,
      schemaVersion: "",
      registry: emptyRegistry,
    } as const;
    const plan = () =>
      planEnvironmentRelease(spec, platform, new Map(), {
        environment: "test",
        config: {},
        mlflow: mlflowServer(server.url, {}),
        lastVersionTag: async () => undefined,
        lastOutputs: async () => ({}),
      });
    expect((await plan())?.intent).toMatchObject({
      tag: "v1.2.3-rankerv2-writerv7",
      models: [
        { name: "ranker", version: 2, source: "models:/Ranker of ours/2" },
        { name: "writer", version: 7, source: "config" },
      ],
    });
    await call("registered-models/alias", { name: model, alias: "champion", version: "3" });
    expect((await plan())?.intent.tag).toBe("v1.2.3-rankerv3-writerv7");
  });
});
