-- Up Migration

-- State of releases: one schema per release. The role menagerie_state owns those schemas and writes these tables, in the
-- same transaction as the work that a row tells of.

CREATE TABLE menagerie.release_schema (
  name text PRIMARY KEY CHECK (name <> '' AND octet_length(name) <= 54),
  tag text NOT NULL UNIQUE,
  seeded_from text,
  declared text NOT NULL,
  files jsonb NOT NULL,
  foreign_keys jsonb NOT NULL DEFAULT '[]',
  attempt bigint NOT NULL DEFAULT 0,
  used bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  ready_at timestamptz,
  retired_at timestamptz,
  dump_to text
);
COMMENT ON COLUMN menagerie.release_schema.seeded_from IS 'Schema of the release that was current before; null for the first.';
COMMENT ON COLUMN menagerie.release_schema.declared IS 'Hash of the SQL files that its tables were made from.';
COMMENT ON COLUMN menagerie.release_schema.foreign_keys IS 'Statements that make the foreign keys again once all tables are seeded.';
COMMENT ON COLUMN menagerie.release_schema.attempt IS 'Grows with every run that seeds it, so that workers of an earlier run notice.';
COMMENT ON COLUMN menagerie.release_schema.used IS 'Order in which releases were current: the highest is, whatever the clock says.';
COMMENT ON COLUMN menagerie.release_schema.retired_at IS 'It is to be dropped once nothing of the stack uses it.';

CREATE TABLE menagerie.release_table (
  schema_name text NOT NULL REFERENCES menagerie.release_schema (name) ON DELETE CASCADE,
  name text NOT NULL,
  seed text NOT NULL CHECK (seed IN ('copy', 'view', 'empty')),
  base_schema text,
  set_aside jsonb NOT NULL DEFAULT '[]',
  seeded_rows bigint,
  PRIMARY KEY (schema_name, name)
);
COMMENT ON COLUMN menagerie.release_table.base_schema IS 'Schema of the table that it is seeded from; null for one that begins empty.';
COMMENT ON COLUMN menagerie.release_table.set_aside IS 'Statements that make its indexes and triggers again once its rows are there.';

CREATE TABLE menagerie.release_chunk (
  -- Not to release_table: its rows change while chunks are made in an older snapshot.
  schema_name text NOT NULL REFERENCES menagerie.release_schema (name) ON DELETE CASCADE,
  table_name text NOT NULL,
  first_block bigint NOT NULL,
  end_block bigint NOT NULL CHECK (end_block > first_block),
  horizon xid8 NOT NULL,
  base_file bigint NOT NULL,
  copied_rows bigint NOT NULL,
  PRIMARY KEY (schema_name, table_name, first_block)
);
COMMENT ON TABLE menagerie.release_chunk IS 'Copied ranges of blocks: a run that was killed goes on behind them.';
COMMENT ON COLUMN menagerie.release_chunk.horizon IS 'Rows of transactions from here on may be missing in the copy.';
COMMENT ON COLUMN menagerie.release_chunk.base_file IS 'File of the table that was copied: another one means that it was rewritten since.';

-- Down Migration

DROP TABLE menagerie.release_chunk, menagerie.release_table, menagerie.release_schema;
