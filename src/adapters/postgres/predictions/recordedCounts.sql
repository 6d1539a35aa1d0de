-- $1 $2 time of the requests, $3 $4 versions or null, $5 since when the other side may still be storing, $6 beginning of ids that a comparison
-- itself has sent.
WITH p AS (
  SELECT q.request_id, q.attempt, q.request_time, q.unpaired
    FROM :primary.inference_requests q
    JOIN :primary.inference_response r USING (day, request_id, attempt)
   WHERE day BETWEEN ($1 AT TIME ZONE 'UTC')::date AND ($2 AT TIME ZONE 'UTC')::date
     AND q.request_time >= $1 AND q.request_time < $2 AND NOT starts_with(q.request_id, $6) AND ($3::text IS NULL OR r.model_version = $3)
), s AS (
  SELECT q.unpaired
    FROM :shadow.inference_requests q
    JOIN :shadow.inference_response r USING (day, request_id, attempt)
   WHERE day BETWEEN ($1 AT TIME ZONE 'UTC')::date AND ($2 AT TIME ZONE 'UTC')::date
     AND q.request_time >= $1 AND q.request_time < $2 AND NOT starts_with(q.request_id, $6) AND ($4::text IS NULL OR r.model_version = $4)
), ofprimary AS (
  SELECT count(*) FILTER (WHERE NOT unpaired) AS paired_up, count(*) FILTER (WHERE unpaired) AS unpaired FROM p
), ofshadow AS (
  SELECT count(*) FILTER (WHERE NOT unpaired) AS paired_up, count(*) FILTER (WHERE unpaired) AS unpaired FROM s
)
SELECT ofprimary.paired_up::double precision AS "primary",
       ofshadow.paired_up::double precision AS "shadow",
       (ofprimary.unpaired + ofshadow.unpaired)::double precision AS unpaired,
       (SELECT count(*) FROM p
         WHERE NOT p.unpaired AND p.request_time >= $5
           AND NOT EXISTS (SELECT FROM :shadow.inference_requests o
                            WHERE o.request_id = p.request_id AND o.attempt = p.attempt
                              AND o.day BETWEEN ($5 AT TIME ZONE 'UTC')::date - 1 AND ($2 AT TIME ZONE 'UTC')::date + 1)
       )::double precision AS pending,
       (SELECT coalesce(sum(requests), 0)
          FROM (SELECT requests, lost_at, reason FROM :primary.recording_losses
                UNION ALL SELECT requests, lost_at, reason FROM :shadow.recording_losses) l
         WHERE lost_at >= $1 AND lost_at < $2 AND reason NOT IN ('unredactable', 'unread'))::double precision AS "lostByRecorders"
  FROM ofprimary, ofshadow
