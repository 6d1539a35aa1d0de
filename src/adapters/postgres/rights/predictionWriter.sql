-- Recorders add predictions and read none back: of stored requests they see the keys, to number a repeated id. What is open they replace by what is.
GRANT CONNECT ON DATABASE menagerie TO :"role";
GRANT USAGE ON SCHEMA :"schema" TO :"role";
GRANT INSERT ON :"schema".inference_requests, :"schema".inference_response, :"schema".recording_losses TO :"role";
GRANT SELECT (day, request_id, attempt) ON :"schema".inference_requests TO :"role";
GRANT SELECT, INSERT, UPDATE ON :"schema".recorder_log, :"schema".recorder_open TO :"role";
GRANT EXECUTE ON FUNCTION :"schema".make_prediction_day(date), :"schema".maintain_prediction_days() TO :"role";
