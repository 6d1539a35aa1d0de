import { mkdir } from "node:fs/promises";
import { join, normalize, relative, resolve } from "node:path";
import type {
  V1ConfigMap,
  V1Container,
  V1KeyToPath,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1ProjectedVolumeSource,
  V1Secret,
  V1Volume,
} from "@kubernetes/client-node";
import { writeAtomicVolume } from "./atomicVolume.ts";
import type { ContainerMount } from "./bubblewrap.ts";
import { configMapPath, secretPath } from "./containerEnvironment.ts";
import { expandReferences } from "./environment.ts";
import type { PodPlacement } from "./fieldValue.ts";
import type { NamedObjects } from "./nodeContext.ts";
import { folderBelow, isInside, PathLeadsOut, pathBelow } from "./pathBelow.ts";
import type { PodLink } from "./podLink.ts";
import { configMapFiles, downwardFiles, file, secretFiles, type VolumeFile, VolumeNotReady } from "./volumeFiles.ts";

/** Where volumes get what they hold. */
export interface VolumeSources {
  readonly objects: NamedObjects;
  readonly tokens: PodLink["tokens"];
  readonly placement: PodPlacement;
  /** Folder of the host that pods may mount parts of, by hostPath or by a PersistentVolume: nothing else of the host. */
  readonly hostRoot: string;
  /** Folders that PersistentVolumes may name as well, for only the administrator makes those. @default none */
  readonly administratorRoots?: readonly string[];
}

/**
 * Fills the pod's volumes below `folder` and answers the host path of each by name. Called again every few seconds
 * while the pod lives: files follow their sources. Throws {@link VolumeNotReady} with kubelet-like words.
 */
export async function fillVolumes(pod: V1Pod, folder: string, sources: VolumeSources): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for (const volume of pod.spec?.volumes ?? []) {
    paths.set(volume.name, await fillVolume(pod, volume, join(folder, volume.name), sources));
  }
  return paths;
}

async function fillVolume(pod: V1Pod, volume: V1Volume, folder: string, sources: VolumeSources): Promise<string> {
  if (volume.hostPath) return mountablePath(volume.hostPath.path, volume.hostPath.type, sources.hostRoot);
  if (volume.persistentVolumeClaim) return claimPath(pod, volume.persistentVolumeClaim.claimName, sources);
  await mkdir(folder, { recursive: true });
  // Kept on disk also for medium Memory: a tmpfs would not survive what a pod survives here.
  if (volume.emptyDir) return folder;
  await writeAtomicVolume(folder, await volumeContent(pod, volume, sources));
  return folder;
}

async function volumeContent(pod: V1Pod, volume: V1Volume, sources: VolumeSources): Promise<VolumeFile[]> {
  if (volume.projected) return projectedFiles(pod, volume.projected, sources);
  if (volume.configMap) {
    return readConfigMap(pod, volume.configMap, volume.configMap.defaultMode, sources);
  }
  if (volume.secret) {
    const { secretName, ...rest } = volume.secret;
    return readSecret(
      pod,
      { ...rest, ...(secretName === undefined ? {} : { name: secretName }) },
      rest.defaultMode,
      sources,
    );
  }
  if (volume.downwardAPI) {
    return downwardFiles(pod, volume.downwardAPI.items ?? [], volume.downwardAPI.defaultMode, sources.placement);
  }
  const kind = Object.keys(volume).find((key) => key !== "name") ?? "unknown";
  throw new VolumeNotReady(`volume "${volume.name}": the local environment has no volumes of type ${kind}`);
}

async function projectedFiles(
  pod: V1Pod,
  projected: V1ProjectedVolumeSource,
  sources: VolumeSources,
): Promise<VolumeFile[]> {
  const files = new Map<string, VolumeFile>();
  for (const source of projected.sources ?? []) {
    let part: VolumeFile[] = [];
    if (source.serviceAccountToken) {
      const { audience, expirationSeconds, path } = source.serviceAccountToken;
      const token = await sources.tokens.token(pod, audience, expirationSeconds);
      part = [file(path, Buffer.from(token), projected.defaultMode)];
    } else if (source.configMap) {
      part = await readConfigMap(pod, source.configMap, projected.defaultMode, sources);
    } else if (source.secret) {
      part = await readSecret(pod, source.secret, projected.defaultMode, sources);
    } else if (source.downwardAPI) {
      part = downwardFiles(pod, source.downwardAPI.items ?? [], projected.defaultMode, sources.placement);
    } else {
      const kind = Object.keys(source)[0] ?? "unknown";
      throw new VolumeNotReady(`the local environment has no projected volume source of type ${kind}`);
    }
    for (const each of part) files.set(each.path, each);
  }
  return [...files.values()];
}

