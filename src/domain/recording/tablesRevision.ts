/** Revision of `tables.sql`: counts the changes to tables that stacks have already. */
export const predictionTablesRevision = 6;

/** Tables of a recorded model, without the partitions of days. */
export const predictionTableNames = [
  "inference_requests",
  "inference_response",
  "recorder_log",
  "recorder_open",
  "recording_losses",
  "recording_settings",
] as const;
