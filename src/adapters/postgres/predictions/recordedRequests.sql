-- $1 $2 time of the requests, $3 version or null, $4 $5 $6 the key after which to go on, $7 how many. In the order of the primary
-- key: no sorting, and a limit takes ids, which are random, rather than an hour of the day.
SELECT q.day::text AS day,
       q.request_id,
       q.attempt,
       extract(epoch FROM q.request_time)::double precision * 1000 AS at,
       q.predict_url,
       q.request_data::text AS json,
       q.request_raw AS raw,
       q.truncated,
       q.headers->>'content-type' AS content_type,
       q.headers->>'content-encoding' AS content_encoding,
       r.status,
       r.latency_ms,
       r.response_data::text AS answer_json,
       r.response_raw AS answer_raw,
       r.content_encoding AS answer_encoding,
       r.truncated AS answer_truncated
  FROM :primary.inference_requests q
  JOIN :primary.inference_response r USING (day, request_id, attempt)
 WHERE q.day BETWEEN ($1::timestamptz AT TIME ZONE 'UTC')::date AND ($2::timestamptz AT TIME ZONE 'UTC')::date
   AND q.request_time >= $1 AND q.request_time < $2
   AND r.failure IS NULL
   AND ($3::text IS NULL OR r.model_version = $3)
   AND (q.day, q.request_id, q.attempt) > ($4::date, $5::text, $6::integer)
 ORDER BY q.day, q.request_id, q.attempt
 LIMIT $7
