-- After toldRequests.sql. $9 $10 when users' time was over, $11 model, $12 content, $13 since when draws count, $14 how long a user's requests
-- count, in seconds.
SELECT floor(extract(epoch FROM at))::float8 AS second, generation::float8 AS generation, chance, is_new AS "isNew", share, count(*)::float8 AS users
  FROM (SELECT u.person, u.at, u.generation, u.chance, u.is_new, avg(k.failed::integer)::float8 AS share
          FROM menagerie.hashed_user u
          JOIN told k ON k.kind = 'hash' AND (k.person, k.generation, k.is_new) = (u.person, u.generation, u.is_new)
                     AND k.ended < u.at + $14 * interval '1 second'
         WHERE (u.model_id, u.truss_hash) = ($11, $12) AND u.chance IS NOT NULL AND u.at >= $13
           AND u.at >= $9::timestamptz - $14 * interval '1 second' AND u.at < $10::timestamptz - $14 * interval '1 second'
         GROUP BY 1, 2, 3, 4, 5) whole
 GROUP BY 1, 2, 3, 4, 5
 ORDER BY 1
