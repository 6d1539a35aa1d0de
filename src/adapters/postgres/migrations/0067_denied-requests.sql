-- Up Migration

COMMENT ON COLUMN menagerie.traffic_count.outcome IS
  '1xx, 2xx, 3xx, 4xx_denied (401, 403, 404, 429), 4xx_rejected (any other 4xx), 5xx, unavailable (503), timeout (504), broken, client_gone; 4xx is of counts before 4xx was split; timed is none: that row only has durations.';

-- Down Migration

COMMENT ON COLUMN menagerie.traffic_count.outcome IS
  '1xx, 2xx, 3xx, 4xx, 5xx, unavailable (503), timeout (504), broken, client_gone; timed is none: that row only has durations.';
