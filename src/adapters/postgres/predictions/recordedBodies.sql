-- The bodies of one pair. $1 $2 days of the primary's and the shadow's row, $3 $4 request id and attempt.
SELECT p.response_data::text AS primary_data,
       s.response_data::text AS shadow_data,
       CASE WHEN p.response_data IS NULL THEN p.response_raw END AS primary_raw,
       CASE WHEN s.response_data IS NULL THEN s.response_raw END AS shadow_raw
  FROM :primary.inference_response p, :shadow.inference_response s
 WHERE p.day = $1 AND p.request_id = $3 AND p.attempt = $4
   AND s.day = $2 AND s.request_id = $3 AND s.attempt = $4
