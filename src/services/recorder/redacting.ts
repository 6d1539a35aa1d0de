import type { RedactionRules } from "../../domain/redaction/rules.ts";

/** What {@link Redaction} gives its thread to work with. */
export interface RedactingInput {
  /** Empty where nothing is redacted. */
  readonly rules: RedactionRules;
  /** Key of the pseudonyms; empty without rules. */
  readonly key: string;
  /** Whether bodies are stored. */
  readonly keepsBodies: boolean;
}

/** Predictions as frames of the log. */
export interface FramesToRedact {
  readonly frames: Uint8Array;
}

/** The same predictions, as they may be stored. */
export interface RedactedFrames {
  readonly frames: Uint8Array;
  readonly predictions: number;
  /** Predictions of which a body was dropped. */
  readonly unredactable: number;
  /** Predictions that are not in `frames`, since redacting them failed. */
  readonly failed: number;
}
