-- Up Migration

CREATE TABLE menagerie.sleep_state (
  service text PRIMARY KEY CHECK (service <> ''),
  phase text NOT NULL CHECK (phase IN ('awake', 'stopping', 'asleep', 'waking')),
  generation bigint NOT NULL,
  used_at timestamptz NOT NULL,
  since timestamptz NOT NULL,
  waker text,
  waker_until timestamptz,
  failure text,
  failed_at timestamptz,
  wakes bigint NOT NULL DEFAULT 0,
  failures bigint NOT NULL DEFAULT 0,
  slept_seconds double precision NOT NULL DEFAULT 0,
  CHECK ((waker IS NULL) = (waker_until IS NULL)),
  CHECK ((failure IS NULL) = (failed_at IS NULL))
);
COMMENT ON TABLE menagerie.sleep_state IS
  'InferenceServices that are stopped while nobody uses them, by name. Whoever changes a row has it locked; src/domain/sleep/record.ts says how.';
COMMENT ON COLUMN menagerie.sleep_state.generation IS
  'Rises whenever the cluster is to be told something else, so that what is told late does not win.';
COMMENT ON COLUMN menagerie.sleep_state.waker IS
  'Process that tells the cluster to run it; from waker_until on, another one does.';

CREATE TABLE menagerie.sleep_lease (
  service text NOT NULL REFERENCES menagerie.sleep_state (service) ON DELETE CASCADE,
  holder text NOT NULL CHECK (holder <> ''),
  until timestamptz NOT NULL,
  held integer NOT NULL CHECK (held >= 0),
  PRIMARY KEY (service, holder)
);
COMMENT ON TABLE menagerie.sleep_lease IS
  'Processes of the API service in which requests for a version are under way; renewed while that lasts. A row is deleted when it is over, so one that ran out is of a process that died or cannot reach the database.';
COMMENT ON COLUMN menagerie.sleep_lease.held IS 'Requests that wait in this process until the version answers.';

-- Down Migration

DROP TABLE menagerie.sleep_lease, menagerie.sleep_state;
