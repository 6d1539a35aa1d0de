-- $1 source, $2 $3 the seconds since and until, then one row for each count: $4 versions, $5 seconds, $6 outcomes, $7 counts, $8 latencies.
-- $9 whether broken answers and clients that left were counted as such.
-- Everything or nothing: a batch that is sent twice, or that overlaps what the source has observed, changes nothing.
WITH source AS (
  SELECT path FROM menagerie.traffic_source WHERE id = $1
), alive AS (
  -- It answers, whatever was thought of it.
  UPDATE menagerie.traffic_source SET ended_at = NULL WHERE id = $1 AND ended_at IS NOT NULL
), continued AS (
  UPDATE menagerie.traffic_observed SET until = $3 WHERE source_id = $1 AND until = $2 AND tells_ends = $9 RETURNING 1
), begun AS (
  INSERT INTO menagerie.traffic_observed (source_id, since, until, tells_ends)
  SELECT $1, $2, $3, $9
   WHERE NOT EXISTS (SELECT FROM continued)
     AND NOT EXISTS (SELECT FROM menagerie.traffic_observed WHERE source_id = $1 AND until > $2)
  RETURNING 1
), observed AS (
  SELECT FROM continued UNION ALL SELECT FROM begun
), counted AS (
  INSERT INTO menagerie.traffic_count AS c (version_id, path, since, seconds, outcome, count, latency)
  SELECT version_id, path, since, 1, outcome, count, latency::bigint[]
    FROM unnest($4::bigint[], $5::timestamptz[], $6::text[], $7::bigint[], $8::text[])
           AS given (version_id, since, outcome, count, latency)
   CROSS JOIN source
   WHERE EXISTS (SELECT FROM observed)
   -- In one order everywhere, so that two sources never wait for each other.
   ORDER BY version_id, since, outcome
  ON CONFLICT (version_id, path, seconds, since, outcome) DO UPDATE
    SET count = c.count + excluded.count,
        latency = CASE WHEN c.latency IS NULL THEN NULL ELSE
          ARRAY(SELECT coalesce(one, 0) + coalesce(other, 0)
                  FROM unnest(c.latency, excluded.latency) WITH ORDINALITY AS both_of (one, other, place) ORDER BY place) END
)
SELECT EXISTS (SELECT FROM observed) AS stored
