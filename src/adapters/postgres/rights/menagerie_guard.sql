-- The guard: judges rollouts by what was counted, and takes back those that are bad.
GRANT CONNECT ON DATABASE menagerie TO menagerie_guard;
GRANT USAGE ON SCHEMA menagerie TO menagerie_guard;
GRANT SELECT ON menagerie.organization, menagerie.model, menagerie.rollout TO menagerie_guard;
GRANT SELECT (id, model_id, number, truss_hash, image_digest, serving, is_current, is_development, proxy_model_version_id, status)
  ON menagerie.model_version TO menagerie_guard;

-- What it does is added, and never changed: triggers check that it is of the rollout that there is.
GRANT SELECT, INSERT (model_id, generation, from_version_id, to_version_id, truss_hash, verdict_id, action, reason)
  ON menagerie.take_back TO menagerie_guard;
GRANT SELECT, INSERT (take_back_id, step, detail) ON menagerie.take_back_step TO menagerie_guard;
GRANT SELECT ON menagerie.rollout_resume, menagerie.taken_back TO menagerie_guard;

-- Apps: it moves back what the migration of a take-back moved forward, by this function, and nothing else.
GRANT EXECUTE ON FUNCTION menagerie.revert_taken_back(bigint, integer, text, boolean) TO menagerie_guard;
GRANT SELECT ON menagerie.zoo_migration, menagerie.zoo_migration_row TO menagerie_guard;

-- Weights of rollouts: changed by these functions alone, which note every change; a trigger lets a guard lower them only.
GRANT EXECUTE ON FUNCTION
  menagerie.set_traffic(text, bigint, double precision, double precision, text, text, bigint),
  menagerie.traffic_applied(text, bigint),
  menagerie.draw_key(text)
  TO menagerie_guard;
GRANT SELECT ON menagerie.rollout_traffic, menagerie.rollout_traffic_step TO menagerie_guard;

-- What was counted, and what it says of that.
GRANT SELECT ON menagerie.traffic_count, menagerie.traffic_observed, menagerie.traffic_source TO menagerie_guard;
GRANT SELECT, INSERT (model_id, from_version_id, to_version_id, truss_hash, settings, cursor, state),
  UPDATE (to_version_id, settings, ended_at, cursor, state)
  ON menagerie.judgement TO menagerie_guard;
GRANT SELECT, INSERT (judgement_id, seq, row) ON menagerie.judgement_row TO menagerie_guard;
GRANT SELECT, INSERT (judgement_id, model_id, generation, decision, verdict) ON menagerie.verdict TO menagerie_guard;
GRANT SELECT, INSERT (judgement_id, metrics) ON menagerie.judgement_look TO menagerie_guard;
GRANT EXECUTE ON FUNCTION menagerie.prune_judgements(), menagerie.prune_judgement_looks() TO menagerie_guard;
-- Users by the hash of a header: each once under each weight. It adds them, and changes none.
GRANT SELECT, INSERT (model_id, truss_hash, person, generation, is_new, at, hash_from, hash_until, chance)
  ON menagerie.hashed_user TO menagerie_guard;
