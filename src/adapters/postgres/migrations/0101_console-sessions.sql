-- Up Migration

-- A key with a role is a person's: it opens the console, of the environment where it names no organization, and predicts nothing.
ALTER TABLE menagerie.api_key
  ADD COLUMN role text CHECK (role IN ('viewer', 'inspector', 'operator')),
  DROP CONSTRAINT api_key_one_scope,
  ADD CONSTRAINT api_key_one_scope CHECK (
    num_nonnulls(model_id, organization_id) = 1 OR role IS NOT NULL AND num_nonnulls(model_id, organization_id) = 0
  ),
  ADD CONSTRAINT api_key_role_alone CHECK (role IS NULL OR model_id IS NULL AND rights = '{}');
COMMENT ON COLUMN menagerie.api_key.role IS
  'What a person may see and do with the key: viewer, inspector, operator; of the environment where organization_id is null. Null for keys that predict.';

CREATE TABLE menagerie.console_session (
  hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
  key_id bigint NOT NULL REFERENCES menagerie.api_key (id),
  begun_at timestamptz NOT NULL DEFAULT now(),
  used_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE menagerie.console_session IS
  'Who is logged in to the console. Read and written by the functions below alone, which the console''s login may execute.';
COMMENT ON COLUMN menagerie.console_session.hash IS 'SHA-256 of the session''s id, which itself only the browser has.';
CREATE INDEX console_session_used ON menagerie.console_session (used_at);
CREATE INDEX console_session_key ON menagerie.console_session (key_id);

CREATE FUNCTION menagerie.console_idle() RETURNS interval LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS
  $$ SELECT interval '15 minutes' $$;
COMMENT ON FUNCTION menagerie.console_idle() IS 'A session that nobody used for so long is over.';

CREATE FUNCTION menagerie.console_begin(key_prefix text, key_hash bytea, session_hash bytea) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  key menagerie.api_key;
BEGIN
  SELECT * INTO key FROM menagerie.api_key k
   WHERE k.prefix = key_prefix AND k.hash = key_hash AND k.revoked_at IS NULL AND k.role IS NOT NULL FOR SHARE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM menagerie.console_session s WHERE s.used_at < now() - menagerie.console_idle();
  INSERT INTO menagerie.console_session (hash, key_id) VALUES (session_hash, key.id);
  INSERT INTO menagerie.audit (who, what, details)
  VALUES ('key ' || key.prefix, 'console.login', jsonb_build_object('role', key.role, 'organizationId', key.organization_id::text));
  RETURN true;
END $$;
COMMENT ON FUNCTION menagerie.console_begin(text, bytea, bytea) IS
  'Begins a session for a valid key that has a role, and notes it in the audit. False for any other key.';

CREATE FUNCTION menagerie.console_viewer(session_hash bytea, is_used boolean)
  RETURNS TABLE (prefix text, role text, organization_id text, organization text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- One write in ten seconds is enough to know that a session is used.
  IF is_used THEN
    UPDATE menagerie.console_session s SET used_at = now()
     WHERE s.hash = session_hash AND s.used_at < now() - interval '10 seconds' AND s.used_at >= now() - menagerie.console_idle();
  END IF;
  RETURN QUERY
    SELECT k.prefix, k.role, k.organization_id::text, o.name
      FROM menagerie.console_session s
      JOIN menagerie.api_key k ON k.id = s.key_id AND k.revoked_at IS NULL AND k.role IS NOT NULL
      LEFT JOIN menagerie.organization o ON o.id = k.organization_id
     WHERE s.hash = session_hash AND s.used_at >= now() - menagerie.console_idle();
END $$;
COMMENT ON FUNCTION menagerie.console_viewer(bytea, boolean) IS
  'Whose a session is; no row for one that is over, or whose key is revoked. A session that is used goes on for another 15 minutes.';

CREATE FUNCTION menagerie.console_end(session_hash bytea) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
  $$ DELETE FROM menagerie.console_session s WHERE s.hash = session_hash $$;
COMMENT ON FUNCTION menagerie.console_end(bytea) IS 'Ends a session.';

REVOKE EXECUTE ON FUNCTION
  menagerie.console_idle(), menagerie.console_begin(text, bytea, bytea), menagerie.console_viewer(bytea, boolean),
  menagerie.console_end(bytea)
  FROM PUBLIC;

-- Down Migration

DROP FUNCTION menagerie.console_end(bytea), menagerie.console_viewer(bytea, boolean), menagerie.console_begin(text, bytea, bytea);
DROP FUNCTION menagerie.console_idle();
DROP TABLE menagerie.console_session;
DELETE FROM menagerie.api_key WHERE role IS NOT NULL;
ALTER TABLE menagerie.api_key
  DROP CONSTRAINT api_key_one_scope,
  DROP CONSTRAINT api_key_role_alone,
  DROP COLUMN role,
  ADD CONSTRAINT api_key_one_scope CHECK (num_nonnulls(model_id, organization_id) = 1);
