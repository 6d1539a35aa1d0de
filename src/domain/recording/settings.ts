/** How requests to a model and its answers are recorded. */
export interface RecordingSettings {
  /**
   * Share of the requests whose predictions are stored, in percent. Every request is answered; which ones are stored follows from
   * their ids, see `isSampled`.
   */
  readonly sample: number;
  /** Whether bodies are stored; sizes, statuses and times always are. */
  readonly bodies: boolean;
  /** Days that predictions are kept, before today's. */
  readonly retentionDays: number;
  /** Rules for what must not be stored; JSON that the recorder reads. */
  readonly redact: readonly unknown[];
}

/** As a recorder stores where nobody says otherwise. */
export const recordsEverything: Omit<RecordingSettings, "retentionDays"> = { sample: 100, bodies: true, redact: [] };
