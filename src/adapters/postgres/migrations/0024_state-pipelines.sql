-- Up Migration

-- Pipelines that build a release's state, each once for a release. A row goes with its state: one that is made anew is built anew.

CREATE TABLE menagerie.release_pipeline (
  schema_name text NOT NULL REFERENCES menagerie.release_schema (name) ON DELETE CASCADE,
  name text NOT NULL CHECK (name <> ''),
  run uuid NOT NULL DEFAULT gen_random_uuid(),
  image text,
  source text,
  began_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  PRIMARY KEY (schema_name, name)
);
COMMENT ON COLUMN menagerie.release_pipeline.run IS 'Its Job carries it, so that a Job of a state that was dropped is not taken for one of this.';
COMMENT ON COLUMN menagerie.release_pipeline.image IS 'By digest; what ran.';
COMMENT ON COLUMN menagerie.release_pipeline.source IS 'Content hash of the folder that the image was made from; null for an image of a registry.';
COMMENT ON COLUMN menagerie.release_pipeline.finished_at IS 'Null while it runs, and when it failed.';

-- Down Migration

DROP TABLE menagerie.release_pipeline;
