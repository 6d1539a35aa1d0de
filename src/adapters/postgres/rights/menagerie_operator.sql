-- The operator's CLI: makes apps and keys, and records evidence.
GRANT CONNECT ON DATABASE menagerie TO menagerie_operator;
GRANT USAGE ON SCHEMA menagerie TO menagerie_operator;
GRANT INSERT, SELECT
  ON menagerie.organization, menagerie.app_user, menagerie.model, menagerie.model_version TO menagerie_operator;

-- A row is the deletion of an app, and of nothing else: a trigger carries it out.
GRANT SELECT, INSERT (model_id), UPDATE (restored_at) ON menagerie.deleted_app TO menagerie_operator;

-- The hash of a key is written, and read by the API service alone.
GRANT
  SELECT (
    id, prefix, model_id, organization_id, rights, role, requests_per_minute, tokens_per_minute, tokens_per_day, created_at,
    revoked_at
  ),
  INSERT (
    prefix, hash, model_id, organization_id, rights, role, requests_per_minute, tokens_per_minute, tokens_per_day
  ),
  UPDATE (requests_per_minute, tokens_per_minute, tokens_per_day, revoked_at)
  ON menagerie.api_key TO menagerie_operator;
-- How much organizations may ask, and how much was asked.
GRANT UPDATE (requests_per_minute, tokens_per_minute, tokens_per_day) ON menagerie.organization TO menagerie_operator;
GRANT SELECT ON menagerie.usage, menagerie.limit_window TO menagerie_operator;
-- What a key may do that somebody shows.
GRANT EXECUTE ON FUNCTION menagerie.known_key(text, bytea) TO menagerie_operator;

GRANT SELECT ON menagerie.rollout, menagerie.rollout_step, menagerie.gate_evidence TO menagerie_operator;
GRANT INSERT (model, truss_hash, kind, suite, passed, evidence, evidence_hash)
  ON menagerie.gate_evidence TO menagerie_operator;
GRANT SELECT ON menagerie.release, menagerie.deployment, menagerie.deployment_outcome, menagerie.deployment_range
  TO menagerie_operator;

-- How much each version answers, and how well.
GRANT SELECT ON menagerie.traffic_count, menagerie.traffic_observed, menagerie.traffic_source TO menagerie_operator;

-- What was done is added, and never changed: a trigger refuses that to everybody.
GRANT SELECT, INSERT (who, what, details) ON menagerie.audit TO menagerie_operator;

-- Whoever acts as the operator opens the console without a key.
GRANT INSERT (hash, role, who) ON menagerie.console_link TO menagerie_operator;

-- What judges say of rollouts; who resumes one ends the judgement that stopped it.
GRANT SELECT, UPDATE (ended_at) ON menagerie.judgement TO menagerie_operator;
GRANT SELECT ON menagerie.judgement_row, menagerie.judgement_look, menagerie.verdict TO menagerie_operator;

-- How much the new version of a rollout answers.
GRANT SELECT ON menagerie.rollout_traffic, menagerie.rollout_traffic_step TO menagerie_operator;

-- Steps by which rollouts go on: begun, and ended once.
GRANT SELECT, INSERT (stack, model_id, edits, judgement_id, requested_by), UPDATE (outcome, seen, ended_at)
  ON menagerie.rollout_advance TO menagerie_operator;

-- What a guard took back; an operator says that it was a false alarm.
GRANT SELECT ON menagerie.take_back, menagerie.take_back_step, menagerie.taken_back, menagerie.resumed_take_back, menagerie.release_take_back
  TO menagerie_operator;
GRANT SELECT, INSERT (take_back_id, who, reason) ON menagerie.rollout_resume TO menagerie_operator;
