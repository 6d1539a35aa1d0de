-- After toldRequests.sql. $9 $10 when answers were over, $11 since when draws count, $12 whether durations are wanted, $13 $14 when pods warm up.
-- Durations of one hundredth: what is seen of them are the edges of judgements, which are a tenth apart.
SELECT floor(extract(epoch FROM ended))::float8 AS second, generation::float8 AS generation, is_new AS "isNew", failed, is_cut AS "isCut",
       CASE WHEN $12::boolean AND NOT EXISTS (SELECT FROM unnest($13::timestamptz[], $14::timestamptz[]) AS warm (since, until)
                                               WHERE t.at >= warm.since AND t.at < warm.until)
            THEN floor(ln(greatest(took, 1)) / ln(1.01))::integer END AS class, count(*)::float8 AS requests
  FROM told t
 WHERE kind = 'coin' AND at >= $11 AND ended >= $9 AND ended < $10
 GROUP BY 1, 2, 3, 4, 5, 6
 ORDER BY 1, 2, 3, 4, 5, 6
