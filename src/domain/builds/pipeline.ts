/** Names that the Pipeline, its runs and who starts them agree on. */
export const pipelineName = "build-truss";
export const buildAccount = "truss-build";
export const workspaces = { context: "context", credentials: "credentials" } as const;

/** Folder of a build pod that its steps share. */
const work = "/build";
/** User of rootless BuildKit's image. */
const rootlessUser = 1000;
const labels = { "app.kubernetes.io/part-of": "menagerie" };

/** What one step of a build may take. */
export interface BuildResources {
  /** Requested cores. */
  readonly cpu: string;
  /** Requested memory, which is also the limit. */
  readonly memory: string;
}

/** How the image is made. */
export type BuildTarget =
  | {
      /** A container image in a registry, by rootless BuildKit. */
      readonly kind: "registry";
      /** `<image>@sha256:<digest>` of rootless BuildKit (moby/buildkit, a tag that ends in `-rootless`). */
      readonly builderImage: string;
      /** Keep the layers of builds beside the images, under the tag `cache`. */
      readonly layerCache: boolean;
    }
  | {
      /** A directory image of the embedded environment. */
      readonly kind: "directory";
      /** `<url>@<digest>` of the image with the build program, and what starts it. */
      readonly builderImage: Input<string>;
      readonly command: readonly string[];
      /** Paths of the machine, the same in the pod: Python environments hold absolute ones. */
      readonly store: string;
      readonly cache: string;
    };

/** A value that may be known later; the domain does not know of the engine. */
type Input<T> = T | PromiseLike<T> | object;

export interface BuildPipeline {
  readonly namespace: string;
  readonly target: BuildTarget;
  readonly resources: BuildResources;
  /** How often a failed task is tried again. */
  readonly retries: number;
}

/**
 * Namespace of build pods. Rootless BuildKit makes user namespaces and mounts in them, which the lower levels of Pod
 * Security refuse; so these pods have a namespace of their own, without secrets of others.
 */
export function buildNamespaceManifest(namespace: string) {
  return { metadata: { name: namespace, labels: { ...labels, "pod-security.kubernetes.io/enforce": "privileged" } } };
}

/** The one Task of a build: its steps share a folder of the pod, so no volume must outlive it. */
export function buildTaskManifest({ namespace, target, resources }: BuildPipeline) {
  const parts = target.kind === "registry" ? registryTask(target, resources) : directoryTask(target, resources);
  return {
    apiVersion: "tekton.dev/v1",
    kind: "Task",
    metadata: { name: pipelineName, namespace, labels },
    spec: {
      description: "Builds the image of a truss from a context that is given by its hash.",
      params: parameters(target),
      workspaces: [
        {
          name: workspaces.context,
          description: "The parts of the context's archive (tar, gzip), in the order of their names.",
          readOnly: true,
        },
        ...(target.kind === "registry" ? [credentialsWorkspace] : []),
      ],
      results: [
        { name: "IMAGE_URL", description: "The image's repository, without tag and digest." },
        { name: "IMAGE_DIGEST", description: "sha256:<64 hex>: what is deployed." },
      ],
      ...parts,
    },
  };
}

/** The Pipeline that a PipelineRun names: one Task, whose results it hands on. */
export function buildPipelineManifest({ namespace, target, retries }: BuildPipeline) {
  const result = (name: string) => ({ name, value: `$(tasks.build.results.${name})` });
  const names = [workspaces.context, ...(target.kind === "registry" ? [workspaces.credentials] : [])];
  return {
    apiVersion: "tekton.dev/v1",
    kind: "Pipeline",
    metadata: { name: pipelineName, namespace, labels },
    spec: {
      description: "Builds the image of a truss; results IMAGE_URL and IMAGE_DIGEST.",
      params: parameters(target),
      workspaces: names.map((name) => ({ name, ...(name === workspaces.credentials ? { optional: true } : {}) })),
      results: [result("IMAGE_URL"), result("IMAGE_DIGEST")],
      tasks: [
        {
          name: "build",
          taskRef: { name: pipelineName, kind: "Task" },
          retries,
          params: parameters(target).map(({ name }) => ({ name, value: `$(params.${name})` })),
          workspaces: names.map((name) => ({ name, workspace: name })),
        },
      ],
    },
  };
}

