-- $1 $2 time of the requests, $3 $4 when the later of both answers was over, $5 $6 what the old version's rows and the new one's carry, $7 fields of
-- a request that say whether it is sampled, $8 beginning of ids that a comparison itself has sent, $9 bytes of the largest body that is compared.
-- Both versions are in one schema, so a request and its copy are two attempts of one id. An id that came more often is nobody's pair.
-- Most requests of that time were over before: each is looked up once, by its key, and only the pairs of this time are read with their bodies.
WITH pair AS MATERIALIZED (
  SELECT q.request_id,
         max(q.day) FILTER (WHERE r.model_version = $5) AS old_day, max(q.attempt) FILTER (WHERE r.model_version = $5) AS old_attempt,
         max(q.day) FILTER (WHERE r.model_version = $6) AS new_day, max(q.attempt) FILTER (WHERE r.model_version = $6) AS new_attempt
    FROM :schema.inference_requests q
    LEFT JOIN LATERAL (SELECT f.model_version, f.latency_ms FROM :schema.inference_response f
                        WHERE f.day = q.day AND f.request_id = q.request_id AND f.attempt = q.attempt LIMIT 1) r ON true
   WHERE q.day BETWEEN ($1 AT TIME ZONE 'UTC')::date AND ($2 AT TIME ZONE 'UTC')::date
     AND q.request_time >= $1 AND q.request_time < $2 AND NOT q.unpaired AND NOT starts_with(q.request_id, $8)
   GROUP BY q.request_id
  HAVING count(*) = 2 AND count(*) FILTER (WHERE r.model_version = $5) = 1 AND count(*) FILTER (WHERE r.model_version = $6) = 1
     AND max(q.request_time + r.latency_ms * interval '1 millisecond') >= $3
     AND max(q.request_time + r.latency_ms * interval '1 millisecond') < $4
)
SELECT a.request_id, pq.attempt, '' AS shadow_day, extract(epoch FROM least(pq.request_time, sq.request_time))::double precision * 1000 AS at,
       p.status AS primary_status, s.status AS shadow_status, p.failure AS primary_failure, s.failure AS shadow_failure,
       p.latency_ms AS primary_latency, s.latency_ms AS shadow_latency,
       p.truncated OR p.response_bytes > $9 AS primary_truncated, s.truncated OR s.response_bytes > $9 AS shadow_truncated,
       p.content_encoding AS primary_encoding, s.content_encoding AS shadow_encoding, pq.operation, pq.predict_url,
       p.first_token_ms AS primary_first_token, s.first_token_ms AS shadow_first_token,
       p.completion_tokens AS primary_tokens, s.completion_tokens AS shadow_tokens,
       CASE WHEN pq.request_data IS NULL THEN NULL WHEN jsonb_typeof(pq.request_data) <> 'object' THEN 'null'
            ELSE (SELECT coalesce(jsonb_object_agg(field, pq.request_data->field)::text, '{}')
                    FROM unnest($7::text[]) field WHERE pq.request_data ? field) END AS sampling,
       CASE WHEN pq.request_data IS NULL AND NOT pq.truncated AND pq.request_bytes <= $9 THEN pq.request_raw END AS request_raw,
       pq.headers->>'content-encoding' AS request_encoding,
       coalesce(pq.redacted, false) <> coalesce(sq.redacted, false) AS redacted_apart, same.body AS same_body, false AS large_bodies,
       CASE WHEN NOT same.body AND p.response_bytes <= $9 THEN p.response_data::text END AS primary_data,
       CASE WHEN NOT same.body AND s.response_bytes <= $9 THEN s.response_data::text END AS shadow_data,
       CASE WHEN NOT same.body AND p.response_bytes <= $9 AND p.response_data IS NULL THEN p.response_raw END AS primary_raw,
       CASE WHEN NOT same.body AND s.response_bytes <= $9 AND s.response_data IS NULL THEN s.response_raw END AS shadow_raw
  FROM pair a
  JOIN :schema.inference_requests pq ON pq.day = a.old_day AND pq.request_id = a.request_id AND pq.attempt = a.old_attempt
  JOIN :schema.inference_response p ON p.day = a.old_day AND p.request_id = a.request_id AND p.attempt = a.old_attempt
  JOIN :schema.inference_requests sq ON sq.day = a.new_day AND sq.request_id = a.request_id AND sq.attempt = a.new_attempt
  JOIN :schema.inference_response s ON s.day = a.new_day AND s.request_id = a.request_id AND s.attempt = a.new_attempt
 CROSS JOIN LATERAL (SELECT NOT p.truncated AND NOT s.truncated AND p.response_data IS NOT NULL
                            AND p.response_data IS NOT DISTINCT FROM s.response_data AS body OFFSET 0) same
 ORDER BY at, a.request_id
