-- Up Migration

CREATE TABLE menagerie.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  login text NOT NULL DEFAULT session_user,
  address inet DEFAULT inet_client_addr(),
  who text NOT NULL CHECK (who <> ''),
  what text NOT NULL CHECK (what ~ '^[a-z]+(\.[a-z-]+)+$'),
  details jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object')
);
COMMENT ON TABLE menagerie.audit IS
  'What people and programs did that others must be able to see later. Rows are added, and never changed or deleted.';
COMMENT ON COLUMN menagerie.audit.login IS 'Login of the database''s session: set by the database, whatever is inserted.';
COMMENT ON COLUMN menagerie.audit.address IS 'Where the session came from; null for a socket on the server itself. Set by the database.';
COMMENT ON COLUMN menagerie.audit.who IS 'Who it was by their own word: user and host of a command, or a key''s prefix.';
COMMENT ON COLUMN menagerie.audit.what IS 'Such as recording.forget or key.create.';
COMMENT ON COLUMN menagerie.audit.details IS 'What it was done to, and how much of it; never a secret or a value that was redacted.';
CREATE INDEX audit_at ON menagerie.audit (at);

CREATE FUNCTION menagerie.audit_as_it_was() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.at := now();
    NEW.login := session_user;
    NEW.address := inet_client_addr();
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'rows of the audit are never changed or deleted' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_inserted BEFORE INSERT OR UPDATE OR DELETE ON menagerie.audit
  FOR EACH ROW EXECUTE FUNCTION menagerie.audit_as_it_was();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON menagerie.audit
  FOR EACH STATEMENT EXECUTE FUNCTION menagerie.audit_as_it_was();

-- Down Migration

DROP TABLE menagerie.audit;
DROP FUNCTION menagerie.audit_as_it_was();
