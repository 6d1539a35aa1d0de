-- Up Migration

ALTER TABLE menagerie.rollout_step ADD COLUMN evidence jsonb;
COMMENT ON COLUMN menagerie.rollout_step.evidence IS
  'What let a rollout enter phase forward: kind, suite, id and hash of each evidence. Null for other phases.';

-- Down Migration

ALTER TABLE menagerie.rollout_step DROP COLUMN evidence;
