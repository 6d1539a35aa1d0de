-- Up Migration

CREATE TABLE menagerie.truss_generation (
  model_version_id bigint NOT NULL REFERENCES menagerie.model_version (id) ON DELETE CASCADE,
  generation integer NOT NULL CHECK (generation >= 1),
  base_hash text NOT NULL CHECK (base_hash <> ''),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model_version_id, generation)
);
COMMENT ON TABLE menagerie.truss_generation IS
  'One full deployment of a development version: the chain of patches starts at its hash. The highest is the current one.';

CREATE TABLE menagerie.truss_patch (
  model_version_id bigint NOT NULL,
  generation integer NOT NULL,
  seq integer NOT NULL CHECK (seq >= 1),
  prev_hash text NOT NULL,
  next_hash text NOT NULL,
  -- json, not jsonb: the text is compared as it was sent, and jsonb refuses \u0000, which file contents may hold.
  ops json NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model_version_id, generation, seq),
  FOREIGN KEY (model_version_id, generation)
    REFERENCES menagerie.truss_generation (model_version_id, generation) ON DELETE CASCADE,
  CONSTRAINT truss_patch_changes CHECK (next_hash <> prev_hash)
);
COMMENT ON TABLE menagerie.truss_patch IS 'Linear: each patch starts at the hash where the one before ends.';

CREATE TABLE menagerie.truss_sync (
  model_version_id bigint PRIMARY KEY REFERENCES menagerie.model_version (id) ON DELETE CASCADE,
  revision bigint NOT NULL CHECK (revision >= 1),
  record jsonb NOT NULL
);
COMMENT ON TABLE menagerie.truss_sync IS
  'What was sent to the version''s container and what is known to run, written before anything is sent; set by revision.';

-- Down Migration

DROP TABLE menagerie.truss_sync, menagerie.truss_patch, menagerie.truss_generation;
