import type { BuildRuns } from "./pipelineRun.ts";

/** Where a stack's Pipeline is, and what its builds may take. */
export interface StackPipeline extends Omit<BuildRuns, "serviceAccount"> {
  /** Finished runs of an image that stay, as the record of its builds. */
  readonly keep: number;
  /** Images are pushed to `<repository>/<name>`. @default directory images of the embedded environment's store */
  readonly repository?: string | undefined;
  /** Context of the ambient kubeconfig. @default its current one */
  readonly context?: string;
}
