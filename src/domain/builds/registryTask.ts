import { type BuildResources, resourcesOf } from "./buildResources.ts";
import { workspaces } from "./names.ts";

/** A container image in a registry, by rootless BuildKit. */
export interface RegistryTarget {
  readonly kind: "registry";
  /** `<image>@sha256:<digest>` of rootless BuildKit (moby/buildkit, a tag that ends in `-rootless`). */
  readonly builderImage: string;
  /** Keep the layers of builds beside the images, under the tag `cache`. */
  readonly layerCache: boolean;
}

/** Folder of a build pod that its steps share. */
const work = "/build";
/** User of rootless BuildKit's image. */
const rootlessUser = 1000;

/** Parameters of a build that pushes. */
export const registryParameters = {
  image: "Repository to push to, without a tag.",
  tag: "Tag that keeps the image.",
} as const;

/** Volumes and steps of the Task: unpack the context, build and push, ask the registry for what was pushed. */
export function registryTask({ builderImage, layerCache }: RegistryTarget, resources: BuildResources) {
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

/**
 * Asks the registry for what was pushed, by digest: a registry that lost it, or a proxy before it, is found out here, before a
 * result names it. The state is another than the build's: that holds the image, and BuildKit may answer from it.
 */
const verifyScript = `#!/bin/sh
set -eu
${login}mkdir ${work}/verify
pushed="$IMAGE@$(cat "$DIGEST_RESULT")"
printf 'FROM %s\\n' "$pushed" > ${work}/verify/Dockerfile
export BUILDKITD_FLAGS="$BUILDKITD_FLAGS --root ${work}/verify-state"
buildctl-daemonless.sh build --progress=plain --no-cache --frontend dockerfile.v0 \\
  --local context=${work}/verify --local dockerfile=${work}/verify > ${work}/verify.log 2>&1 || {
  cat ${work}/verify.log >&2
  if grep -q ": not found" ${work}/verify.log; then
    echo "the registry does not have $pushed, which was just pushed: is something before it that keeps or drops pushes, or a clean-up that runs meanwhile?" >&2
  else
    echo "the registry does not say that it has $pushed, which was just pushed; the reason is above" >&2
  fi
  exit 1
}
`;
