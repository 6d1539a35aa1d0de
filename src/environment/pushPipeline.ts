import type { EnvironmentSpec } from "../config/environment.ts";
import type { PushPipeline } from "../domain/serving/apiPushes.ts";

/** The Pipeline that builds what clients push; undefined where something else does, or they cannot push. */
export function pushPipeline({
  spec,
  hasDatabase,
}: {
  readonly spec: Pick<EnvironmentSpec, "builds" | "nodeClass" | "services">;
  readonly hasDatabase: boolean;
}): PushPipeline | undefined {
  const { builds, nodeClass, services } = spec;
  // Pods of the API service that stand for each other need a place in common for uploads.
  if (!hasDatabase || builds.kind !== "tekton" || (nodeClass !== "local" && !services.uploads)) return undefined;
  const { namespace, repository, credentials, timeoutMinutes, keep } = builds;
  return { namespace, repository, credentials, timeoutMinutes, keep };
}
