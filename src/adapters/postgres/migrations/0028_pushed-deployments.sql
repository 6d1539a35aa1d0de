-- Up Migration

ALTER TABLE menagerie.development_deployment
  -- The replica that holds the lease.
  ADD COLUMN holder text,
  -- The chain of patches that it began: set in the transaction that begins it, so that it does so once.
  ADD COLUMN generation integer CHECK (generation >= 1);
COMMENT ON COLUMN menagerie.development_deployment.config IS 'Text of its config.yaml.';
COMMENT ON COLUMN menagerie.development_deployment.image IS '<url>@<digest>, once it is built.';
-- A newer push takes the place of one that is under way.
CREATE UNIQUE INDEX development_deployment_under_way ON menagerie.development_deployment (model_version_id)
  WHERE status IN ('building', 'deploying');

-- Down Migration

DROP INDEX menagerie.development_deployment_under_way;
ALTER TABLE menagerie.development_deployment DROP COLUMN generation, DROP COLUMN holder;
