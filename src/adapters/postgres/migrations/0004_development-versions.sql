-- Up Migration

CREATE TABLE menagerie.truss_head (
  model_version_id bigint PRIMARY KEY REFERENCES menagerie.model_version (id) ON DELETE CASCADE,
  generation integer NOT NULL,
  seq integer NOT NULL CHECK (seq >= 0),
  hash text NOT NULL CHECK (hash <> ''),
  -- json, not jsonb: the order of its keys is the truss library's, and jsonb refuses \u0000.
  signature json NOT NULL
);
COMMENT ON TABLE menagerie.truss_head IS
  'Signature of the head of a version''s chain, which the next patch is computed against; written with the patch.';

CREATE TABLE menagerie.development_activity (
  model_version_id bigint PRIMARY KEY REFERENCES menagerie.model_version (id) ON DELETE CASCADE,
  last_request_at timestamptz NOT NULL
);
COMMENT ON TABLE menagerie.development_activity IS 'When a development version was last used: idle ones are stopped.';

CREATE TABLE menagerie.development_deployment (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_version_id bigint NOT NULL REFERENCES menagerie.model_version (id) ON DELETE CASCADE,
  upload text NOT NULL CHECK (upload <> ''),
  config text NOT NULL,
  truss_hash text,
  signature json,
  image text,
  status text NOT NULL DEFAULT 'building' CHECK (status IN ('building', 'deploying', 'active', 'failed', 'superseded')),
  because text,
  -- Of the replica that works on it: another takes over after it.
  lease_until timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
COMMENT ON TABLE menagerie.development_deployment IS
  'Full deployments of versions that clients made: such a version belongs to the API, all others to a stack.';
CREATE INDEX development_deployment_version ON menagerie.development_deployment (model_version_id, id);
CREATE INDEX development_deployment_open ON menagerie.development_deployment (id) WHERE status IN ('building', 'deploying');

-- Down Migration

DROP TABLE menagerie.development_deployment, menagerie.development_activity, menagerie.truss_head;