function parameters({ kind }: BuildTarget) {
  const text = (name: string, description: string) => ({ name, type: "string", description });
  const own =
    kind === "registry"
      ? [text("image", "Repository to push to, without a tag."), text("tag", "Tag that keeps the image.")]
      : [
          text("name", "Name of the model."),
          text("hash", "Content hash of the truss."),
          text("python", "The Python environments of the cache, as JSON."),
        ];
  return [...own, text("context-sha256", "SHA-256 of the context's archive, 64 hex digits.")];
}

const credentialsWorkspace = {
  name: workspaces.credentials,
  description: "config.json with the registry's credentials.",
  optional: true,
  readOnly: true,
};

function registryTask(
  { builderImage, layerCache }: Extract<BuildTarget, { kind: "registry" }>,
  resources: BuildResources,
) {
  const shared = { image: builderImage, volumeMounts: mounts };
  // A pod requests what its steps request together, though they run one after another.
  const small = { computeResources: resourcesOf(besideTheBuild) };
  // Parameters reach the scripts as variables: text in a script would be run.
  const env = [
    { name: "IMAGE", value: "$(params.image)" },
    { name: "TAG", value: "$(params.tag)" },
    { name: "CONTEXT_SHA256", value: "$(params.context-sha256)" },
    { name: "CONTEXT", value: `$(workspaces.${workspaces.context}.path)` },
    { name: "LOGIN", value: `$(workspaces.${workspaces.credentials}.path)` },
    { name: "URL_RESULT", value: "$(results.IMAGE_URL.path)" },
    { name: "DIGEST_RESULT", value: "$(results.IMAGE_DIGEST.path)" },
    // Without it BuildKit wants a privileged pod to give each build a /proc of its own.
    { name: "BUILDKITD_FLAGS", value: "--oci-worker-no-process-sandbox" },
  ];
  const rootless = {
    runAsUser: rootlessUser,
    runAsGroup: rootlessUser,
    runAsNonRoot: true,
    // newuidmap and newgidmap are setuid programs, and the default profiles forbid what they do.
    seccompProfile: { type: "Unconfined" },
    appArmorProfile: { type: "Unconfined" },
  };
  return {
    volumes: [
      { name: "work", emptyDir: {} },
      { name: "buildkit", emptyDir: {} },
    ],
    steps: [
      { name: "fetch", ...shared, ...small, env, securityContext: confined, script: fetchScript },
      {
        name: "build",
        ...shared,
        env,
        computeResources: resourcesOf(resources),
        securityContext: rootless,
        script: buildScript(layerCache),
      },
      { name: "verify", ...shared, ...small, env, securityContext: rootless, script: verifyScript },
    ],
  };
}

const besideTheBuild: BuildResources = { cpu: "100m", memory: "256Mi" };

