import type { PipelineSpec } from "../config/pipelines.ts";
import type { PlannedPipeline } from "./pipelines.ts";

/** What an `up` does with a pipeline, for the preview. */
export function describePipeline({ schedule, timeZone }: PipelineSpec, tag: string, planned: PlannedPipeline): string {
  if (schedule !== undefined) return `runs in ${tag} by its schedule, "${schedule}" in ${timeZone}`;
  return planned.ran ? `ran for ${tag}` : `runs for ${tag}`;
}
