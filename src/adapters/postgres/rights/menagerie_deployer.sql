-- The stack: registers model versions, and records rollouts and releases.
GRANT CONNECT ON DATABASE menagerie TO menagerie_deployer;
GRANT USAGE ON SCHEMA menagerie TO menagerie_deployer;
GRANT SELECT ON menagerie.organization TO menagerie_deployer;
GRANT INSERT, SELECT ON menagerie.model TO menagerie_deployer;

-- By column: pointers are the migrator's to move.
GRANT
  SELECT (
    id, model_id, number, truss_hash, image_digest, image_url, serving, is_development, is_current,
    proxy_model_version_id, status
  ),
  INSERT (model_id, number, truss_hash, image_digest, image_url, serving, is_development),
  UPDATE (truss_hash, image_digest, image_url, serving, is_current, status)
  ON menagerie.model_version TO menagerie_deployer;

GRANT INSERT, SELECT, UPDATE ON menagerie.rollout TO menagerie_deployer;
GRANT INSERT, SELECT ON menagerie.rollout_step, menagerie.gate_evidence TO menagerie_deployer;

-- The record of deployments: what was written stays.
GRANT INSERT, SELECT ON menagerie.release, menagerie.deployment, menagerie.deployment_outcome TO menagerie_deployer;

-- Whose tokens are limited, which a preview judges.
GRANT EXECUTE ON FUNCTION menagerie.token_limits() TO menagerie_deployer;

-- How much each version answers, and how well.
GRANT SELECT ON menagerie.traffic_count, menagerie.traffic_observed, menagerie.traffic_source TO menagerie_deployer;
-- What judges say of rollouts, which a preview tells.
GRANT SELECT ON menagerie.judgement, menagerie.verdict TO menagerie_deployer;

-- Weights of rollouts: changed by these functions alone, which note every change.
GRANT EXECUTE ON FUNCTION
  menagerie.set_traffic(text, bigint, double precision, double precision, text, text, bigint),
  menagerie.traffic_applied(text, bigint),
  menagerie.draw_key(text)
  TO menagerie_deployer;
GRANT SELECT ON menagerie.rollout_traffic, menagerie.rollout_traffic_step TO menagerie_deployer;

-- What a guard took back: its content goes no further.
GRANT SELECT ON menagerie.taken_back, menagerie.resumed_take_back TO menagerie_deployer;
