-- Requests with their answers, as a sample holds them. $1 days, $2 ids, $3 attempts.
SELECT q.day::text AS day,
       q.request_id,
       q.attempt,
       q.request_time AS at,
       q.predict_url,
       q.request_data::text AS json,
       q.request_raw AS raw,
       q.headers,
       q.operation,
       q.redacted IS TRUE AS redacted,
       r.status,
       r.latency_ms,
       r.streamed,
       r.first_token_ms,
       r.completion_tokens,
       r.model_version,
       r.response_data::text AS answer_json,
       CASE WHEN r.response_data IS NULL THEN r.response_raw END AS answer_raw,
       r.content_encoding AS answer_encoding,
       r.truncated AS answer_truncated
  FROM :schema.inference_requests q
  JOIN :schema.inference_response r USING (day, request_id, attempt)
 WHERE (q.day, q.request_id, q.attempt) IN (SELECT * FROM unnest($1::date[], $2::text[], $3::integer[]))
