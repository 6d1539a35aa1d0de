-- $1 $2 time of the requests, $3 $4 when the later of both answers was over, $5 $6 what the old version's rows and the new one's carry, $7 fields of
-- a request that say whether it is sampled, $8 beginning of ids that a comparison itself has sent, $9 bytes of the largest body that is compared.
-- Both versions are in one schema, so a request and its copy are two attempts of one id. An id that came more often is nobody's pair.
-- Everything but the ids is looked up by its key, however many days are kept.
WITH asked AS MATERIALIZED (
  SELECT request_id, array_agg(day) AS days, array_agg(attempt) AS attempts
    FROM :schema.inference_requests
   WHERE day BETWEEN ($1 AT TIME ZONE 'UTC')::date AND ($2 AT TIME ZONE 'UTC')::date
     AND request_time >= $1 AND request_time < $2 AND NOT unpaired AND NOT starts_with(request_id, $8)
   GROUP BY request_id HAVING count(*) = 2
)
SELECT a.request_id, p.attempt, '' AS shadow_day, extract(epoch FROM least(p.request_time, s.request_time))::double precision * 1000 AS at,
       p.status AS primary_status, s.status AS shadow_status, p.failure AS primary_failure, s.failure AS shadow_failure,
       p.latency_ms AS primary_latency, s.latency_ms AS shadow_latency,
       p.truncated OR p.response_bytes > $9 AS primary_truncated, s.truncated OR s.response_bytes > $9 AS shadow_truncated,
       p.content_encoding AS primary_encoding, s.content_encoding AS shadow_encoding, p.operation, p.predict_url,
       p.first_token_ms AS primary_first_token, s.first_token_ms AS shadow_first_token,
       p.completion_tokens AS primary_tokens, s.completion_tokens AS shadow_tokens,
       CASE WHEN p.request_data IS NULL THEN NULL WHEN jsonb_typeof(p.request_data) <> 'object' THEN 'null'
            ELSE (SELECT coalesce(jsonb_object_agg(field, p.request_data->field)::text, '{}')
                    FROM unnest($7::text[]) field WHERE p.request_data ? field) END AS sampling,
       CASE WHEN p.request_data IS NULL AND NOT p.request_truncated AND p.request_bytes <= $9 THEN p.request_raw END AS request_raw,
       p.request_encoding, coalesce(p.redacted, false) <> coalesce(s.redacted, false) AS redacted_apart, same.body AS same_body, false AS large_bodies,
       CASE WHEN NOT same.body AND p.response_bytes <= $9 THEN p.response_data::text END AS primary_data,
       CASE WHEN NOT same.body AND s.response_bytes <= $9 THEN s.response_data::text END AS shadow_data,
       CASE WHEN NOT same.body AND p.response_bytes <= $9 AND p.response_data IS NULL THEN p.response_raw END AS primary_raw,
       CASE WHEN NOT same.body AND s.response_bytes <= $9 AND s.response_data IS NULL THEN s.response_raw END AS shadow_raw
  FROM asked a,
  LATERAL (
    SELECT q.attempt, q.request_time, q.request_data, q.request_raw, q.request_bytes, q.truncated AS request_truncated,
           q.headers->>'content-encoding' AS request_encoding, q.operation, q.predict_url, q.redacted,
           r.response_data, r.response_raw, r.response_bytes, r.truncated, r.content_encoding, r.status, r.failure,
           r.latency_ms, r.first_token_ms, r.completion_tokens, q.request_time + r.latency_ms * interval '1 millisecond' AS over_at
      FROM unnest(a.days, a.attempts) AS k (day, attempt)
      JOIN :schema.inference_requests q ON q.day = k.day AND q.request_id = a.request_id AND q.attempt = k.attempt
      JOIN :schema.inference_response r ON r.day = k.day AND r.request_id = a.request_id AND r.attempt = k.attempt
     WHERE r.model_version = $5
  ) p,
  LATERAL (
    SELECT q.attempt, q.request_time, q.request_data, q.request_raw, q.request_bytes, q.truncated AS request_truncated,
           q.headers->>'content-encoding' AS request_encoding, q.operation, q.predict_url, q.redacted,
           r.response_data, r.response_raw, r.response_bytes, r.truncated, r.content_encoding, r.status, r.failure,
           r.latency_ms, r.first_token_ms, r.completion_tokens, q.request_time + r.latency_ms * interval '1 millisecond' AS over_at
      FROM unnest(a.days, a.attempts) AS k (day, attempt)
      JOIN :schema.inference_requests q ON q.day = k.day AND q.request_id = a.request_id AND q.attempt = k.attempt
      JOIN :schema.inference_response r ON r.day = k.day AND r.request_id = a.request_id AND r.attempt = k.attempt
     WHERE r.model_version = $6
  ) s
 CROSS JOIN LATERAL (SELECT NOT p.truncated AND NOT s.truncated AND p.response_data IS NOT NULL
                            AND p.response_data IS NOT DISTINCT FROM s.response_data AS body OFFSET 0) same
 WHERE greatest(p.over_at, s.over_at) >= $3 AND greatest(p.over_at, s.over_at) < $4
 ORDER BY at, a.request_id
