-- What one side answered to single requests. $1 day of the primary's requests, $2 $3 $4 their ids, attempts and times, $5 version or null. A side's
-- day may be the one before or after; single days are looked up in the primary key, a range of them is read whole.
SELECT k.place::integer AS place,
       r.status,
       r.failure,
       r.latency_ms AS latency,
       r.first_token_ms AS first_token,
       r.completion_tokens AS tokens,
       r.truncated,
       r.content_encoding AS encoding,
       r.response_data::text AS data,
       CASE WHEN r.response_data IS NULL THEN r.response_raw END AS raw
  FROM unnest($2::text[], $3::integer[], $4::timestamptz[]) WITH ORDINALITY k(request_id, attempt, request_time, place)
  JOIN :side.inference_requests q
    ON q.request_id = k.request_id AND q.attempt = k.attempt AND q.day = ANY (ARRAY[$1::date - 1, $1::date, $1::date + 1])
   AND q.request_time BETWEEN k.request_time - interval '1 hour' AND k.request_time + interval '1 hour'
  JOIN :side.inference_response r
    ON r.day = q.day AND r.request_id = q.request_id AND r.attempt = q.attempt AND r.day = ANY (ARRAY[$1::date - 1, $1::date, $1::date + 1])
 WHERE $5::text IS NULL OR r.model_version = $5
