-- Up Migration

-- Apps in an existing database, which rollouts move too: a guard takes those back by a function that is installed there.

ALTER TABLE menagerie.rollout ADD COLUMN target_apps jsonb
  CHECK (target_apps IS NULL OR jsonb_typeof(target_apps) = 'object' AND target_apps ?& ARRAY['table', 'from', 'to']);
COMMENT ON COLUMN menagerie.rollout.target_apps IS
  'Table of an existing database, and the ids that the rollout''s two versions have there; null where no guard has a login there.';

ALTER TABLE menagerie.take_back ADD COLUMN target_apps jsonb;
COMMENT ON COLUMN menagerie.take_back.target_apps IS 'Of the rollout, when the intent was written.';

-- After take_back_opened, which locks the rollout: triggers fire in the order of their names.
CREATE FUNCTION menagerie.note_target_apps() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  SELECT r.target_apps INTO NEW.target_apps FROM menagerie.rollout r WHERE r.model_id = NEW.model_id;
  RETURN NEW;
END $$;
CREATE TRIGGER take_back_targeted BEFORE INSERT ON menagerie.take_back
  FOR EACH ROW EXECUTE FUNCTION menagerie.note_target_apps();

CREATE VIEW menagerie.resumed_take_back AS
  SELECT t.id, t.model_id, t.from_version_id, t.truss_hash, r.at
    FROM menagerie.take_back t JOIN menagerie.rollout_resume r ON r.take_back_id = t.id;
COMMENT ON VIEW menagerie.resumed_take_back IS 'Take-backs that an operator called a false alarm: what they moved back goes forward again.';

-- Down Migration

DROP VIEW menagerie.resumed_take_back;
DROP TRIGGER take_back_targeted ON menagerie.take_back;
DROP FUNCTION menagerie.note_target_apps();
ALTER TABLE menagerie.take_back DROP COLUMN target_apps;
ALTER TABLE menagerie.rollout DROP COLUMN target_apps;
