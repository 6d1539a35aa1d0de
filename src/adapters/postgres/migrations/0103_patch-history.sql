-- Up Migration

ALTER TABLE menagerie.truss_patch ADD COLUMN sent_by text;
COMMENT ON COLUMN menagerie.truss_patch.sent_by IS
  'Who sent it: "key <prefix>", or "the stack" for the stack''s own key; null in patches from before this was kept.';

CREATE TABLE menagerie.truss_reload (
  model_version_id bigint NOT NULL,
  generation integer NOT NULL,
  seq integer NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  is_hot boolean NOT NULL,
  took_ms double precision NOT NULL CHECK (took_ms >= 0),
  apply_ms double precision NOT NULL CHECK (apply_ms >= 0),
  PRIMARY KEY (model_version_id, generation, seq),
  FOREIGN KEY (model_version_id, generation, seq)
    REFERENCES menagerie.truss_patch (model_version_id, generation, seq) ON DELETE CASCADE
);
COMMENT ON TABLE menagerie.truss_reload IS
  'How long a patch took from being sent until the model answered with it, the first time. No row where nobody asked for that.';
COMMENT ON COLUMN menagerie.truss_reload.is_hot IS 'Whether the running process took it without a restart.';
COMMENT ON COLUMN menagerie.truss_reload.apply_ms IS 'Of took_ms, how long the container took to take the patch.';
CREATE INDEX truss_reload_at ON menagerie.truss_reload (at);

CREATE FUNCTION menagerie.console_shows_bodies(session_hash bytea, shown jsonb) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  viewer jsonb;
BEGIN
  SELECT to_jsonb(v) INTO viewer FROM menagerie.console_viewer(session_hash, true) v WHERE v.role IN ('inspector', 'operator');
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO menagerie.audit (who, what, details)
  VALUES (coalesce(viewer->>'who', 'key ' || (viewer->>'prefix')), 'console.bodies', shown);
  RETURN true;
END $$;
COMMENT ON FUNCTION menagerie.console_shows_bodies(bytea, jsonb) IS
  'Notes in the audit that somebody looks at recorded bodies or at code. False, and nothing is noted, for a session that may not.';
REVOKE EXECUTE ON FUNCTION menagerie.console_shows_bodies(bytea, jsonb) FROM PUBLIC;

-- Down Migration

DROP FUNCTION menagerie.console_shows_bodies(bytea, jsonb);
DROP TABLE menagerie.truss_reload;
ALTER TABLE menagerie.truss_patch DROP COLUMN sent_by;
