-- $1 $2 time of the requests, $3 $4 when their answers were over, $5 $6 what the old version's rows and the new one's carry, $7 statuses that are
-- failures, $8 since when draws count, $9 how long a user's requests count, in seconds.
-- An id that came more often is nobody's, whatever sides it came to: clients may choose ids.
WITH asked AS (
  SELECT q.request_id, min(q.headers->>'x-menagerie-coin') AS coin, bool_and(r.model_version = $6) AS is_new, min(q.request_time) AS at,
         min(q.request_time + r.latency_ms * interval '1 millisecond') AS ended,
         bool_and(r.failure IS DISTINCT FROM 'client_gone' AND (r.failure IS NOT NULL OR r.status IS NULL OR r.status = ANY ($7::integer[]))) AS failed
    FROM :schema.inference_requests q
    JOIN :schema.inference_response r USING (day, request_id, attempt)
   WHERE q.day BETWEEN ($1::timestamptz AT TIME ZONE 'UTC')::date AND ($2::timestamptz AT TIME ZONE 'UTC')::date
     AND q.request_time >= $1 AND q.request_time < $2 AND NOT q.unpaired
     AND q.headers->>'x-menagerie-coin' ~ '^(drawn [0-9]{1,15}$|kept [0-9]{1,15}( |$))' AND r.model_version IN ($5, $6)
   GROUP BY q.request_id
  HAVING count(*) = 1
), told AS MATERIALIZED (
  -- A user is the generation and the id of the request that was drawn.
  SELECT starts_with(coin, 'drawn ') AS is_drawn, split_part(coin, ' ', 2)::bigint AS generation, is_new, at, ended, failed,
         CASE WHEN starts_with(coin, 'drawn ') THEN substr(coin, 7) || ' ' || request_id ELSE substr(coin, 6) END AS person
    FROM asked
), drawn AS (
  SELECT * FROM told WHERE is_drawn AND at >= $8
)
SELECT 'first' AS "of", floor(extract(epoch FROM ended))::float8 AS second, generation::float8 AS generation, is_new AS "isNew",
       failed::integer::float8 AS share, count(*)::float8 AS users
  FROM drawn WHERE ended >= $3 AND ended < $4
 GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT 'whole', floor(extract(epoch FROM at))::float8, generation::float8, is_new, share, count(*)::float8
  FROM (SELECT d.person, d.at, d.generation, d.is_new, avg(k.failed::integer)::float8 AS share
          FROM drawn d
          JOIN told k ON k.person = d.person AND k.is_new = d.is_new AND k.ended < d.at + $9 * interval '1 second'
         WHERE d.at >= $3::timestamptz - $9 * interval '1 second' AND d.at < $4::timestamptz - $9 * interval '1 second'
           AND d.ended < d.at + $9 * interval '1 second'
         GROUP BY 1, 2, 3, 4) u
 GROUP BY 2, 3, 4, 5
 ORDER BY 2, 1
