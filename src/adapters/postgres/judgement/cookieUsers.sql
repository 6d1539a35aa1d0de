-- After toldRequests.sql. $9 $10 when answers were over, $11 since when draws count, $12 how long a user's requests count, in seconds.
, drawn AS (
  SELECT * FROM told WHERE kind = 'drawn' AND at >= $11
)
SELECT 'first' AS "of", floor(extract(epoch FROM ended))::float8 AS second, generation::float8 AS generation, is_new AS "isNew",
       failed::integer::float8 AS share, count(*)::float8 AS users
  FROM drawn WHERE ended >= $9 AND ended < $10
 GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT 'whole', floor(extract(epoch FROM at))::float8, generation::float8, is_new, share, count(*)::float8
  FROM (SELECT d.person, d.at, d.generation, d.is_new, avg(k.failed::integer)::float8 AS share
          FROM drawn d
          JOIN told k ON k.person = d.person AND k.is_new = d.is_new AND k.ended < d.at + $12 * interval '1 second'
         WHERE d.at >= $9::timestamptz - $12 * interval '1 second' AND d.at < $10::timestamptz - $12 * interval '1 second'
           AND d.ended < d.at + $12 * interval '1 second'
         GROUP BY 1, 2, 3, 4) u
 GROUP BY 2, 3, 4, 5
 ORDER BY 2, 1
