-- Up Migration

CREATE TABLE menagerie.rollout_advance (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  stack text NOT NULL,
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  edits jsonb NOT NULL,
  judgement_id bigint REFERENCES menagerie.judgement (id),
  requested_by text NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT now(),
  outcome text CHECK (outcome IN ('deployed', 'given up')),
  seen jsonb,
  ended_at timestamptz,
  CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
COMMENT ON TABLE menagerie.rollout_advance IS
  'Steps of `menagerie rollout advance`: an intent before the stack''s file is edited, ended when the step is deployed or given up. A stack has one that is open.';
COMMENT ON COLUMN menagerie.rollout_advance.edits IS 'Of the model''s entry: a list of {key, from, to}; without from where there was no key.';
COMMENT ON COLUMN menagerie.rollout_advance.judgement_id IS 'The judgement whose good verdict opened the step; null for a copy that nothing judges.';
COMMENT ON COLUMN menagerie.rollout_advance.seen IS
  'Requests that both versions had answered in a judgement when the step was deployed: {judgementId, new, old}. The next step needs more.';
CREATE UNIQUE INDEX rollout_advance_open ON menagerie.rollout_advance (stack) WHERE ended_at IS NULL;
CREATE INDEX rollout_advance_model ON menagerie.rollout_advance (model_id, id DESC);

-- Down Migration

DROP TABLE menagerie.rollout_advance;
