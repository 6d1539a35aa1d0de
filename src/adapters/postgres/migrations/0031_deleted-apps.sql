-- Up Migration

CREATE TABLE menagerie.deleted_app (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  -- Of the row in model_version that is gone; it comes back under the same, by which a migration's journal knows it.
  version_id bigint NOT NULL,
  number integer NOT NULL,
  proxy_model_version_id bigint NOT NULL REFERENCES menagerie.model_version (id),
  deleted_at timestamptz NOT NULL DEFAULT now(),
  deleted_by text NOT NULL DEFAULT session_user,
  restored_at timestamptz
);
COMMENT ON TABLE menagerie.deleted_app IS
  'A row is the deletion of an app and keeps where it pointed. The app''s model, name and keys stay.';
CREATE UNIQUE INDEX deleted_app_model ON menagerie.deleted_app (model_id) WHERE restored_at IS NULL;
CREATE INDEX deleted_app_proxy ON menagerie.deleted_app (proxy_model_version_id);

-- Carries the deletion out with the rights of the tables' owner, so that the operators' role need not be able to delete any
-- version. What is no app makes no row.
CREATE FUNCTION menagerie.delete_app() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- It waits for whoever moves the app at this moment, and records where the app points then.
  DELETE FROM menagerie.model_version v
   WHERE v.model_id = NEW.model_id AND v.proxy_model_version_id IS NOT NULL
     AND NOT EXISTS (SELECT FROM menagerie.model_version o WHERE o.model_id = v.model_id AND o.id <> v.id)
  RETURNING v.id, v.number, v.proxy_model_version_id INTO NEW.version_id, NEW.number, NEW.proxy_model_version_id;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END;
$$;
CREATE TRIGGER delete_app BEFORE INSERT ON menagerie.deleted_app
  FOR EACH ROW EXECUTE FUNCTION menagerie.delete_app();

-- Down Migration

DROP TABLE menagerie.deleted_app;
DROP FUNCTION menagerie.delete_app();
