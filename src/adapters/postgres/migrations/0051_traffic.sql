-- Up Migration

CREATE TABLE menagerie.traffic_source (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  path text NOT NULL CHECK (path IN ('route', 'app')),
  name text NOT NULL CHECK (name <> ''),
  run text NOT NULL,
  since timestamptz NOT NULL,
  ended_at timestamptz,
  UNIQUE (path, name, run)
);
COMMENT ON TABLE menagerie.traffic_source IS
  'Who counts requests: pods of the gateway (path route) and processes of the API service (path app), from when to when they answer.';
COMMENT ON COLUMN menagerie.traffic_source.ended_at IS
  'Null while it answers requests. Until then, every second that it has not observed is missing, for every version.';

CREATE TABLE menagerie.traffic_observed (
  source_id bigint NOT NULL REFERENCES menagerie.traffic_source (id) ON DELETE CASCADE,
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  PRIMARY KEY (source_id, since),
  CHECK (until > since)
);
COMMENT ON TABLE menagerie.traffic_observed IS
  'Whole seconds whose counts by a source are in traffic_count. Between two intervals of a source, nobody knows what it answered.';

CREATE TABLE menagerie.traffic_count (
  version_id bigint NOT NULL,
  path text NOT NULL CHECK (path IN ('route', 'app')),
  since timestamptz NOT NULL,
  seconds integer NOT NULL CHECK (seconds IN (1, 60, 3600)),
  outcome text NOT NULL,
  count bigint NOT NULL CHECK (count >= 0),
  latency bigint[],
  PRIMARY KEY (version_id, path, seconds, since, outcome),
  CHECK ((outcome = 'timed') = (latency IS NOT NULL)),
  CHECK (outcome <> 'timed' OR count = 0)
);
COMMENT ON TABLE menagerie.traffic_count IS
  'Requests of each version by how they ended, where the client was answered. Without a row there was none, if its second was observed (traffic_observed), else nobody knows. Read it by src/adapters/postgres/traffic.';
COMMENT ON COLUMN menagerie.traffic_count.version_id IS
  'Id in model_version; not a reference, so that counts outlive a version that is deleted.';
COMMENT ON COLUMN menagerie.traffic_count.seconds IS 'Length of what was counted, from since on: old seconds become minutes, and those hours.';
COMMENT ON COLUMN menagerie.traffic_count.outcome IS
  '1xx, 2xx, 3xx, 4xx, 5xx, unavailable (503), timeout (504), broken, client_gone; timed is none: that row only has durations.';
COMMENT ON COLUMN menagerie.traffic_count.latency IS
  'Answers by duration in milliseconds, up to 0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000, and longer.';
CREATE INDEX traffic_count_age ON menagerie.traffic_count (seconds, since);

-- Down Migration

DROP TABLE menagerie.traffic_count, menagerie.traffic_observed, menagerie.traffic_source;
