import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "../../src/domain/progress.ts";
import { menagerieCache } from "../../src/local/layout.ts";
import { downloadModule } from "../../src/local/toolchain/downloadedModule.ts";
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
  const { signal } = new AbortController();
  const options = { cache: menagerieCache(), progress: silent, manifests: false, signal };
  const { binaries } = await ensureBinaries([karpenter], options);
  const workspace = await mkdtemp(join(tmpdir(), "karpenter-module-"));
  try {
    await copyFile(join(karpenter.module, "go.sum"), join(workspace, "go.sum"));
    const site = { ...karpenter, folder: workspace, env: process.env, log: join(workspace, "log"), signal };
    const { Dir } = await downloadModule("sigs.k8s.io/karpenter", `v${karpenter.version}`, {
      ...site,
      purpose: karpenter.title,
    });
    return { controller: binaries["karpenter-kwok"] ?? "", module: Dir };
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
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
  const { signal } = new AbortController();
  const options = { cache: menagerieCache(), progress: silent, manifests: false, signal };
  const { binaries } = await ensureBinaries([prometheus], options);
  return binaries.prometheus ?? "";
}

/** Folder of the module of KEDA that KServe is built with, which has its CRDs. */
export async function ensureKedaModule(): Promise<string> {
  const { signal } = new AbortController();
  const module = join(folder, "..", "..", "tools", "kserve");
  const [, version = ""] =
    /github\.com\/kedacore\/keda\/v2 (v\S+)/.exec(await readFile(join(module, "go.mod"), "utf8")) ?? [];
  const workspace = await mkdtemp(join(tmpdir(), "keda-module-"));
  try {
    await copyFile(join(module, "go.sum"), join(workspace, "go.sum"));
    const site = {
      folder: workspace,
      env: process.env,
      log: join(workspace, "log"),
      signal,
      name: "kserve",
      purpose: "KEDA",
    };
    return (await downloadModule("github.com/kedacore/keda/v2", version, site)).Dir;
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
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
  const { signal } = new AbortController();
  const options = { cache: menagerieCache(), progress: silent, manifests: false, signal };
  const { binaries } = await ensureBinaries([knative], options);
  return binaries["knative-judge"] ?? "";
}
