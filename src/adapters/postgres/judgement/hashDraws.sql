-- After toldRequests.sql. $9 $10 when answers were over, $11 model, $12 content.
-- First requests of users under a generation, with what was known of their hash.
SELECT first.generation::float8 AS generation, first.person, first.is_new AS "isNew", first.at, extract(epoch FROM first.ended)::float8 AS ended,
       first.failed, before.hash_from AS "from", before.hash_until AS "until"
  FROM (SELECT DISTINCT ON (generation, person) * FROM told
         WHERE kind = 'hash' AND ended >= $9 AND ended < $10
         ORDER BY generation, person, ended, at) first
  LEFT JOIN LATERAL (
    SELECT hash_from, hash_until FROM menagerie.hashed_user u
     WHERE (u.model_id, u.truss_hash, u.person) = ($11, $12, first.person) ORDER BY u.generation DESC LIMIT 1) before ON true
 WHERE NOT EXISTS (
   SELECT FROM menagerie.hashed_user u
    WHERE (u.model_id, u.truss_hash, u.person, u.generation) = ($11, $12, first.person, first.generation))
 ORDER BY first.generation, first.ended
