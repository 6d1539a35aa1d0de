-- The journal of a migration in an existing database, in the schema that search_path names. The same tables as
-- ../../migrations/0005_zoo-migrations.sql makes; made again without harm.

CREATE TABLE IF NOT EXISTS zoo_migration (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  target text NOT NULL,
  from_id text NOT NULL,
  to_id text NOT NULL,
  direction text NOT NULL CHECK (direction IN ('forward', 'reverted')),
  revert text NOT NULL DEFAULT 'journaled' CHECK (revert IN ('journaled', 'all')),
  share double precision NOT NULL DEFAULT 100 CHECK (share > 0 AND share <= 100),
  generation integer NOT NULL DEFAULT 1 CHECK (generation >= 1),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
  paused_at timestamptz,
  rows_per_second double precision,
  created_at timestamptz NOT NULL DEFAULT now(),
  changed_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (target, from_id, to_id),
  CONSTRAINT zoo_migration_moves CHECK (from_id <> to_id)
);

CREATE TABLE IF NOT EXISTS zoo_migration_row (
  migration_id bigint NOT NULL,
  row_id text NOT NULL,
  old_value text NOT NULL,
  new_value text NOT NULL,
  state text NOT NULL CHECK (state IN ('forward', 'reverted', 'swept', 'changed', 'deleted', 'skipped')),
  generation integer NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now(),
  reverted_at timestamptz,
  PRIMARY KEY (migration_id, row_id)
);
