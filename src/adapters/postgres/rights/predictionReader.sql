-- Comparisons, and whoever looks at predictions: everything, and no change. That they connect is granted elsewhere.
GRANT USAGE ON SCHEMA :"schema" TO :"role";
GRANT SELECT
  ON :"schema".inference_requests, :"schema".inference_response, :"schema".recorder_log, :"schema".recorder_open, :"schema".recording_losses,
     :"schema".recording_settings
  TO :"role";
