/**
 * What the program costs the engine, as ratios to a plain program that declares the same InferenceServices and
 * VirtualServices with nothing around them: preview, first `up`, `up` without a change. `MENAGERIE_BENCH_SIZES=100,300,1000`
 * chooses the numbers of zoo entries.
 *
 * Both run against the same embedded API server, each with a backend and a namespace of its own. Images are not built and
 * models not waited for: their handlers answer at once, in a copy of the checkout. The models' pool has no nodes, so that
 * nothing runs.
 */
import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { OwnEngine } from "../local/support/ownEngine.ts";

const sizes = (process.env.MENAGERIE_BENCH_SIZES ?? "100,300").split(",").map(Number);
const context = "bench";

const handlers = {
  "modelReady.ts": `export const modelReady = {
  inputs: ["namespace", "name", "revision", "mode", "pool", "path", "timeoutSeconds", "context"],
  replaceOn: ["namespace", "name"],
  check: async () => [],
  create: async (inputs) => ({ id: inputs.namespace + "/" + inputs.name, outs: inputs }),
  update: async (_id, _olds, news) => news,
  exists: async () => true,
  delete: async () => {},
};
`,
  "trussImage.ts": `export const trussImage = {
  inputs: ["builder", "folder", "hash", "name"],
  replaceOn: ["builder", "hash", "name"],
  check: async () => [],
  async create(inputs) {
    const digest = "sha256:" + inputs.hash;
    const image = "menagerie.local/truss/" + inputs.name + "@" + digest;
    return { id: image, outs: { ...inputs, url: "menagerie.local/truss/" + inputs.name, digest, image } };
  },
  update: async (_id, olds, news) => ({ ...olds, ...news }),
  exists: async () => true,
  delete: async () => {},
};
`,
};

const stackFile = (size: number): string => `config:
  menagerie:namespace: bench-ours
  menagerie:kubeContext: ${context}
  menagerie:dynamicSettings: { namespace: bench-settings, createNamespace: true }
  menagerie:gateway: { url: "https://models.example.com" }
  menagerie:nodeClass: { kind: ec2, role: r, amiAlias: al2023@v1, subnetSelector: { a: b }, securityGroupSelector: { a: b } }
  menagerie:pools: { ghost: { gpu: { kind: t4, perNode: 1 }, limits: { gpus: 10000 } } }
  menagerie:zoo:
${Array.from({ length: size }, (_, index) => `    m${index}: { truss: models/multiplier, phase: done, pool: ghost }`).join("\n")}
`;

/** The same two manifests for each entry, and nothing else. */
const plainProgram = (size: number): string => `
import * as kubernetes from "@pulumi/kubernetes";
import { inferenceServiceManifest } from "./src/domain/serving/inferenceService.ts";
import { virtualServiceManifest } from "./src/domain/serving/virtualService.ts";
const provider = new kubernetes.Provider("cluster", { context: "${context}" });
const namespace = new kubernetes.core.v1.Namespace("models", { metadata: { name: "bench-plain" } }, { provider });
const options = { provider, dependsOn: namespace };
for (let index = 0; index < ${size}; index++) {
  const model = {
    name: "m" + index, namespace: "bench-plain", model: "m" + index, kind: "zoo", managedBy: "stack", mode: "Standard",
    image: "menagerie.local/truss/m@sha256:00", trussHash: "00", env: {}, replicas: { min: 1, max: 1 },
    resources: { cpu: "1", memory: "2Gi", gpus: 1 }, placement: { pool: "ghost", tolerations: [] },
    gateway: { name: "istio-system/menagerie", hosts: ["*"], url: "https://models.example.com" },
  };
  const { metadata, ...service } = inferenceServiceManifest(model);
  const annotations = { ...metadata.annotations, "pulumi.com/skipAwait": "true" };
  new kubernetes.apiextensions.CustomResource("i" + index, { ...service, metadata: { ...metadata, annotations } }, options);
  new kubernetes.apiextensions.CustomResource("v" + index, virtualServiceManifest(model), options);
}
`;

/** A project whose program is the plain one, with the checkout's sources beside it. */
async function plainProject(ours: string, size: number): Promise<string> {
  const folder = join(ours, "..", `menagerie-plain-${process.pid}`);
  await mkdir(folder, { recursive: true });
  spawnSync("cp", ["-r", join(ours, "src"), join(ours, "node_modules"), folder]);
  await writeFile(
    join(folder, "Pulumi.yaml"),
    "name: plain\nruntime: { name: nodejs, options: { typescript: false } }\n",
  );
  await writeFile(join(folder, "package.json"), '{ "name": "plain", "type": "module", "main": "index.ts" }\n');
  await writeFile(join(folder, "index.ts"), plainProgram(size));
  return folder;
}

interface Times {
  readonly preview: number;
  readonly first: number;
  readonly noop: number;
}

/** Seconds of each command; the stack is destroyed in the end. */
async function measure(home: TestHome, project: string, config: string | undefined): Promise<Times> {
  const engine = await OwnEngine.create(new TestHome(home.path, project), [context]);
  const timed = async (...args: string[]): Promise<number> => {
    const began = performance.now();
    const { code, stdout, stderr } = await engine.run(args);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")}: ${stdout.slice(-2000)}${stderr.slice(-2000)}`);
    const seconds = (performance.now() - began) / 1000;
    process.stderr.write(`${basename(project)}: ${args[0]} took ${seconds.toFixed(1)} s\n`);
    return seconds;
  };
  try {
    await rm(join(project, "Pulumi.bench.yaml"), { force: true });
    await timed("stack", "init", "bench");
    if (config !== undefined) {
      // After `init`, which writes the encryption salt into the file.
      const salt = await readFile(join(project, "Pulumi.bench.yaml"), "utf8");
      await writeFile(join(project, "Pulumi.bench.yaml"), salt + config);
    }
    const preview = await timed("preview");
    const first = await timed("up", "--yes", "--skip-preview", "--suppress-outputs");
    const noop = await timed("up", "--yes", "--skip-preview", "--suppress-outputs");
    await timed("destroy", "--yes", "--skip-preview");
    return { preview, first, noop };
  } finally {
    await engine.dispose();
  }
}

const project = await copyOfCheckout();
for (const [file, code] of Object.entries(handlers)) await writeFile(join(project, "src/providers", file), code);
const home = await TestHome.create();
try {
  const { code, stderr } = await home.menagerie(["up", "--no-program"]);
  if (code !== 0) throw new Error(stderr);
  for (const size of sizes) {
    const plain = await plainProject(project, size);
    const theirs = await measure(home, plain, undefined);
    const ours = await measure(home, project, stackFile(size));
    await rm(plain, { recursive: true, force: true });
    for (const key of ["preview", "first", "noop"] as const) {
      const ratio = (ours[key] / theirs[key]).toFixed(2);
      console.log(
        `${String(size).padStart(5)} entries  ${key.padEnd(8)} ${ours[key].toFixed(1).padStart(7)} s   plain ${theirs[key].toFixed(1).padStart(7)} s   ratio ${ratio}`,
      );
    }
  }
} finally {
  await home.dispose();
  await rm(project, { recursive: true, force: true });
}
