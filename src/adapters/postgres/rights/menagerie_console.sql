-- The console: reads what its pages show. It has no hash of a key; its sessions and single recorded requests it has by functions alone.
GRANT CONNECT ON DATABASE menagerie TO menagerie_console;
GRANT USAGE ON SCHEMA menagerie TO menagerie_console;
GRANT SELECT
  ON menagerie.organization, menagerie.app_user, menagerie.model, menagerie.model_version
  TO menagerie_console;

-- Who is logged in.
GRANT EXECUTE ON FUNCTION
  menagerie.console_begin(text, bytea, bytea), menagerie.console_enter(bytea, bytea), menagerie.console_viewer(bytea, boolean),
  menagerie.console_end(bytea)
  TO menagerie_console;

-- What is recorded, as the session that asks may see it.
-- Recorded bodies have two ways. A single one comes by `console_body`, which looks at the session and writes the audit in the transaction that reads.
-- Comparisons need every pair of a time, in batches over cursors, and the fold that compares them is the command's own, in TypeScript: so the login
-- reads the recorded tables as other readers do (`predictionReaders` in files.ts). The console shows counts and names of fields of it to everybody, and
-- parts of bodies after `console_shows_bodies` said yes and wrote the audit. Its transactions are read-only, each statement ends after 2 s, and a
-- comparison after 5 s. Whoever has this login's password, and not a session alone, reads bodies without a row in the audit, as with the reader's.
GRANT EXECUTE ON FUNCTION
  menagerie.console_recordings(), menagerie.console_recorded(bytea, text, text, integer),
  menagerie.console_body(bytea, text, date, text, integer)
  TO menagerie_console;
-- Notes that somebody looks at code or bodies, and says whether they may.
GRANT EXECUTE ON FUNCTION menagerie.console_shows_bodies(bytea, jsonb) TO menagerie_console;

-- Where rollouts stand, and how they came there.
GRANT SELECT ON menagerie.rollout, menagerie.rollout_step, menagerie.gate_evidence, menagerie.zoo_migration, menagerie.zoo_migration_row TO menagerie_console;
GRANT SELECT ON menagerie.rollout_traffic, menagerie.rollout_traffic_step, menagerie.rollout_advance TO menagerie_console;
GRANT SELECT ON menagerie.judgement, menagerie.judgement_look, menagerie.verdict TO menagerie_console;
GRANT SELECT
  ON menagerie.take_back, menagerie.take_back_step, menagerie.rollout_resume, menagerie.taken_back,
     menagerie.resumed_take_back, menagerie.release_take_back
  TO menagerie_console;

-- What was deployed when.
GRANT SELECT ON menagerie.release, menagerie.deployment, menagerie.deployment_outcome, menagerie.deployment_range
  TO menagerie_console;

-- How much each version answers, and how well; how much organizations asked, and what they may ask.
GRANT SELECT ON menagerie.traffic_count, menagerie.traffic_observed, menagerie.traffic_source TO menagerie_console;
GRANT SELECT ON menagerie.usage, menagerie.limit_window TO menagerie_console;

-- Who did what.
GRANT SELECT ON menagerie.audit TO menagerie_console;

-- Development versions: their chains, who sent the patches, how long those took, and how pushes went.
GRANT SELECT ON menagerie.truss_generation, menagerie.truss_reload TO menagerie_console;
GRANT SELECT (model_version_id, generation, seq, prev_hash, next_hash, ops, created_at, sent_by)
  ON menagerie.truss_patch TO menagerie_console;
GRANT SELECT (model_version_id, generation, seq, hash) ON menagerie.truss_head TO menagerie_console;
GRANT SELECT (id, model_version_id, status, because, created_at, finished_at) ON menagerie.development_deployment TO menagerie_console;
