import type { RedactionRules } from "../../domain/redaction/rules.ts";

/** What the thread that redacts works with. */
export interface RedactingInput {
  readonly rules: RedactionRules;
  /** Key of the pseudonyms. */
  readonly key: string;
  /** Whether bodies are kept at all. */
  readonly keepsBodies: boolean;
}

/** Predictions as frames of the log. */
export interface FramesToRedact {
  readonly frames: Uint8Array;
}

/** The same, redacted. */
export interface RedactedFrames {
  readonly frames: Uint8Array;
  readonly predictions: number;
  /** Predictions of which a body was dropped. */
  readonly unredactable: number;
  /** Predictions that are not in `frames`, since redacting them failed. */
  readonly failed: number;
}
