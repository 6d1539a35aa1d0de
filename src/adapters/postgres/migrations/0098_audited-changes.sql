-- Up Migration

-- What changes an environment is in the audit by the transaction that changes it, whoever writes: no role needs a right in the audit for that.
-- The login and the address are those of the session all the same.

CREATE FUNCTION menagerie.audit_deployment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO menagerie.audit (what, who, details)
  SELECT 'stack.up', coalesce(nullif(NEW.requested_by, ''), 'unknown'),
         jsonb_strip_nulls(jsonb_build_object('environment', NEW.environment, 'tag', r.tag, 'deployment', NEW.id::text,
           'promotedFrom', NEW.promoted_from, 'run', NEW.run))
    FROM menagerie.release r WHERE r.id = NEW.release_id;
  RETURN NULL;
END $$;
CREATE TRIGGER audited AFTER INSERT ON menagerie.deployment
  FOR EACH ROW EXECUTE FUNCTION menagerie.audit_deployment();

CREATE FUNCTION menagerie.audit_take_back() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO menagerie.audit (what, who, details)
  SELECT 'rollout.take-back', 'guard', jsonb_build_object('model', m.name, 'takeBack', NEW.id::text, 'action', NEW.action,
           'because', NEW.reason, 'verdict', NEW.verdict_id::text)
    FROM menagerie.model m WHERE m.id = NEW.model_id;
  RETURN NULL;
END $$;
CREATE TRIGGER audited AFTER INSERT ON menagerie.take_back
  FOR EACH ROW EXECUTE FUNCTION menagerie.audit_take_back();

CREATE FUNCTION menagerie.audit_resume() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO menagerie.audit (what, who, details)
  SELECT 'rollout.resume', NEW.who, jsonb_build_object('model', m.name, 'takeBack', NEW.take_back_id::text, 'because', NEW.reason)
    FROM menagerie.take_back t JOIN menagerie.model m ON m.id = t.model_id WHERE t.id = NEW.take_back_id;
  RETURN NULL;
END $$;
CREATE TRIGGER audited AFTER INSERT ON menagerie.rollout_resume
  FOR EACH ROW EXECUTE FUNCTION menagerie.audit_resume();

CREATE FUNCTION menagerie.audit_advance() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO menagerie.audit (what, who, details)
  SELECT 'rollout.advance', coalesce(nullif(NEW.requested_by, ''), 'unknown'),
         jsonb_build_object('model', m.name, 'stack', NEW.stack, 'advance', NEW.id::text, 'edits', NEW.edits)
    FROM menagerie.model m WHERE m.id = NEW.model_id;
  RETURN NULL;
END $$;
CREATE TRIGGER audited AFTER INSERT ON menagerie.rollout_advance
  FOR EACH ROW EXECUTE FUNCTION menagerie.audit_advance();

-- Nobody calls them by hand.
REVOKE EXECUTE ON FUNCTION menagerie.audit_deployment(), menagerie.audit_take_back(), menagerie.audit_resume(), menagerie.audit_advance()
  FROM PUBLIC;

-- Down Migration

DROP TRIGGER audited ON menagerie.rollout_advance;
DROP TRIGGER audited ON menagerie.rollout_resume;
DROP TRIGGER audited ON menagerie.take_back;
DROP TRIGGER audited ON menagerie.deployment;
DROP FUNCTION menagerie.audit_advance();
DROP FUNCTION menagerie.audit_resume();
DROP FUNCTION menagerie.audit_take_back();
DROP FUNCTION menagerie.audit_deployment();
