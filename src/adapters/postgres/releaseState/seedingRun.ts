import type { Progress } from "../../../domain/progress.ts";
import type { DatabaseServer } from "../server.ts";

/** One run that fills the tables of a release. */
export interface SeedingRun {
  readonly server: DatabaseServer;
  readonly database: string;
  readonly tag: string;
  readonly schema: string;
  /** Of `release_schema`: workers of another attempt stop. */
  readonly attempt: string;
  /** Connections at work at the same time. */
  readonly parallel: number;
  /** Size of the ranges that are copied in one transaction, in blocks of 8 KiB. @default 4096, which is 32 MiB */
  readonly blocksPerChunk?: number | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}
