-- Apps of the platform that pointed at version $1 between $2 and $3: moved there or away by a migration, or made there.
WITH journal AS (
  SELECT r.row_id::bigint AS id, m.from_id::bigint AS from_id, m.to_id::bigint AS to_id, r.moved_at, r.reverted_at
    FROM menagerie.zoo_migration m JOIN menagerie.zoo_migration_row r ON r.migration_id = m.id
   WHERE m.target = $4 AND $1::text IN (m.from_id, m.to_id)
), pointed AS (
  -- Moved to it, until it was moved back, or away to another.
  SELECT j.id, j.moved_at AS since,
         least(j.reverted_at, (SELECT min(o.moved_at) FROM journal o
                                WHERE o.id = j.id AND o.from_id = $1::bigint AND o.moved_at > j.moved_at)) AS until
    FROM journal j WHERE j.to_id = $1::bigint
  UNION ALL
  -- On it until it was moved away, and again since it was moved back.
  SELECT a.id, a.created_at, j.moved_at FROM journal j JOIN menagerie.model_version a ON a.id = j.id
   WHERE j.from_id = $1::bigint
     AND NOT EXISTS (SELECT FROM journal o WHERE o.id = j.id AND o.to_id = $1::bigint AND o.moved_at < j.moved_at)
  UNION ALL
  SELECT j.id, j.reverted_at, NULL FROM journal j WHERE j.from_id = $1::bigint AND j.reverted_at IS NOT NULL
  UNION ALL
  SELECT a.id, a.created_at, NULL FROM menagerie.model_version a
   WHERE a.proxy_model_version_id = $1::bigint AND NOT EXISTS (SELECT FROM journal j WHERE j.id = a.id)
)
SELECT m.id::text AS id, m.name, o.name AS organization, min(p.since) AS since,
       CASE WHEN bool_or(p.until IS NULL) THEN NULL ELSE max(p.until) END AS until
  FROM pointed p
  JOIN menagerie.model_version a ON a.id = p.id
  JOIN menagerie.model m ON m.id = a.model_id
  JOIN menagerie.organization o ON o.id = m.organization_id
 WHERE p.since < $3 AND (p.until IS NULL OR p.until > $2)
 GROUP BY m.id, m.name, o.name
 ORDER BY min(p.since), m.id
