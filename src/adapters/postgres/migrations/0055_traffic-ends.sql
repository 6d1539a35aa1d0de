-- Up Migration

ALTER TABLE menagerie.traffic_observed ADD COLUMN tells_ends boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN menagerie.traffic_observed.tells_ends IS
  'Whether answers that broke and clients that left were counted as broken and client_gone. Else these two are missing, and answers are counted by the status in their head.';
-- The API service has counted them from the start.
UPDATE menagerie.traffic_observed o SET tells_ends = true
  FROM menagerie.traffic_source s WHERE s.id = o.source_id AND s.path = 'app';

-- Down Migration

ALTER TABLE menagerie.traffic_observed DROP COLUMN tells_ends;
