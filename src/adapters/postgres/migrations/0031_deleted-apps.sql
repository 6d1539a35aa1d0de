-- Up Migration

CREATE TABLE menagerie.deleted_app (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  -- Of the row in model_version that is gone; it comes back under the same, by which a migration's journal knows it.
  version_id bigint NOT NULL,
  number integer NOT NULL,
  proxy_model_version_id bigint NOT NULL REFERENCES menagerie.model_version (id),
  deleted_at timestamptz NOT NULL DEFAULT now(),
  deleted_by text NOT NULL DEFAULT session_user,
  restored_at timestamptz
);
COMMENT ON TABLE menagerie.deleted_app IS
  'Pointers of apps that were deleted, written in the transaction that takes them away. The app''s model, name and keys stay.';
CREATE UNIQUE INDEX deleted_app_model ON menagerie.deleted_app (model_id) WHERE restored_at IS NULL;
CREATE INDEX deleted_app_proxy ON menagerie.deleted_app (proxy_model_version_id);

-- Down Migration

DROP TABLE menagerie.deleted_app;
