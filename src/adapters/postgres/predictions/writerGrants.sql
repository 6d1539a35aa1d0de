-- Recorders add predictions and read none back: of stored requests they see the keys, to number a repeated id.
GRANT INSERT ON inference_requests, inference_response, recording_losses TO :role;
GRANT SELECT (day, request_id, attempt) ON inference_requests TO :role;
GRANT SELECT, INSERT, UPDATE ON recorder_log TO :role;
GRANT EXECUTE ON FUNCTION make_prediction_day(date), maintain_prediction_days() TO :role;
