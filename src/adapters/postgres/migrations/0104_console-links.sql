-- Up Migration

-- Who has a login of the database that may act as the operator needs no key for the console: a link opens it once.
CREATE TABLE menagerie.console_link (
  hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
  role text NOT NULL CHECK (role IN ('viewer', 'inspector', 'operator')),
  who text NOT NULL CHECK (who <> '' AND octet_length(who) <= 255),
  made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE menagerie.console_link IS
  'Links that begin a session of the console each once, within a minute. Made by operators, deleted by the functions below.';
COMMENT ON COLUMN menagerie.console_link.hash IS 'SHA-256 of the link''s code, which itself only who made it has.';
COMMENT ON COLUMN menagerie.console_link.who IS 'Who made it, by their own word.';

ALTER TABLE menagerie.console_session
  ALTER COLUMN key_id DROP NOT NULL,
  ADD COLUMN role text CHECK (role IN ('viewer', 'inspector', 'operator')),
  ADD COLUMN who text,
  ADD CONSTRAINT console_session_by_key_or_link CHECK (num_nulls(role, who) = CASE WHEN key_id IS NULL THEN 0 ELSE 2 END);
COMMENT ON COLUMN menagerie.console_session.key_id IS 'Key that it was begun with; null where a link began it.';
COMMENT ON COLUMN menagerie.console_session.who IS 'Who made the link that began it; null where a key did.';

CREATE FUNCTION menagerie.console_enter(link_hash bytea, session_hash bytea) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  link menagerie.console_link;
BEGIN
  DELETE FROM menagerie.console_link l WHERE l.made_at < now() - interval '1 minute';
  DELETE FROM menagerie.console_link l WHERE l.hash = link_hash RETURNING * INTO link;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM menagerie.console_session s WHERE s.used_at < now() - menagerie.console_idle();
  INSERT INTO menagerie.console_session (hash, role, who) VALUES (session_hash, link.role, link.who);
  INSERT INTO menagerie.audit (who, what, details)
  VALUES (link.who, 'console.login', jsonb_build_object('role', link.role, 'organizationId', NULL));
  RETURN true;
END $$;
COMMENT ON FUNCTION menagerie.console_enter(bytea, bytea) IS
  'Begins a session by a link that nobody used yet, and notes it in the audit. False for any other link.';

DROP FUNCTION menagerie.console_viewer(bytea, boolean);
CREATE FUNCTION menagerie.console_viewer(session_hash bytea, is_used boolean)
  RETURNS TABLE (who text, role text, organization_id text, organization text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- One write in ten seconds is enough to know that a session is used.
  IF is_used THEN
    UPDATE menagerie.console_session s SET used_at = now()
     WHERE s.hash = session_hash AND s.used_at < now() - interval '10 seconds' AND s.used_at >= now() - menagerie.console_idle();
  END IF;
  RETURN QUERY
    SELECT coalesce(s.who, 'key ' || k.prefix), coalesce(s.role, k.role), k.organization_id::text, o.name
      FROM menagerie.console_session s
      LEFT JOIN menagerie.api_key k ON k.id = s.key_id AND k.revoked_at IS NULL AND k.role IS NOT NULL
      LEFT JOIN menagerie.organization o ON o.id = k.organization_id
     WHERE s.hash = session_hash AND s.used_at >= now() - menagerie.console_idle() AND (s.key_id IS NULL OR k.id IS NOT NULL);
END $$;
COMMENT ON FUNCTION menagerie.console_viewer(bytea, boolean) IS
  'Whose a session is; no row for one that is over, or whose key is revoked. A session that is used goes on for another 15 minutes.';

REVOKE EXECUTE ON FUNCTION menagerie.console_enter(bytea, bytea), menagerie.console_viewer(bytea, boolean) FROM PUBLIC;

-- Down Migration

DROP FUNCTION menagerie.console_enter(bytea, bytea);
DELETE FROM menagerie.console_session WHERE key_id IS NULL;
ALTER TABLE menagerie.console_session
  DROP CONSTRAINT console_session_by_key_or_link,
  DROP COLUMN who,
  DROP COLUMN role,
  ALTER COLUMN key_id SET NOT NULL;
DROP FUNCTION menagerie.console_viewer(bytea, boolean);
CREATE FUNCTION menagerie.console_viewer(session_hash bytea, is_used boolean)
  RETURNS TABLE (prefix text, role text, organization_id text, organization text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
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
REVOKE EXECUTE ON FUNCTION menagerie.console_viewer(bytea, boolean) FROM PUBLIC;
DROP TABLE menagerie.console_link;