interface NamedSource {
  readonly name?: string;
  readonly items?: V1KeyToPath[];
  readonly optional?: boolean;
}

async function readConfigMap(
  pod: V1Pod,
  source: NamedSource,
  defaultMode: number | undefined,
  { objects }: VolumeSources,
): Promise<VolumeFile[]> {
  const namespace = pod.metadata?.namespace ?? "";
  const name = source.name ?? "";
  const { items, optional } = source;
  const found = await objects.get<V1ConfigMap>(configMapPath(namespace, name));
  return configMapFiles(found, { items, optional, defaultMode, source: `configmap "${namespace}/${name}"` });
}

async function readSecret(
  pod: V1Pod,
  source: NamedSource,
  defaultMode: number | undefined,
  { objects }: VolumeSources,
): Promise<VolumeFile[]> {
  const namespace = pod.metadata?.namespace ?? "";
  const name = source.name ?? "";
  const { items, optional } = source;
  const found = await objects.get<V1Secret>(secretPath(namespace, name));
  return secretFiles(found, { items, optional, defaultMode, source: `secret "${namespace}/${name}"` });
}

async function claimPath(
  pod: V1Pod,
  claim: string,
  { objects, hostRoot, administratorRoots = [] }: VolumeSources,
): Promise<string> {
  const namespace = pod.metadata?.namespace ?? "";
  const found = await objects.get<V1PersistentVolumeClaim>(
    `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${claim}`,
  );
  const name = found?.status?.phase === "Bound" ? found.spec?.volumeName : undefined;
  if (!name) throw new VolumeNotReady(`persistentvolumeclaim "${namespace}/${claim}" is not bound`);
  const volume = await objects.get<V1PersistentVolume>(`/api/v1/persistentvolumes/${name}`);
  const path = volume?.spec?.local?.path ?? volume?.spec?.hostPath?.path;
  if (!path) throw new VolumeNotReady(`persistentvolume "${name}" is neither local nor hostPath`);
  const root = administratorRoots.find((each) => isInside(resolve(path), each)) ?? hostRoot;
  return mountablePath(path, volume?.spec?.hostPath?.type, root);
}

/** Real path of what a volume names on the host. The environment's own folders hold keys, so `hostRoot` is the border. */
async function mountablePath(path: string, type: string | undefined, hostRoot: string): Promise<string> {
  const refused = new VolumeNotReady(`"${path}": only paths below ${hostRoot} can be mounted`);
  const absolute = resolve(path);
  if (!isInside(absolute, hostRoot)) throw refused;
  await mkdir(hostRoot, { recursive: true, mode: 0o700 });
  const options = { make: type === "DirectoryOrCreate" };
  const found = await pathBelow(hostRoot, relative(hostRoot, absolute), options).catch((error: unknown) => {
    throw error instanceof PathLeadsOut ? refused : error;
  });
  if (found === undefined) throw new VolumeNotReady(`"${path}" does not exist on the node`);
  return found;
}

/** The container's mounts over the filled volumes. Makes a missing subPath, as kubelet does. */
export async function containerMounts(
  pod: V1Pod,
  container: V1Container,
  volumes: ReadonlyMap<string, string>,
  env: ReadonlyMap<string, string>,
): Promise<ContainerMount[]> {
  const mounts: ContainerMount[] = [];
  const filled = new Set(
    (pod.spec?.volumes ?? [])
      .filter(({ configMap, secret, projected, downwardAPI }) => configMap ?? secret ?? projected ?? downwardAPI)
      .map(({ name }) => name),
  );
  for (const mount of container.volumeMounts ?? []) {
    const volume = volumes.get(mount.name);
    if (volume === undefined) throw new VolumeNotReady(`volumeMount "${mount.name}" names no volume of the pod`);
    const subPath = mount.subPathExpr ? expandReferences(mount.subPathExpr, env) : mount.subPath;
    mounts.push({
      source: subPath ? await subPathOf(volume, subPath) : volume,
      target: normalize(mount.mountPath),
      readOnly: mount.readOnly === true || filled.has(mount.name),
    });
  }
  return mounts;
}

async function subPathOf(volume: string, subPath: string): Promise<string> {
  if (subPath.startsWith("/") || subPath.split("/").includes("..")) {
    throw new VolumeNotReady(`subPath "${subPath}" must be relative and without ".."`);
  }
  try {
    // As kubelet does, a folder is made of what is not there.
    return await folderBelow(volume, subPath);
  } catch (error) {
    if (!(error instanceof PathLeadsOut)) throw error;
    throw new VolumeNotReady(`subPath "${subPath}" leads out of its volume`);
  }
}
