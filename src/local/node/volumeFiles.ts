import type { V1ConfigMap, V1DownwardAPIVolumeFile, V1KeyToPath, V1Pod, V1Secret } from "@kubernetes/client-node";
import { fieldValue, type PodPlacement, resourceFieldValue } from "./fieldValue.ts";

/** One file of a volume that the node fills. */
export interface VolumeFile {
  /** Relative to the volume, without `..`. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

/** A volume cannot be filled (yet): the pod waits, and this sentence is its message. */
export class VolumeNotReady extends Error {
  override readonly name = "VolumeNotReady";
}

interface Selection {
  readonly items?: readonly V1KeyToPath[] | undefined;
  readonly defaultMode?: number | undefined;
  readonly optional?: boolean | undefined;
  /** Names the source in messages, such as `configmap "web/settings"`. */
  readonly source: string;
}

export function configMapFiles(configMap: V1ConfigMap | undefined, selection: Selection): VolumeFile[] {
  const data = configMap && {
    ...mapValues(configMap.data, (text) => Buffer.from(text)),
    ...mapValues(configMap.binaryData, (text) => Buffer.from(text, "base64")),
  };
  return selectFiles(data, selection);
}

export function secretFiles(secret: V1Secret | undefined, selection: Selection): VolumeFile[] {
  return selectFiles(secret && mapValues(secret.data, (text) => Buffer.from(text, "base64")), selection);
}

/** Files of a downward API volume. Throws {@link VolumeNotReady} for a field the API does not have. */
export function downwardFiles(
  pod: V1Pod,
  items: readonly V1DownwardAPIVolumeFile[],
  defaultMode: number | undefined,
  placement: PodPlacement,
): VolumeFile[] {
  return items.map((item) => {
    const ref = item.resourceFieldRef;
    const container = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(
      ({ name }) => name === ref?.containerName,
    );
    const value = item.fieldRef
      ? fieldValue(pod, item.fieldRef.fieldPath, placement)
      : ref && resourceFieldValue(container, ref, placement);
    if (value === undefined) {
      const what = item.fieldRef?.fieldPath ?? ref?.resource ?? "nothing";
      throw new VolumeNotReady(`downward API file "${item.path}": there is no field "${what}"`);
    }
    return file(item.path, Buffer.from(value), item.mode ?? defaultMode);
  });
}

export function file(path: string, content: Uint8Array, mode: number | undefined): VolumeFile {
  if (path === "" || path.startsWith("/") || path.split("/").includes("..")) {
    throw new VolumeNotReady(`volume path "${path}" must be relative and without ".."`);
  }
  return { path, content, mode: mode ?? 0o644 };
}

function selectFiles(data: Readonly<Record<string, Buffer>> | undefined, selection: Selection): VolumeFile[] {
  if (!data) {
    if (selection.optional) return [];
    throw new VolumeNotReady(`${selection.source} not found`);
  }
  if (!selection.items) {
    return Object.entries(data).map(([key, content]) => file(key, content, selection.defaultMode));
  }
  return selection.items.flatMap((item) => {
    const content = data[item.key];
    if (content) return [file(item.path, content, item.mode ?? selection.defaultMode)];
    if (selection.optional) return [];
    throw new VolumeNotReady(`${selection.source} has no key "${item.key}"`);
  });
}

function mapValues(
  map: Readonly<Record<string, string>> | undefined,
  convert: (text: string) => Buffer,
): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(map ?? {}).map(([key, text]) => [key, convert(text)]));
}
