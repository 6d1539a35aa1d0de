-- Up Migration

CREATE TABLE menagerie.api_key (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  prefix text NOT NULL UNIQUE CHECK (prefix ~ '^[A-Za-z0-9]{8}$'),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  model_id bigint REFERENCES menagerie.model (id),
  organization_id bigint REFERENCES menagerie.organization (id),
  created_at timestamptz NOT NULL DEFAULT now(),
  revoked_at timestamptz,
  CONSTRAINT api_key_one_scope CHECK (num_nonnulls(model_id, organization_id) = 1)
);
COMMENT ON COLUMN menagerie.api_key.prefix IS 'Public part of the key, by which its row is found.';
COMMENT ON COLUMN menagerie.api_key.hash IS 'SHA-256 of the whole key, which itself is stored nowhere.';
CREATE INDEX api_key_model ON menagerie.api_key (model_id);
CREATE INDEX api_key_organization ON menagerie.api_key (organization_id);

-- Down Migration

DROP TABLE menagerie.api_key;
