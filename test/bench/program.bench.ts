/**
 * What the program costs the engine, as ratios to a plain program with as many `CustomResource`s: preview, first `up`, `up`
 * without a change. `MENAGERIE_BENCH_SIZES=100,300,1000` chooses the numbers of zoo entries.
 *
 * A zoo entry declares four custom resources (image, InferenceService, wait, route) and three components around them. The
 * plain program declares the same InferenceService and three VirtualServices, with nothing around them.
 *
 * Each program runs against an embedded API server of its own. Images are not built and models not waited for: their
 * handlers answer at once, in a copy of the checkout. The models' pool has no nodes, so that nothing runs.
 *
 * The engine's file backend writes the whole state after every step, which grows with the square of the entries. For more
 * than `MENAGERIE_BENCH_CHECKPOINTS` entries (300) both programs run without these checkpoints.
 */
import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copyOfCheckout, TestHome } from "../local/support/menagerie.ts";
import { OwnEngine } from "../local/support/ownEngine.ts";

const sizes = (process.env.MENAGERIE_BENCH_SIZES ?? "100,300").split(",").map(Number);
/** Numbers of entries above this run without checkpoints. */
const checkpointsUpTo = Number(process.env.MENAGERIE_BENCH_CHECKPOINTS ?? 300);
const context = "bench";

const handlers = {
  "modelReady.handler.ts": `export const modelReady = {
  inputs: { namespace: "replace", name: "replace", revision: "update", mode: "update", pool: "update", path: "update" },
  create: async (inputs) => ({ id: inputs.namespace + "/" + inputs.name, outs: inputs }),
  update: async (_id, _olds, news) => news,
};
`,
  "trussImage.handler.ts": `export const trussImage = {
  inputs: { builder: "replace", hash: "replace", name: "replace", folder: "update" },
  async create(inputs) {
    const digest = "sha256:" + inputs.hash;
    const image = "menagerie.local/truss/" + inputs.name + "@" + digest;
    return { id: image, outs: { ...inputs, url: "menagerie.local/truss/" + inputs.name, digest, image } };
  },
  update: async (_id, olds, news) => ({ ...olds, ...news }),
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

/** Four manifests for each entry, and nothing else. */
const plainProgram = (size: number): string => `
import * as kubernetes from "@pulumi/kubernetes";
import { inferenceServiceManifest } from "./src/domain/serving/inferenceService.ts";
import { modelRoute } from "./src/domain/serving/modelRoute.ts";
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
  const route = virtualServiceManifest(modelRoute(model));
  const named = (kind) => ({ ...route, metadata: { ...route.metadata, name: kind + "-" + index } });
  new kubernetes.apiextensions.CustomResource("i" + index, { ...service, metadata: { ...metadata, annotations } }, options);
  for (const kind of ["image", "ready", "route"]) {
    new kubernetes.apiextensions.CustomResource(kind + index, named(kind), options);
  }
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

interface Cost {
  /** Seconds on the clock. */
  readonly wall: number;
  /** Seconds of processor time of the engine, the program and the providers: what is left of a loaded machine's noise. */
  readonly cpu: number;
  /** MiB written to files, of which nearly all is the state. */
  readonly written: number;
}

const commands = { preview: ["preview"], first: up(), noop: up() };
type Costs = Record<keyof typeof commands, Cost>;

function up(): string[] {
  return ["up", "--yes", "--skip-preview", "--suppress-outputs"];
}

/** Costs of a program in an environment of its own. */
async function measure(program: string, project: string, size: number, config: string | undefined): Promise<Costs> {
  const home = await TestHome.create();
  try {
    const { code, stderr } = await home.menagerie(["up", "--no-program"]);
    if (code !== 0) throw new Error(stderr);
    const engine = await OwnEngine.create(new TestHome(home.path, project), [context], {
      trace: false,
      env: size > checkpointsUpTo ? { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" } : {},
    });
    const run = async (args: readonly string[]): Promise<Cost> => {
      const began = performance.now();
      const { code, stdout, stderr, cpuSeconds, writtenBytes } = await engine.timed(args);
      if (code !== 0) throw new Error(`pulumi ${args.join(" ")}: ${stdout.slice(-2000)}${stderr.slice(-2000)}`);
      const wall = (performance.now() - began) / 1000;
      process.stderr.write(`${program}, ${size} entries: ${args[0]} took ${wall.toFixed(1)} s\n`);
      return { wall, cpu: cpuSeconds, written: writtenBytes / 2 ** 20 };
    };
    await rm(join(project, "Pulumi.bench.yaml"), { force: true });
    await run(["stack", "init", "bench"]);
    if (config !== undefined) {
      // After `init`, which writes the encryption salt into the file.
      const salt = await readFile(join(project, "Pulumi.bench.yaml"), "utf8");
      await writeFile(join(project, "Pulumi.bench.yaml"), salt + config);
    }
    const preview = await run(commands.preview);
    const first = await run(commands.first);
    const noop = await run(commands.noop);
    await engine.dispose();
    return { preview, first, noop };
  } finally {
    await home.dispose();
  }
}

const project = await copyOfCheckout();
for (const [file, code] of Object.entries(handlers)) await writeFile(join(project, "src/resources", file), code);
try {
  for (const size of sizes) {
    const plain = await plainProject(project, size);
    const theirs = await measure("plain", plain, size, undefined);
    const ours = await measure("menagerie", project, size, stackFile(size));
    await rm(plain, { recursive: true, force: true });
    for (const key of ["preview", "first", "noop"] as const) {
      const pair = (unit: "wall" | "cpu"): string => {
        const [mine, other] = [ours[key][unit], theirs[key][unit]];
        return `${mine.toFixed(1).padStart(7)} s, plain ${other.toFixed(1).padStart(7)} s, ratio ${(mine / other).toFixed(2)}`;
      };
      const written = `${ours[key].written.toFixed(0)} MiB, plain ${theirs[key].written.toFixed(0)} MiB`;
      console.log(
        `${String(size).padStart(5)} entries  ${key.padEnd(8)} ${pair("wall")}   processor ${pair("cpu")}   written ${written}`,
      );
    }
  }
} finally {
  await rm(project, { recursive: true, force: true });
}
