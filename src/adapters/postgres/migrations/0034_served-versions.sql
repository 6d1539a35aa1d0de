-- Up Migration

COMMENT ON COLUMN menagerie.model_version.status IS
  'Of a zoo version: active while a stack serves it, inactive from just before what serves it is deleted. Apps are pointed at active versions alone.';

-- Until now every registered version stayed active. Served are those that new apps use, that apps point at, or that a rollout
-- under way needs; a copy only while its rollout is in phase copy.
UPDATE menagerie.model_version v SET status = 'inactive'
  FROM menagerie.model m JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
 WHERE m.id = v.model_id AND v.status = 'active' AND v.proxy_model_version_id IS NULL AND NOT v.is_development
   AND NOT EXISTS (SELECT FROM menagerie.model_version a WHERE a.proxy_model_version_id = v.id)
   AND CASE WHEN m.name LIKE '%\_copy'
       THEN NOT (v.is_current AND EXISTS (
              SELECT FROM menagerie.rollout r JOIN menagerie.model b ON b.id = r.model_id
               WHERE b.organization_id = m.organization_id AND b.name || '_copy' = m.name AND r.phase = 'copy'))
       ELSE NOT v.is_current AND NOT EXISTS (
              SELECT FROM menagerie.rollout r
               WHERE r.model_id = m.id AND r.phase IN ('copy', 'version', 'forward', 'bake')
                 AND (r.from_version_id = v.id OR r.truss_hash = v.truss_hash))
       END;

-- Down Migration

COMMENT ON COLUMN menagerie.model_version.status IS NULL;
