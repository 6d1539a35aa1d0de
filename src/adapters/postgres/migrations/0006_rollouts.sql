-- Up Migration

ALTER TABLE menagerie.model_version ADD COLUMN image_url text, ADD COLUMN serving jsonb;
COMMENT ON COLUMN menagerie.model_version.image_url IS 'Repository part of the image; with image_digest it is what a container names.';
COMMENT ON COLUMN menagerie.model_version.serving IS
  'Mode, pool, environment, replicas, resources and names of secrets that the version was last served with.';

CREATE TABLE menagerie.rollout (
  model_id bigint PRIMARY KEY REFERENCES menagerie.model (id),
  phase text NOT NULL CHECK (phase IN ('off', 'copy', 'version', 'forward', 'bake', 'done', 'reverted')),
  from_version_id bigint REFERENCES menagerie.model_version (id),
  truss_hash text NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  bake_started_at timestamptz,
  bake_seconds integer CHECK (bake_seconds >= 0),
  CONSTRAINT rollout_bake CHECK ((bake_started_at IS NULL) = (bake_seconds IS NULL))
);
COMMENT ON TABLE menagerie.rollout IS 'Where each zoo model stands: one row a model, changed by its stack alone.';

CREATE TABLE menagerie.rollout_step (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  phase_before text,
  phase text NOT NULL,
  from_version_id bigint REFERENCES menagerie.model_version (id),
  truss_hash text NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE menagerie.rollout_step IS 'Every change of menagerie.rollout, written in its transaction; insert-only.';
CREATE INDEX rollout_step_model ON menagerie.rollout_step (model_id, id);

CREATE TABLE menagerie.gate_evidence (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model text NOT NULL,
  truss_hash text NOT NULL,
  kind text NOT NULL CHECK (kind <> ''),
  suite text NOT NULL,
  passed boolean NOT NULL,
  evidence jsonb NOT NULL,
  evidence_hash text NOT NULL CHECK (evidence_hash ~ '^[0-9a-f]{64}$'),
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE menagerie.gate_evidence IS
  'What was found when a content was tried; the latest of a kind and suite counts. Insert-only.';
CREATE INDEX gate_evidence_latest ON menagerie.gate_evidence (model, truss_hash, kind, suite, id DESC);

-- Down Migration

DROP TABLE menagerie.gate_evidence, menagerie.rollout_step, menagerie.rollout;
ALTER TABLE menagerie.model_version DROP COLUMN image_url, DROP COLUMN serving;
