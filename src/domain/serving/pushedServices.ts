import type { InferenceServiceManifest } from "./inferenceService.ts";

/** The InferenceServices of versions that clients push. */
export interface PushedServices {
  /**
   * Deletes the service that is there and makes this one, of the deployment that the manifest's annotation names. One that
   * is there already stays. Answers `superseded`, and changes nothing, where a later deployment has made its own.
   */
  replace(manifest: InferenceServiceManifest, signal: AbortSignal): Promise<"made" | "superseded">;
  /** Deletes the service of a version; nothing where there is none. */
  remove(name: string, namespace: string): Promise<void>;
}
