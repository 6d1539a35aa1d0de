/** Names of the executables that the embedded environment is made of. */
export const binaryNames = [
  "pulumi",
  "pulumi-language-nodejs",
  "pulumi-resource-kubernetes",
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kserve-manager",
  "pilot-discovery",
  "container-shim",
] as const;

export type BinaryName = (typeof binaryNames)[number];

/** Executables of Tekton, which only environments whose stack builds with it have. */
export const tektonBinaryNames = ["tekton-controller", "tekton-entrypoint", "tekton-workingdirinit"] as const;

export type TektonBinaryName = (typeof tektonBinaryNames)[number];

/** Versions that must agree with package.json (`@pulumi/pulumi`, `@pulumi/kubernetes`) and with the modules in `tools/`. */
export const versions = {
  pulumi: "3.259.0",
  languageNodejs: "3.66.0",
  kubernetesProvider: "4.25.0",
  kubernetes: "1.36.3",
  etcd: "3.6.5",
  kserve: "0.20.0",
  /** A commit of branch release-1.31, with the API modules of 1.31.0; see `tools/releases.yaml`. */
  istio: "1.31.0-eed52ebb66ad",
  tekton: "1.12.0",
} as const;

/** One pinned Go module, and how its executables come to be. */
export interface ToolSpec {
  /** First part of the cache folder's name. */
  readonly name: string;
  /** Folder of the module. @default `tools/<name>` of this checkout */
  readonly module?: string;
  /** What progress lines call it. */
  readonly title: string;
  readonly version: string;
  /** Executable → Go package that builds it; all of a tool build in one `go build`. */
  readonly packages: Readonly<Partial<Record<BinaryName | TektonBinaryName, string>>>;
  /** `-X` values and other linker flags, besides `-s -w`. */
  readonly ldflags?: readonly string[];
  /** Environment of the go command, over the user's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Files of a module that our own `main` embeds, copied beside it for the build. */
  readonly embeds?: { readonly module: string; readonly folder: string; readonly files: readonly string[] };
  /** What already on the machine may serve instead of a build (see `present.ts`). */
  readonly present?: "pulumi-on-path" | "kubebuilder-assets" | "kubernetes-plugin";
}

/** A tool, whatever its executables are called. */
export type AnyTool = Omit<ToolSpec, "packages"> & { readonly packages: Readonly<Record<string, string>> };

/** What the executables of a tool, or of one of several, are called. */
export type BinaryNameOf<Tool extends AnyTool> = Tool extends AnyTool ? keyof Tool["packages"] & string : never;

const pulumiVersionVariable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

/**
 * All tools, in the order in which they are fetched and built, which decides how much is compiled twice. The small ones
 * come first, alone, while the big ones download: they compile the standard library once for all. Of the others two are
 * built at a time: the control plane compiles what the provider and KServe share with it, beside the engine, which
 * shares little.
 */
export const tools: readonly ToolSpec[] = [
  {
    name: "etcd",
    title: "etcd",
    version: versions.etcd,
    packages: { etcd: "go.etcd.io/etcd/server/v3" },
    present: "kubebuilder-assets",
  },
  {
    name: "container-shim",
    title: "container shim",
    version: "of this checkout",
    packages: { "container-shim": "." },
  },
  {
    name: "kubernetes",
    title: "Kubernetes control plane",
    version: versions.kubernetes,
    packages: {
      "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
      "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
      "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    },
    ldflags: [
      ...["-X", `k8s.io/component-base/version.gitVersion=v${versions.kubernetes}`],
      ...["-X", `k8s.io/component-base/version.gitMajor=${versions.kubernetes.split(".")[0]}`],
      ...["-X", `k8s.io/component-base/version.gitMinor=${versions.kubernetes.split(".")[1]}`],
    ],
    present: "kubebuilder-assets",
  },
  {
    name: "pulumi",
    title: "Pulumi engine",
    version: versions.pulumi,
    packages: { pulumi: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi" },
    ldflags: ["-X", `${pulumiVersionVariable}=v${versions.pulumi}`],
    present: "pulumi-on-path",
  },
  {
    name: "language-nodejs",
    title: "Pulumi's Node.js language host",
    version: versions.languageNodejs,
    packages: { "pulumi-language-nodejs": "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs" },
    ldflags: ["-X", `${pulumiVersionVariable}=v${versions.languageNodejs}`],
    present: "pulumi-on-path",
  },
  {
    name: "kubernetes-provider",
    title: "Kubernetes provider",
    version: versions.kubernetesProvider,
    packages: { "pulumi-resource-kubernetes": "." },
    ldflags: [
      "-X",
      `github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version=${versions.kubernetesProvider}`,
    ],
    // The checksum database does not know this commit; go.sum has its hash, which is verified all the same.
    env: { GONOSUMDB: "github.com/pulumi/*" },
    embeds: {
      module: "github.com/pulumi/pulumi-kubernetes/provider/v4",
      folder: "cmd/pulumi-resource-kubernetes",
      files: ["schema.json", "terraform-mapping.json"],
    },
    present: "kubernetes-plugin",
  },
  {
    name: "kserve",
    title: "KServe controller",
    version: versions.kserve,
    packages: { "kserve-manager": "github.com/kserve/kserve/cmd/manager" },
  },
  {
    name: "istiod",
    title: "Istio's control plane",
    version: versions.istio,
    packages: { "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery" },
    ldflags: ["-X", `istio.io/istio/pkg/version.buildVersion=${versions.istio}`],
  },
];

/** Tekton, which takes about as long to build as the Kubernetes control plane. */
export const tekton: ToolSpec = {
  name: "tekton",
  title: "Tekton Pipelines",
  version: versions.tekton,
  packages: {
    "tekton-controller": "github.com/tektoncd/pipeline/cmd/controller",
    "tekton-entrypoint": "github.com/tektoncd/pipeline/cmd/entrypoint",
    "tekton-workingdirinit": "github.com/tektoncd/pipeline/cmd/workingdirinit",
  },
};

/**
 * Environment of the go command for a tool, over the user's own. Nothing is linked with a C library, as in the official
 * releases: what runs inside containers meets another libc there, no C compiler is needed, and every tool compiles the
 * standard library alike, so that go's build cache has it once.
 */
export function buildEnvironment(tool: AnyTool): Readonly<Record<string, string>> {
  return { CGO_ENABLED: "0", ...tool.env };
}

/** Flags of `go build` for a tool, without `-o` and packages. */
export function buildFlags(tool: AnyTool): readonly string[] {
  return [
    // A build in a copy has no repository to ask, and one inside somebody's repository must not ask theirs.
    "-buildvcs=false",
    // What is compiled does not depend on where it lies, so trimmed copies share go's build cache (see trimmedModules.ts).
    "-trimpath",
    // Nobody debugs these; without DWARF they compile and link a quarter faster.
    "-gcflags=all=-dwarf=false",
    `-ldflags=${["-s", "-w", ...(tool.ldflags ?? [])].join(" ")}`,
  ];
}

/** A shorter list of packages of the same tool, for when some of its executables are on the machine already. */
export function withoutBinaries(tool: AnyTool, found: ReadonlySet<string>): AnyTool {
  const packages = Object.fromEntries(Object.entries(tool.packages).filter(([binary]) => !found.has(binary)));
  return { ...tool, packages };
}
