GRANT SELECT ON inference_requests, inference_response, recorder_log, recording_losses, recording_settings TO :role;
