import type { InferenceServiceManifest } from "./inferenceService.ts";
import { annotations } from "./servedModel.ts";
import { valueHash } from "./valueHash.ts";

/**
 * 16 hex digits that change with everything in the manifest, whatever the order of its keys; but not with an autoscaler's target and the
 * time after which it sleeps, which pods know nothing of.
 */
export function revisionOf(manifest: InferenceServiceManifest): string {
  const { [annotations.revision]: _, [annotations.idleMinutes]: __, ...others } = manifest.metadata.annotations;
  const { scaleMetric, scaleTarget, autoScaling, ...predictor } = manifest.spec.predictor;
  const content = {
    ...manifest,
    metadata: { ...manifest.metadata, annotations: others },
    spec: { ...manifest.spec, predictor },
  };
  return valueHash(content);
}

/** The manifest with its revision as an annotation, by which its pods are told from those of earlier manifests. */
export function withRevision<Image, Revision>(manifest: InferenceServiceManifest<Image>, revision: Revision) {
  const { metadata } = manifest;
  return {
    ...manifest,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [annotations.revision]: revision } },
  };
}
