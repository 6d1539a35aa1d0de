-- Plans and dashboards: everything but keys.
GRANT CONNECT ON DATABASE menagerie TO menagerie_reader;
GRANT USAGE ON SCHEMA menagerie TO menagerie_reader;
GRANT SELECT
  ON menagerie.organization, menagerie.app_user, menagerie.model, menagerie.model_version, menagerie.schema_migration
  TO menagerie_reader;
GRANT SELECT
  ON menagerie.zoo_migration, menagerie.zoo_migration_row, menagerie.rollout, menagerie.rollout_step,
     menagerie.gate_evidence
  TO menagerie_reader;
GRANT SELECT
  ON menagerie.release_chunk, menagerie.release_schema, menagerie.release_table, menagerie.release_pipeline
  TO menagerie_reader;
GRANT SELECT ON menagerie.release, menagerie.deployment, menagerie.deployment_outcome, menagerie.deployment_range
  TO menagerie_reader;

-- How much each version answers, and how well.
GRANT SELECT ON menagerie.traffic_count, menagerie.traffic_observed, menagerie.traffic_source TO menagerie_reader;
-- What judges say of rollouts.
GRANT SELECT ON menagerie.judgement, menagerie.judgement_row, menagerie.judgement_look, menagerie.verdict TO menagerie_reader;

-- How much was asked, and what is left of limits.
GRANT SELECT ON menagerie.usage, menagerie.limit_window TO menagerie_reader;
GRANT EXECUTE ON FUNCTION menagerie.token_limits() TO menagerie_reader;

-- Who did what.
GRANT SELECT ON menagerie.audit TO menagerie_reader;

-- How much the new version of a rollout answers.
GRANT SELECT ON menagerie.rollout_traffic, menagerie.rollout_traffic_step TO menagerie_reader;

-- What a guard took back, and who called it a false alarm.
GRANT SELECT
  ON menagerie.take_back, menagerie.take_back_step, menagerie.rollout_resume, menagerie.taken_back,
     menagerie.resumed_take_back, menagerie.release_take_back
  TO menagerie_reader;

-- Development versions: their chains, who sent the patches, how long those took, and how pushes went.
GRANT SELECT ON menagerie.truss_generation, menagerie.truss_reload TO menagerie_reader;
GRANT SELECT (model_version_id, generation, seq, prev_hash, next_hash, ops, created_at, sent_by)
  ON menagerie.truss_patch TO menagerie_reader;
GRANT SELECT (model_version_id, generation, seq, hash) ON menagerie.truss_head TO menagerie_reader;
GRANT SELECT (id, model_version_id, status, because, created_at, finished_at) ON menagerie.development_deployment TO menagerie_reader;
