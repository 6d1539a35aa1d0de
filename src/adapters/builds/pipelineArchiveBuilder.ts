import { OperatorError } from "../../domain/errors.ts";
import type { ArchiveBuilder, ArchiveBuildRequest } from "../../domain/truss/archiveBuilder.ts";
import { ignorePatternsOf } from "../../domain/truss/ignore.ts";
import { readArchive } from "../../domain/uploads/archive.ts";
import type { TrussReading } from "../truss/snapshot.ts";
import type { PackedContext } from "./buildContext.ts";
import { buildByPipeline, type PipelineOptions } from "./pipelineBuild.ts";

/** What the builder of pushed archives by PipelineRuns works with. */
export interface PipelineArchiveBuilderOptions extends PipelineOptions {
  /** Bytes and files that an archive may have, unpacked. */
  readonly limits: { readonly size: number; readonly files: number };
  /** Packs what a build starts from; the image has a control server. */
  pack(request: ArchiveBuildRequest, reading: TrussReading, signal: AbortSignal): Promise<PackedContext>;
  /** Values of the Pipeline's parameters for one build. */
  params(request: ArchiveBuildRequest): Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

/**
 * Builds pushed archives by the same PipelineRuns that `up` starts. A run goes on when this process ends: the one that takes its
 * work over joins it.
 */
export function createPipelineArchiveBuilder(options: PipelineArchiveBuilderOptions): ArchiveBuilder {
  return {
    async build(request, signal) {
      const { name, hash, archive } = request;
      const end = await buildByPipeline(options, {
        name,
        hash,
        signal,
        params: options.params(request),
        again: "push again",
        givenUp: "leave",
        async begin(): Promise<TrussReading> {
          const snapshot = readArchive(archive, options.limits);
          return { snapshot, patterns: ignorePatternsOf(snapshot) };
        },
        pack: (reading) => options.pack(request, reading, signal),
        report: (detail) => options.log(`${name}: ${detail}`),
        note: (line) => options.log(`${name}: ${line}`),
      });
      // Trying the same again would fail the same way: it is for whoever pushed it.
      if ("failure" in end) throw new OperatorError(end.failure.refusals, { exitCode: 2, cause: end.failure });
      return end.image;
    },
  };
}
