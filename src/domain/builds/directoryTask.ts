import { type BuildResources, resourcesOf } from "./buildResources.ts";
import { buildPartLabels, workspaces } from "./names.ts";

/** A directory image of the embedded environment. `Image` is a string, or a promise of one that is only passed on. */
export interface DirectoryTarget<Image = string> {
  readonly kind: "directory";
  /** `<url>@<digest>` of the image with the build program, and what starts it. */
  readonly builderImage: Image;
  readonly command: readonly string[];
  /** Paths of the machine, the same in the pod: Python environments hold absolute ones. */
  readonly store: string;
  readonly cache: string;
}

/** Parameters of a build that lays a directory image out. */
export const directoryParameters = {
  name: "Name of the model.",
  hash: "Content hash of the truss.",
  python: "The Python environments of the cache, as JSON; empty for those of the pod's own Python.",
  control: "Whether the image gets a control server, whatever the truss's config says: true or false.",
} as const;

/** Volumes and the one step of the Task. */
export function directoryTask<Image>(
  { builderImage, command, store, cache }: DirectoryTarget<Image>,
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
    TRUSS_CONTROL: "$(params.control)",
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
      metadata: { name: volume, labels: buildPartLabels },
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
      metadata: { name: claim, namespace, labels: buildPartLabels },
      spec: { ...common, resources: { requests: { storage: "1Gi" } }, volumeName: volume },
    },
  };
}
