/** Revision of `tables.sql`: counts the changes to columns of tables that stacks have already. */
export const predictionTablesRevision = 5;

/** Tables of a recorded model, without the partitions of days. */
export const predictionTableNames = [
  "inference_requests",
  "inference_response",
  "recorder_log",
  "recording_losses",
  "recording_settings",
] as const;
