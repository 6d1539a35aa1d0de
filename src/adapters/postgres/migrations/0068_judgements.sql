-- Up Migration

ALTER TABLE menagerie.rollout ADD COLUMN judge jsonb;
COMMENT ON COLUMN menagerie.rollout.judge IS
  'What the rollout is judged by, as the stack declares it: src/domain/judgement/declared.ts. Null where it is not judged.';

CREATE TABLE menagerie.judgement (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  from_version_id bigint NOT NULL,
  to_version_id bigint NOT NULL,
  truss_hash text NOT NULL,
  settings jsonb NOT NULL,
  begun_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  cursor jsonb NOT NULL,
  state jsonb NOT NULL
);
COMMENT ON TABLE menagerie.judgement IS
  'What a judge has seen of a rollout. A model has one that is open; an edited judge or a resume ends it, and the next one has half of the risk that is left.';
COMMENT ON COLUMN menagerie.judgement.settings IS 'What it is judged by, as menagerie.rollout.judge was when it began.';
COMMENT ON COLUMN menagerie.judgement.cursor IS
  'Up to where rows are in the state; moved in the transaction that stores it, so that every row is in it once.';
COMMENT ON COLUMN menagerie.judgement.state IS 'A fold over all rows before the cursor: src/domain/judgement/state.ts.';
CREATE UNIQUE INDEX judgement_open ON menagerie.judgement (model_id) WHERE ended_at IS NULL;
CREATE INDEX judgement_rollout ON menagerie.judgement (model_id, from_version_id, truss_hash, id DESC);

CREATE TABLE menagerie.verdict (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  judgement_id bigint NOT NULL REFERENCES menagerie.judgement (id),
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  generation bigint,
  decision text NOT NULL CHECK (decision IN ('bad', 'good', 'undecided')),
  verdict jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE menagerie.verdict IS
  'What judgements said: a row where the decision or its reasons changed. Insert-only. A judgement says bad once, and that is its last row.';
COMMENT ON COLUMN menagerie.verdict.generation IS
  'Of menagerie.rollout_traffic when the last row before the verdict was counted; null for a model without one.';
CREATE INDEX verdict_judgement ON menagerie.verdict (judgement_id, id);
CREATE UNIQUE INDEX verdict_bad ON menagerie.verdict (judgement_id) WHERE decision = 'bad';

-- Down Migration

DROP TABLE menagerie.verdict, menagerie.judgement;
ALTER TABLE menagerie.rollout DROP COLUMN judge;
