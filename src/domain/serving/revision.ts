import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { InferenceServiceManifest } from "./inferenceService.ts";
import { annotations } from "./servedModel.ts";

/** 16 hex digits that change with everything in the manifest, whatever the order of its keys. */
export function revisionOf(manifest: InferenceServiceManifest): string {
  const { [annotations.revision]: _, ...others } = manifest.metadata.annotations;
  const content = { ...manifest, metadata: { ...manifest.metadata, annotations: others } };
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(sortedKeys(content))))).slice(0, 16);
}

/** The manifest with its revision as an annotation, by which its pods are told from those of earlier manifests. */
export function withRevision<Image, Revision>(manifest: InferenceServiceManifest<Image>, revision: Revision) {
  const { metadata } = manifest;
  return {
    ...manifest,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [annotations.revision]: revision } },
  };
}

function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortedKeys(inner)]));
}