const confined = {
  runAsUser: rootlessUser,
  runAsGroup: rootlessUser,
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

const mounts = [
  { name: "work", mountPath: work },
  { name: "buildkit", mountPath: "/home/user/.local/share/buildkit" },
];

const fetchScript = `#!/bin/sh
set -eu
cat "$CONTEXT"/part-* > ${work}/context.tar.gz
echo "$CONTEXT_SHA256  ${work}/context.tar.gz" | sha256sum -c - > /dev/null || {
  echo "the context's archive is not the one of SHA-256 $CONTEXT_SHA256" >&2
  exit 1
}
mkdir ${work}/context
tar -xzf ${work}/context.tar.gz -C ${work}/context
`;

/** Credentials are copied: BuildKit's client writes beside them, and the workspace is read-only. */
const login = `mkdir -p ${work}/docker
[ ! -f "$LOGIN/config.json" ] || cp "$LOGIN/config.json" ${work}/docker/config.json
export DOCKER_CONFIG=${work}/docker
`;

function buildScript(layerCache: boolean): string {
  const cache = layerCache
    ? ` \\
  --import-cache "type=registry,ref=$IMAGE:cache" \\
  --export-cache "type=registry,ref=$IMAGE:cache,mode=max,ignore-error=true"`
    : "";
  return `#!/bin/sh
set -eu
${login}buildctl-daemonless.sh build --progress=plain --frontend dockerfile.v0 \\
  --local context=${work}/context --local dockerfile=${work}/context \\
  --output "type=image,name=$IMAGE:$TAG,push=true" \\
  --metadata-file ${work}/metadata.json${cache}
digest=$(sed -n 's/.*"containerimage.digest": *"\\(sha256:[0-9a-f]\\{64\\}\\)".*/\\1/p' ${work}/metadata.json)
[ -n "$digest" ] || { echo "BuildKit named no digest" >&2; exit 1; }
printf %s "$digest" > "$DIGEST_RESULT"
printf %s "$IMAGE" > "$URL_RESULT"
`;
}

/** Asks the registry for what was pushed, by digest: a registry that lost it, or a proxy before it, is found out here. */
const verifyScript = `#!/bin/sh
set -eu
${login}mkdir ${work}/verify
printf 'FROM %s@%s\\n' "$IMAGE" "$(cat "$DIGEST_RESULT")" > ${work}/verify/Dockerfile
buildctl-daemonless.sh build --progress=plain --no-cache --frontend dockerfile.v0 \\
  --local context=${work}/verify --local dockerfile=${work}/verify || {
  echo "the registry does not have $IMAGE@$(cat "$DIGEST_RESULT"), which was just pushed" >&2
  exit 1
}
`;

function directoryTask(
  { builderImage, command, store, cache }: Extract<BuildTarget, { kind: "directory" }>,
  resources: BuildResources,
) {
  const env = {
    MENAGERIE_IMAGE_STORE: store,
    MENAGERIE_CACHE: cache,
    CONTEXT: `$(workspaces.${workspaces.context}.path)`,
    CONTEXT_SHA256: "$(params.context-sha256)",
    TRUSS_NAME: "$(params.name)",
    TRUSS_HASH: "$(params.hash)",
    PYTHON_LAYERS: "$(params.python)",
    URL_RESULT: "$(results.IMAGE_URL.path)",
    DIGEST_RESULT: "$(results.IMAGE_DIGEST.path)",
  };
  return {
    volumes: Object.entries(directoryClaims).map(([name, claim]) => ({
      name,
      persistentVolumeClaim: { claimName: claim },
    })),
    steps: [
      {
        name: "build",
        image: builderImage,
        // Named, for Tekton would ask a registry for the image's own.
        command: [...command],
        env: Object.entries(env).map(([name, value]) => ({ name, value })),
        computeResources: resourcesOf(resources),
        volumeMounts: [
          { name: "store", mountPath: store },
          { name: "cache", mountPath: cache },
        ],
      },
    ],
  };
}

/** Claims of the embedded environment's image store and cache, by volume. */
export const directoryClaims = { store: "image-store", cache: "build-cache" } as const;

/** A PersistentVolume for a folder of the machine and the claim that is bound to it from the start. */
export function directoryVolumeManifests(namespace: string, claim: string, path: string) {
  const volume = `${namespace}-${claim}`;
  const common = { accessModes: ["ReadWriteMany"], storageClassName: "" };
  return {
    volume: {
      metadata: { name: volume, labels },
      spec: {
        ...common,
        // Required, and means nothing for a folder.
        capacity: { storage: "1Gi" },
        hostPath: { path, type: "Directory" },
        claimRef: { namespace, name: claim },
        persistentVolumeReclaimPolicy: "Retain",
      },
    },
    claim: {
      metadata: { name: claim, namespace, labels },
      spec: { ...common, resources: { requests: { storage: "1Gi" } }, volumeName: volume },
    },
  };
}

function resourcesOf({ cpu, memory }: BuildResources) {
  return { requests: { cpu, memory }, limits: { memory } };
}

/**
 * Who builds: the pods' account, which has no rights and no token, a Role for whoever runs `up`, to be bound by the cluster's
 * administrator, and the rule that nothing reaches the pods.
 */
export function buildAccess(namespace: string) {
  return {
    account: {
      metadata: { name: buildAccount, namespace, labels },
      automountServiceAccountToken: false,
    },
    role: {
      metadata: { name: "truss-builder", namespace, labels },
      rules: [
        {
          apiGroups: ["tekton.dev"],
          resources: ["pipelineruns"],
          verbs: ["get", "list", "create", "patch", "delete"],
        },
        { apiGroups: ["tekton.dev"], resources: ["taskruns"], verbs: ["list"] },
        { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
        // Contexts are written and taken away, never read back.
        { apiGroups: [""], resources: ["secrets"], verbs: ["create", "delete"] },
      ],
    },
    isolation: {
      metadata: { name: "no-ingress", namespace, labels },
      spec: { podSelector: {}, policyTypes: ["Ingress"] },
    },
  };
}
