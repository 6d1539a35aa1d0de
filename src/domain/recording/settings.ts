import type { RedactionRules } from "../redaction/rules.ts";

/** How requests to a model and its answers are recorded. */
export interface RecordingSettings {
  /**
   * Share of the requests whose predictions are stored, in percent. Every request is answered; which ones are stored follows from
   * their ids, see `isSampled`.
   */
  readonly sample: number;
  /** Whether bodies are stored; sizes, statuses, times and tokens always are. */
  readonly bodies: boolean;
  /** Days that predictions are kept, before today's. */
  readonly retentionDays: number;
  /** What is replaced by pseudonyms before anything is stored. */
  readonly redact: RedactionRules;
}

/** Those that the recorder itself needs. */
export type RecorderSettings = Omit<RecordingSettings, "retentionDays">;

/** The defaults. */
export const recordsEverything: RecorderSettings = { sample: 100, bodies: true, redact: [] };

/** Of one pod of the recorder: cores, and bytes with a suffix. What it may use for a moment stands in `limits`. */
export const recorderResources = {
  requests: { cpu: "250m", memory: "384Mi" },
  limits: { cpu: "2", memory: "768Mi" },
} as const;

/** Pods of the recorder before a model: as many as the model has, and one where that is scaled to zero. */
export function recorderPods({ min }: { readonly min: number }): number {
  return Math.max(1, min);
}

/** How a model is recorded, as its entry says. */
export interface ModelRecording extends RecordingSettings {
  /** Nothing is recorded for now; what was recorded is kept. */
  readonly paused: boolean;
}

/**
 * Schema of a zoo model's prediction tables; also its recorder's login. One for all of its versions, so that a version's evidence
 * outlives its pods: rows say which content answered. Two models of one name in Kubernetes are refused, and shadows' begin otherwise.
 */
export function recordingSchema(model: string): string {
  return `recorded_${model.replaceAll("-", "_")}`;
}

/** What recording does to one version, as a preview says it. */
export function describeRecorded(
  { sample, bodies, redact, retentionDays }: RecordingSettings,
  replicas: { readonly min: number },
): string {
  const pods = recorderPods(replicas);
  const kept = [
    sample >= 100 ? "every request" : `${sample} % of the requests`,
    bodies ? "" : "without bodies",
    redact.length > 0 ? `redacted by ${redact.length} ${redact.length === 1 ? "rule" : "rules"}` : "",
    `kept ${days(retentionDays)}`,
  ];
  const cost = `${pods} more ${pods === 1 ? "pod" : "pods"}, ${recorderResources.requests.cpu} CPU${pods === 1 ? "" : " each"}`;
  return `${kept.filter(Boolean).join(", ")}; ${cost}`;
}

export function describePaused({ retentionDays }: RecordingSettings): string {
  return `recording is paused: what was recorded is kept ${days(retentionDays)}`;
}

function days(count: number): string {
  return `${count} ${count === 1 ? "day" : "days"}`;
}
