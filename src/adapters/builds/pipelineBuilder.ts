import type { Progress, ProgressTask } from "../../domain/progress.ts";
import type { TrussBuilder, TrussBuildRequest, TrussImage } from "../../domain/truss/builder.ts";
import { requireHash } from "../truss/builder.ts";
import { readTruss, type TrussReading } from "../truss/snapshot.ts";
import type { PackedContext } from "./buildContext.ts";
import { buildByPipeline, type PipelineOptions } from "./pipelineBuild.ts";

/** What the builder by PipelineRuns works with. */
export interface PipelineBuilderOptions extends PipelineOptions {
  /** Packs what a build starts from. */
  pack(request: TrussBuildRequest, reading: TrussReading): Promise<PackedContext>;
  /** Values of the Pipeline's parameters for one build. */
  params(request: TrussBuildRequest): Readonly<Record<string, string>>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Builds truss folders by PipelineRuns, one for each content hash; one that succeeded is believed. */
export function createPipelineBuilder(options: PipelineBuilderOptions): TrussBuilder {
  return { build: (request) => build(options, request) };
}

async function build(options: PipelineBuilderOptions, request: TrussBuildRequest): Promise<TrussImage> {
  const { signal, progress } = options;
  const { name, hash } = request;
  let task: ProgressTask | undefined;
  try {
    const end = await buildByPipeline(options, {
      name,
      hash,
      signal,
      params: options.params(request),
      // Also where a run is joined: what it builds has to be what the folder holds.
      async begin() {
        const reading = await readTruss(request.folder);
        requireHash(request, reading);
        task = progress.begin(`image ${name}`);
        return reading;
      },
      pack: (reading) => options.pack(request, reading),
      report: (detail) => task?.update(detail),
      note: (line) => progress.note(`image ${name}: ${line}`),
    });
    if ("failure" in end) throw end.failure;
    task?.done(end.image.digest.slice(0, "sha256:".length + 12));
    return end.image;
  } catch (error) {
    task?.failed();
    throw error;
  }
}
