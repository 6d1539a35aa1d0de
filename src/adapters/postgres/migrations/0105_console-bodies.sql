-- Up Migration

-- What clients sent and models answered: the console's login may read none of it. These functions show it to a session that may see it, and
-- note each view of a body in the audit, in the transaction that reads it.

CREATE FUNCTION menagerie.console_is_recording(recording text) RETURNS boolean
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- A table of the owner's own: a view of somebody else's would run its functions with the owner's rights.
  SELECT count(*) = 2 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = recording AND c.relname IN ('inference_requests', 'inference_response') AND c.relkind = 'p'
     AND pg_get_userbyid(c.relowner) = 'menagerie_owner'
$$;
COMMENT ON FUNCTION menagerie.console_is_recording(text) IS 'Whether a schema has the tables of recorded predictions.';

CREATE FUNCTION menagerie.console_recordings() RETURNS SETOF text
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT n.nspname::text FROM pg_namespace n WHERE n.nspname ~ '^(recorded|shadow)_' AND menagerie.console_is_recording(n.nspname)
$$;
COMMENT ON FUNCTION menagerie.console_recordings() IS 'Schemas with recorded predictions.';

CREATE FUNCTION menagerie.console_recorded(session_hash bytea, recording text, before text, most integer)
  RETURNS TABLE (day text, request_id text, attempt integer, at timestamptz, url text, status integer, failure text, latency double precision, version text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  viewer record;
BEGIN
  SELECT * INTO viewer FROM menagerie.console_viewer(session_hash, false);
  IF NOT FOUND OR NOT menagerie.console_is_recording(recording) THEN
    RETURN;
  END IF;
  RETURN QUERY EXECUTE format(
    'SELECT q.day::text, q.request_id, q.attempt, q.request_time, q.predict_url, r.status, r.failure, r.latency_ms, r.model_version
       FROM %1$I.inference_requests q JOIN %1$I.inference_response r USING (day, request_id, attempt)
      WHERE ($1::timestamptz IS NULL OR q.request_time < $1::timestamptz) AND ($2::text IS NULL OR q.organization = $2)
      ORDER BY q.request_time DESC LIMIT $3', recording)
    USING before, viewer.organization_id, least(most, 200);
END $$;
COMMENT ON FUNCTION menagerie.console_recorded(bytea, text, text, integer) IS
  'Recorded requests, the latest first, without bodies: all, or those of the session''s organization.';

CREATE FUNCTION menagerie.console_body(session_hash bytea, recording text, of_day date, id text, nth integer)
  RETURNS TABLE (
    at timestamptz, url text, status integer, failure text, latency double precision, version text, redacted boolean,
    request_data text, request_raw bytea, request_truncated boolean, request_encoding text,
    response_data text, response_raw bytea, response_truncated boolean, response_encoding text
  )
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  viewer record;
BEGIN
  SELECT * INTO viewer FROM menagerie.console_viewer(session_hash, true);
  IF NOT FOUND OR viewer.role NOT IN ('inspector', 'operator') OR NOT menagerie.console_is_recording(recording) THEN
    RETURN;
  END IF;
  RETURN QUERY EXECUTE format(
    'SELECT q.request_time, q.predict_url, r.status, r.failure, r.latency_ms, r.model_version, coalesce(q.redacted, false),
            jsonb_pretty(q.request_data), q.request_raw, q.truncated, q.headers->>''content-encoding'',
            jsonb_pretty(r.response_data), CASE WHEN r.response_data IS NULL THEN r.response_raw END, r.truncated, r.content_encoding
       FROM %1$I.inference_requests q JOIN %1$I.inference_response r USING (day, request_id, attempt)
      WHERE day = $1 AND request_id = $2 AND attempt = $3 AND ($4::text IS NULL OR q.organization = $4)', recording)
    USING of_day, id, nth, viewer.organization_id;
  IF FOUND THEN
    INSERT INTO menagerie.audit (who, what, details)
    VALUES (viewer.who, 'recording.view', jsonb_build_object(
      'schema', recording, 'request', id, 'attempt', nth, 'day', of_day::text, 'organizationId', viewer.organization_id));
  END IF;
END $$;
COMMENT ON FUNCTION menagerie.console_body(bytea, text, date, text, integer) IS
  'A recorded request with its answer, for a session of an inspector or operator; the audit has each. No row for anybody else.';

REVOKE EXECUTE ON FUNCTION
  menagerie.console_is_recording(text), menagerie.console_recordings(),
  menagerie.console_recorded(bytea, text, text, integer), menagerie.console_body(bytea, text, date, text, integer)
  FROM PUBLIC;

-- Down Migration

DROP FUNCTION menagerie.console_body(bytea, text, date, text, integer);
DROP FUNCTION menagerie.console_recorded(bytea, text, text, integer);
DROP FUNCTION menagerie.console_recordings();
DROP FUNCTION menagerie.console_is_recording(text);
