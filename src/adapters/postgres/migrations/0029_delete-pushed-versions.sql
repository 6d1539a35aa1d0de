-- Up Migration

-- A row here is the deletion of what a client pushed: the trigger carries it out, with the rights of the tables' owner, and
-- refuses everything else, so that the service's role need not be able to delete any version.

CREATE TABLE menagerie.development_deletion (
  model_version_id bigint PRIMARY KEY,
  model_id bigint NOT NULL,
  model text NOT NULL,
  organization_id bigint NOT NULL,
  uploads text[] NOT NULL,
  deleted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE menagerie.development_deletion IS 'Versions that clients pushed and deleted; the rows that they had are gone.';
COMMENT ON COLUMN menagerie.development_deletion.uploads IS 'Keys of the archives it was pushed as.';

CREATE FUNCTION menagerie.delete_pushed_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  SELECT m.id, m.name, m.organization_id INTO NEW.model_id, NEW.model, NEW.organization_id
    FROM menagerie.model_version v JOIN menagerie.model m ON m.id = v.model_id
   WHERE v.id = NEW.model_version_id AND v.is_development
     AND EXISTS (SELECT FROM menagerie.development_deployment d WHERE d.model_version_id = v.id);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'version % is none that a client pushed', NEW.model_version_id USING ERRCODE = 'no_data_found';
  END IF;
  -- The lock that pushes and registrations of a stack take too.
  PERFORM pg_advisory_xact_lock(hashtextextended('menagerie.model_version', NEW.model_id));
  SELECT coalesce(array_agg(DISTINCT d.upload), '{}') INTO NEW.uploads
    FROM menagerie.development_deployment d WHERE d.model_version_id = NEW.model_version_id;
  NEW.deleted_at := now();
  DELETE FROM menagerie.model_version WHERE id = NEW.model_version_id;
  BEGIN
    DELETE FROM menagerie.model WHERE id = NEW.model_id;
  EXCEPTION WHEN foreign_key_violation THEN
    -- Keys or other versions still name the model.
    NULL;
  END;
  RETURN NEW;
END;
$$;
CREATE TRIGGER delete_pushed_version BEFORE INSERT ON menagerie.development_deletion
  FOR EACH ROW EXECUTE FUNCTION menagerie.delete_pushed_version();

-- Down Migration

DROP TABLE menagerie.development_deletion;
DROP FUNCTION menagerie.delete_pushed_version();
