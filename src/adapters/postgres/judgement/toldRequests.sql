-- Recorded requests of which a gateway told how it drew them, or their users.
-- $1 $2 time of the requests, $3 what the old version's rows carry, $4 the new one's, $5 statuses that are failures, $6 generations of the traffic
-- that divide requests, with since when ($7) and until when ($8) gateways tell of them, in seconds since 1970: at another time a client says so.
-- An id that came more often is nobody's, whatever sides it came to: clients may choose ids.
WITH step AS (
  SELECT generation, to_timestamp(since) AS since, to_timestamp(until) AS until
    FROM unnest($6::bigint[], $7::float8[], $8::float8[]) AS given (generation, since, until)
), asked AS (
  SELECT q.request_id, min(q.headers->>'x-menagerie-coin') AS coin, bool_and(r.model_version = $4) AS is_new, min(q.request_time) AS at,
         min(q.request_time + r.latency_ms * interval '1 millisecond') AS ended,
         bool_and(r.failure IS DISTINCT FROM 'client_gone' AND (r.failure IS NOT NULL OR r.status IS NULL OR r.status = ANY ($5::integer[]))) AS failed,
         -- Without the answer, or the first token of one, it took at least as long as it was waited for.
         min(coalesce(r.first_token_ms, r.latency_ms)) AS took,
         bool_or(r.first_token_ms IS NULL AND (r.failure IS NOT NULL OR r.status IS NULL OR r.status = ANY ($5::integer[]))) AS is_cut
    FROM :schema.inference_requests q
    JOIN :schema.inference_response r USING (day, request_id, attempt)
   WHERE q.day BETWEEN ($1::timestamptz AT TIME ZONE 'UTC')::date AND ($2::timestamptz AT TIME ZONE 'UTC')::date
     AND q.request_time >= $1 AND q.request_time < $2 AND NOT q.unpaired
     AND q.headers->>'x-menagerie-coin' ~ '^((coin|drawn) [0-9]{1,15}$|kept [0-9]{1,15}( |$)|hash [0-9]{1,15} [0-9a-f]{32}$)' AND r.model_version IN ($3, $4)
   GROUP BY q.request_id
  HAVING count(*) = 1
), told AS MATERIALIZED (
  -- By a cookie, a user is the generation and the id of the request that was drawn; by a header, what is stored of its value.
  SELECT split_part(coin, ' ', 1) AS kind, generation, is_new, at, ended, failed, took, is_cut,
         CASE split_part(coin, ' ', 1) WHEN 'drawn' THEN substr(coin, 7) || ' ' || request_id WHEN 'kept' THEN substr(coin, 6) ELSE split_part(coin, ' ', 3) END AS person
    FROM asked JOIN step ON generation = split_part(coin, ' ', 2)::bigint AND at >= since AND at < until
)
