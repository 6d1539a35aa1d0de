import type { Failure, LossReason } from "../../domain/recording/prediction.ts";

/** What the thread that stores tells the one that forwards. */
export type ShipperReport =
  /** The tables are there; or (not `verified`) the database does not answer, in spite of which traffic may come. */
  | { readonly kind: "ready"; readonly verified: boolean }
  /** A mistake that stays until somebody corrects it, as a sentence. */
  | { readonly kind: "unready"; readonly reason: string }
  | { readonly kind: "stored"; readonly predictions: number; readonly streams: readonly StoredStream[] }
  /** The tables are of an earlier release, and lack these columns; empty once they have them. */
  | { readonly kind: "older"; readonly columns: readonly string[] }
  | { readonly kind: "lost"; readonly reason: LossReason; readonly requests: number }
  /** An attempt failed and will be repeated. */
  | { readonly kind: "failed"; readonly sentence: string; readonly code: string | undefined };

/** A stream that is stored. */
export interface StoredStream {
  readonly firstTokenMs: number | null;
  readonly pieces: number;
  /** What went wrong, where it was seen only when the stream was joined. */
  readonly failure: Failure | null;
}

/** What the thread that stores works with, besides the process' environment and arguments. */
export interface ShipperInput {
  readonly logId: string;
  /** Memory of `LogPositions`. */
  readonly positions: SharedArrayBuffer;
}
