-- Up Migration

-- New apps use the new version once it answers all requests. Of one that is taken back, nobody should begin to: they use the old one from the
-- moment that it has no weight. The next `up` declares the same.
CREATE FUNCTION menagerie.new_apps_go_back() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  pair record;
BEGIN
  SELECT t.from_version_id AS old, t.to_version_id AS new INTO pair FROM menagerie.take_back t WHERE t.id = NEW.take_back_id;
  UPDATE menagerie.model_version v SET is_current = false WHERE v.id = pair.new AND v.is_current;
  IF FOUND THEN
    UPDATE menagerie.model_version v SET is_current = true WHERE v.id = pair.old;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER new_apps_go_back AFTER INSERT ON menagerie.take_back_step
  FOR EACH ROW WHEN (NEW.step = 'weight') EXECUTE FUNCTION menagerie.new_apps_go_back();

-- Down Migration

DROP TRIGGER new_apps_go_back ON menagerie.take_back_step;
DROP FUNCTION menagerie.new_apps_go_back();
