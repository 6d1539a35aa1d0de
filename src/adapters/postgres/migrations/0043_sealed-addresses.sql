-- Up Migration

-- Credentials of addresses are stored sealed. In rows from before they are not: the API service, which has the key, seals those.
ALTER TABLE menagerie.truss_patch ADD COLUMN is_sealed boolean NOT NULL DEFAULT false;
ALTER TABLE menagerie.truss_head ADD COLUMN is_sealed boolean NOT NULL DEFAULT false;
ALTER TABLE menagerie.development_deployment ADD COLUMN is_sealed boolean NOT NULL DEFAULT false;
CREATE INDEX truss_patch_unsealed ON menagerie.truss_patch (model_version_id) WHERE NOT is_sealed;
CREATE INDEX truss_head_unsealed ON menagerie.truss_head (model_version_id) WHERE NOT is_sealed;
CREATE INDEX development_deployment_unsealed ON menagerie.development_deployment (id) WHERE NOT is_sealed;

-- A chain is never changed: sealing is the one exception, and once.
CREATE FUNCTION menagerie.seal_patch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF OLD.is_sealed OR NOT NEW.is_sealed THEN
    RAISE EXCEPTION 'a patch that is stored is never changed';
  END IF;
  RETURN NEW;
END;
$$;
CREATE TRIGGER seal_patch BEFORE UPDATE ON menagerie.truss_patch
  FOR EACH ROW EXECUTE FUNCTION menagerie.seal_patch();

-- Down Migration

DROP TRIGGER seal_patch ON menagerie.truss_patch;
DROP FUNCTION menagerie.seal_patch();
ALTER TABLE menagerie.development_deployment DROP COLUMN is_sealed;
ALTER TABLE menagerie.truss_head DROP COLUMN is_sealed;
ALTER TABLE menagerie.truss_patch DROP COLUMN is_sealed;
