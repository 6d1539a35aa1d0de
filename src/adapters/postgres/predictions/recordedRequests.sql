-- Requests with their answers; which ones says recordedRequests.ts in place of the last line.
SELECT q.day::text AS day,
       q.request_id,
       q.attempt,
       extract(epoch FROM q.request_time)::double precision * 1000 AS at,
       q.predict_url,
       q.request_data::text AS json,
       q.request_raw AS raw,
       q.truncated,
       q.redacted IS TRUE AS redacted,
       q.headers->>'content-type' AS content_type,
       q.headers->>'content-encoding' AS content_encoding,
       q.operation,
       r.status,
       r.latency_ms,
       r.first_token_ms,
       r.completion_tokens,
       r.streamed,
       r.response_data::text AS answer_json,
       CASE WHEN r.response_data IS NULL THEN r.response_raw END AS answer_raw,
       r.content_encoding AS answer_encoding,
       r.truncated AS answer_truncated
  FROM :primary.inference_requests q
  JOIN :primary.inference_response r USING (day, request_id, attempt)
 :selection
