import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { downloadModule, pinnedVersions } from "../../src/local/toolchain/downloadedModule.ts";
import { ensureBinaries } from "../../src/local/toolchain/goTools.ts";
import { type AnyTool, type BinaryNameOf, tekton } from "../../src/local/toolchain/tools.ts";

/** Servers that only tests run, pinned by modules in `test/tools` and built and kept as the environment's own tools are. */

const folder = join(import.meta.dirname, "..", "tools");

/** Time-out of a hook that does nothing but build some of them, in milliseconds: that takes as long as the machine is busy. */
export const building = 3_600_000;

/** The reference registry of the distribution specification. */
const registry = {
  name: "registry",
  title: "registry",
  version: "3.1.2",
  module: join(folder, "registry"),
  packages: { registry: "github.com/distribution/distribution/v3/cmd/registry" },
} as const satisfies AnyTool;

/** BuildKit. */
const buildkit = {
  name: "buildkit",
  title: "BuildKit",
  version: "0.26.3",
  module: join(folder, "buildkit"),
  packages: {
    buildkitd: "github.com/moby/buildkit/cmd/buildkitd",
    buildctl: "github.com/moby/buildkit/cmd/buildctl",
  },
} as const satisfies AnyTool;

/** What BuildKit runs containers by, of the version that its module requires. It enters namespaces in C, before Go's threads start. */
const runc = {
  name: "runc",
  title: "runc",
  version: "1.3.4",
  module: buildkit.module,
  packages: { runc: "github.com/opencontainers/runc" },
  env: { CGO_ENABLED: "1" },
} as const satisfies AnyTool;

/**
 * Paths of the registry's and BuildKit's executables, of the script that runs a build with a BuildKit of its own, and of a static
 * program for RUN steps, Tekton's `workingdirinit`.
 */
export type RegistryTools = Readonly<
  Record<BinaryNameOf<typeof registry | typeof buildkit | typeof runc> | "daemonless" | "mkdir", string>
>;

/** The first call on a machine builds them. */
export async function ensureRegistryTools(): Promise<RegistryTools> {
  const { binaries } = await ensureBinaries([registry, buildkit, runc, tekton], {
    cache: menagerieCache(),
    progress: silent,
    manifests: false,
    signal: new AbortController().signal,
  });
  const {
    registry: server = "",
    buildkitd = "",
    buildctl = "",
    runc: runner = "",
    "tekton-workingdirinit": mkdir = "",
  } = binaries;
  const answer = execFileSync("go", ["mod", "download", "-json", "github.com/moby/buildkit"], {
    cwd: buildkit.module,
    encoding: "utf8",
    env: { ...process.env, GOWORK: "off" },
  });
  const { Dir: source } = JSON.parse(answer) as { Dir: string };
  const daemonless = join(source, "examples", "buildctl-daemonless", "buildctl-daemonless.sh");
  return { registry: server, buildkitd, buildctl, runc: runner, daemonless, mkdir };
}

/** Karpenter's controllers with its kwok provider. */
const karpenter = {
  name: "karpenter",
  title: "Karpenter",
  version: "1.15.0",
  module: join(folder, "karpenter"),
  packages: { "karpenter-kwok": "sigs.k8s.io/karpenter/kwok" },
} as const satisfies AnyTool;

/** Paths of Karpenter's executable, and of the folder of its module, which has its CRDs and its chart. The first call on a machine builds it. */
export async function ensureKarpenter(): Promise<{ readonly controller: string; readonly module: string }> {
  const binaries = await built(karpenter);
  return { controller: binaries["karpenter-kwok"], module: await moduleOf(karpenter, "sigs.k8s.io/karpenter") };
}

/** Prometheus, with none of the ways to find what it scrapes but a list: its kubeconfig, clouds and registries are three quarters of it. */
const prometheus = {
  name: "prometheus",
  title: "Prometheus",
  version: "0.316.0",
  module: join(folder, "prometheus"),
  packages: { prometheus: "github.com/prometheus/prometheus/cmd/prometheus" },
  env: { GOFLAGS: "-tags=remove_all_sd" },
} as const satisfies AnyTool;

/** Path of its executable. The first call on a machine builds it, in three minutes of the processor. */
export async function ensurePrometheus(): Promise<string> {
  return (await built(prometheus)).prometheus;
}

/** KEDA of the version that KServe is built with: its operator and its metrics adapter, with its Prometheus scaler alone. */
const keda = {
  name: "keda",
  title: "KEDA",
  version: "2.18.0",
  module: join(folder, "keda"),
  packages: {
    "keda-operator": "github.com/kedacore/keda/v2/cmd/operator",
    "keda-adapter": "github.com/kedacore/keda/v2/cmd/adapter",
  },
} as const satisfies AnyTool;

/** Paths of KEDA's executables. The first call on a machine builds them. */
export function ensureKeda(): Promise<Readonly<Record<BinaryNameOf<typeof keda>, string>>> {
  return built(keda);
}

/** Folder of KEDA's module, which has its CRDs and the manifests that install it. */
export function kedaModule(): Promise<string> {
  return moduleOf(keda, "github.com/kedacore/keda/v2");
}

/** Knative Serving's own validation of what is applied, see its main.go. */
const knative = {
  name: "knative",
  title: "Knative's validation",
  version: "0.49.0",
  module: join(folder, "knative"),
  packages: { "knative-judge": "." },
} as const satisfies AnyTool;

/** Path of a program that judges a Knative Service as the webhook of Knative Serving does. The first call on a machine builds it. */
export async function ensureKnativeJudge(): Promise<string> {
  return (await built(knative))["knative-judge"];
}

/** Paths of a tool's executables. */
async function built<Tool extends AnyTool>(tool: Tool): Promise<Record<BinaryNameOf<Tool>, string>> {
  const { signal } = new AbortController();
  const options = { cache: menagerieCache(), progress: silent, manifests: false, signal };
  const { binaries } = await ensureBinaries([tool], options);
  return binaries as Record<BinaryNameOf<Tool>, string>;
}

/** Folder of a module in the version that a tool's go.mod has. */
async function moduleOf({ name, title, module }: AnyTool & { readonly module: string }, path: string): Promise<string> {
  const { signal } = new AbortController();
  const workspace = await mkdtemp(join(tmpdir(), `${name}-module-`));
  try {
    for (const file of ["go.mod", "go.sum"]) await copyFile(join(module, file), join(workspace, file));
    const site = { name, purpose: title, folder: workspace, env: process.env, log: join(workspace, "log"), signal };
    const version = (await pinnedVersions(site)).get(path);
    if (version === undefined) throw new Error(`${module}/go.mod does not name ${path}`);
    return (await downloadModule(path, version, site)).Dir;
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}
