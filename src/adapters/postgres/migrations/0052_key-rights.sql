-- Up Migration

ALTER TABLE menagerie.api_key
  ADD COLUMN rights text[] NOT NULL DEFAULT '{}',
  ADD CONSTRAINT api_key_known_rights CHECK (
    rights <@ ARRAY['export', 'batch', 'operate', 'copy-state'] AND array_position(rights, NULL) IS NULL
  );
COMMENT ON COLUMN menagerie.api_key.rights IS
  'What the key may do besides predicting with what it opens: export (take recorded requests out of the environment), batch, operate, copy-state.';

-- Down Migration

ALTER TABLE menagerie.api_key DROP COLUMN rights;
