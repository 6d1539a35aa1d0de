import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPipelineBuilder } from "../../src/adapters/builds/pipelineBuilder.ts";
import { archiveOf } from "../../src/adapters/builds/treeArchive.ts";
import { kubeConfigOf } from "../../src/adapters/kubernetes/kubeConfigFile.ts";
import { readTruss } from "../../src/adapters/truss/snapshot.ts";
import { buildKey, judgeRun, type ObservedRun } from "../../src/domain/builds/pipelineRun.ts";
import { silent } from "../../src/domain/progress.ts";
import type { TrussImage } from "../../src/domain/truss/builder.ts";
import { hashSnapshot } from "../../src/domain/truss/hash.ts";
import { environmentLayout } from "../../src/local/layout.ts";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { building, ensureRegistryTools } from "../support/testTools.ts";
import { RegistryCluster } from "./registryCluster.ts";

/**
 * The Pipeline of a cluster, by Tekton's own controller, with BuildKit and a registry that are built from their modules. In the
 * place of the truss library's Dockerfile, whose base image no test can pull, stand Dockerfiles that begin with nothing.
 */

let project: string;
let home: TestHome;
let registry: RegistryCluster;
let hash: string;

beforeAll(ensureRegistryTools, building);

beforeAll(async () => {
  project = await copyOfCheckout();
  home = await TestHome.create(project);
  await writeFile(
    join(project, "Pulumi.local.yaml"),
    "config:\n  menagerie:nodeClass: local\n  menagerie:dynamicSettings: { createNamespace: true }\n  menagerie:builds: { kind: tekton }\n",
  );
  const { code, stdout, stderr } = await home.menagerie(["up"]);
  expect(code, stdout + stderr).toBe(0);
  const cluster = kubeConfigOf(environmentLayout("local", home.path).kubeconfig);
  registry = await RegistryCluster.create(cluster, environmentLayout("local", home.path));
  hash = await hashOfTruss();
});

afterAll(async () => {
  await home?.dispose();
  if (project) await rm(project, { recursive: true, force: true });
});

const text = (content: string) => ({ content: new TextEncoder().encode(content), executable: false });

/** Builds model iris of `hash` from a Dockerfile, as `up` of a stack with this registry does. */
async function build(dockerfile: string): Promise<TrussImage> {
  const { namespace, repository, config } = registry;
  const mkdir = { content: await readFile(registry.mkdir), executable: true };
  const files = { Dockerfile: text(dockerfile), "model.txt": text("the model"), mkdir };
  const archive = gzipSync(await buffer(archiveOf(new Map(Object.entries(files)))));
  const sha256 = createHash("sha256").update(archive).digest("hex");
  return createPipelineBuilder({
    config,
    namespace,
    serviceAccount: "truss-build",
    credentials: "registry",
    timeoutMinutes: 5,
    keep: 10,
    progress: silent,
    signal: new AbortController().signal,
    pack: async () => ({ archive, sha256 }),
    params: ({ name, hash: tag }) => ({ image: `${repository}/${name}`, tag }),
  }).build({ folder: join(project, "models", "iris"), name: "iris", hash });
}

async function hashOfTruss(): Promise<string> {
  const { snapshot, patterns } = await readTruss(join(project, "models", "iris"));
  return hashSnapshot(snapshot, patterns);
}

/** Another content, and with it other runs. */
async function editModel(marker: string): Promise<void> {
  const file = join(project, "models", "iris", "model", "model.py");
  await writeFile(file, `${await readFile(file, "utf8")}\n# ${marker}\n`);
  hash = await hashOfTruss();
}

const copies = "FROM scratch\nCOPY model.txt /\n";
/** What the RUN step makes, the second stage misses where it did not run. */
const runs = `FROM scratch AS made
COPY mkdir /mkdir
RUN ["/mkdir", "/workspace/made"]
FROM scratch
COPY --from=made /workspace/made /made
COPY model.txt /
`;

test("an image is built, pushed, found in the registry, and named by the digest that it has there", async () => {
  const image = await build(runs);
  expect(image.url).toBe(`${registry.repository}/iris`);
  const [run] = await registry.runs();
  expect(run?.metadata.name).toBe(`${buildKey("iris", hash)}-1`);
  expect(judgeRun(run as ObservedRun)).toEqual({ state: "succeeded", image });
});

test("credentials that expired are told at the push, with the Secret to renew; the next build goes through", async () => {
  await editModel("pushed with expired credentials");
  await registry.credentials("expired");
  await expect(build(copies)).rejects.toThrow(
    /truss "iris": its build failed in step build \(PipelineRun registry-builds\/iris-\S+-1\): .*a registry refuses the credentials of Secret registry-builds\/registry: they have expired.*Its last log lines:.*401 Unauthorized/s,
  );
  await registry.credentials("valid");
  expect((await build(copies)).digest).toMatch(/^sha256:/);
  expect((await registry.runs()).at(-1)?.metadata.name).toBe(`${buildKey("iris", hash)}-2`);
});
