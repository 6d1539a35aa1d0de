-- What is known of recorded requests without reading their bodies. $1 $2 time of the requests, $3 beginning of ids that a comparison itself
-- has sent, $4 $5 $6 the key after which to go on, $7 how many.
SELECT q.day::text AS day,
       q.request_id AS "requestId",
       q.attempt,
       q.predict_url AS url,
       q.request_bytes::double precision AS bytes,
       q.truncated,
       q.redacted IS TRUE AS redacted,
       q.organization,
       q.request_bytes > 0 AND q.request_data IS NULL AND q.request_raw IS NULL AS bodiless,
       r.status,
       r.model_version AS version
  FROM :schema.inference_requests q
  JOIN :schema.inference_response r USING (day, request_id, attempt)
 WHERE q.day BETWEEN ($1::timestamptz AT TIME ZONE 'UTC')::date AND ($2::timestamptz AT TIME ZONE 'UTC')::date
   AND q.request_time >= $1 AND q.request_time < $2
   AND r.failure IS NULL AND NOT starts_with(q.request_id, $3)
   AND (q.day, q.request_id, q.attempt) > ($4::date, $5::text, $6::integer)
 ORDER BY q.day, q.request_id, q.attempt
 LIMIT $7
