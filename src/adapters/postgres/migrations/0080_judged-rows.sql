-- Up Migration

CREATE TABLE menagerie.judgement_row (
  judgement_id bigint NOT NULL REFERENCES menagerie.judgement (id),
  seq bigint NOT NULL CHECK (seq > 0),
  row jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (judgement_id, seq)
);
COMMENT ON TABLE menagerie.judgement_row IS
  'What a judgement is a fold over, in order of seq: src/domain/judgement/storedRows.ts. Insert-only; a verdict follows from these rows alone.';

-- Down Migration

DROP TABLE menagerie.judgement_row;
