-- Tables of one recorded model version. Run with the search path set to the version's schema; running it again changes nothing.

CREATE TABLE IF NOT EXISTS inference_requests (
  day date NOT NULL,
  request_id text NOT NULL,
  attempt integer NOT NULL,
  request_time timestamptz NOT NULL,
  request_data jsonb,
  request_raw bytea,
  request_bytes bigint NOT NULL,
  truncated boolean NOT NULL,
  unpaired boolean NOT NULL,
  predict_url text NOT NULL,
  headers jsonb NOT NULL,
  PRIMARY KEY (day, request_id, attempt)
) PARTITION BY RANGE (day);

CREATE TABLE IF NOT EXISTS inference_response (
  day date NOT NULL,
  request_id text NOT NULL,
  attempt integer NOT NULL,
  response_data jsonb,
  response_raw bytea,
  response_bytes bigint NOT NULL,
  truncated boolean NOT NULL,
  status integer,
  failure text,
  latency_ms double precision NOT NULL,
  model_version text,
  content_encoding text,
  PRIMARY KEY (day, request_id, attempt)
) PARTITION BY RANGE (day);
-- Columns that came since a revision of the tables; their partitions get them too. Only where one is missing: ALTER TABLE waits for every
-- reader, also where it has nothing to add, and whoever writes waits behind it.
DO $$
DECLARE
  added record;
BEGIN
  FOR added IN
    SELECT * FROM (VALUES
      (2, 'inference_response', 'content_encoding', 'text'),
      (3, 'inference_requests', 'operation', 'text'),
      (3, 'inference_response', 'streamed', 'boolean'),
      (3, 'inference_response', 'first_token_ms', 'double precision'),
      (3, 'inference_response', 'prompt_tokens', 'integer'),
      (3, 'inference_response', 'completion_tokens', 'integer'),
      (3, 'inference_response', 'piece_ms', 'real[]'),
      (4, 'inference_requests', 'redacted', 'boolean'),
      (5, 'inference_requests', 'organization', 'text')
    ) AS v (since, parent, name, kind)
    WHERE NOT EXISTS (SELECT FROM pg_attribute
                       WHERE attrelid = to_regclass(v.parent) AND attname = v.name AND NOT attisdropped)
  LOOP
    EXECUTE format('ALTER TABLE %I ADD COLUMN %I %s', added.parent, added.name, added.kind);
  END LOOP;
END $$;

COMMENT ON TABLE inference_requests IS 'Requests as the recorder received them; day is the UTC day of request_time.';
COMMENT ON COLUMN inference_requests.attempt IS '1, or more where the same request_id came again on the same day.';
COMMENT ON COLUMN inference_requests.request_raw IS
  'The body where it is not JSON that jsonb takes, such as one with \u0000, or too large; neither data nor raw where no body is kept.';
COMMENT ON COLUMN inference_requests.request_bytes IS 'Bytes of the whole body, also where less of it was kept.';
COMMENT ON COLUMN inference_requests.truncated IS 'request_raw is only the beginning of the body.';
COMMENT ON COLUMN inference_requests.operation IS
  'What was asked: predict, explain, infer, chat, completions, embeddings, responses, messages, or own for a path of the model''s own; null in rows of older recorders.';
COMMENT ON COLUMN inference_requests.redacted IS
  'Pseudonyms stand in for values of this request and of its answer, so that what a model answers to it now is not compared with what it answered then. Null in rows of older recorders.';
COMMENT ON COLUMN inference_requests.organization IS
  'Id of the organization whose request it is, as the API service tells: that of the app, or of the key at the gateway. Null where nobody knows, and in rows of older recorders.';
COMMENT ON COLUMN inference_requests.unpaired IS 'The request had no x-request-id: the id is the recorder''s own, and no other side has it.';
COMMENT ON TABLE inference_response IS 'What was answered to the request of the same key; day is that of the request.';
COMMENT ON COLUMN inference_response.status IS 'HTTP status that the client got; null where it went away before there was one.';
COMMENT ON COLUMN inference_response.failure IS
  'Why there is no whole answer of the predictor: predictor_unavailable, predictor_broken, predictor_timeout, client_gone; failed where a stream told of an error.';
COMMENT ON COLUMN inference_response.streamed IS
  'The answer came as a stream: response_data is the answer that its events join to, response_raw the stream as it came. Null in rows of older recorders.';
COMMENT ON COLUMN inference_response.first_token_ms IS
  'Of a stream, from the request''s head until the first event that changed what the model says, in milliseconds; null where there was none.';
COMMENT ON COLUMN inference_response.prompt_tokens IS 'Tokens of the request, where the answer''s usage tells them.';
COMMENT ON COLUMN inference_response.completion_tokens IS 'Tokens of the answer, where its usage tells them.';
COMMENT ON COLUMN inference_response.piece_ms IS
  'Of a stream, when its pieces came, from the request''s head, in milliseconds; of very many, only some.';
COMMENT ON COLUMN inference_response.content_encoding IS
  'Content coding of the body as it was answered, such as gzip; null where it has none.';
COMMENT ON COLUMN inference_response.latency_ms IS 'From the request''s head to the end of the answer, in milliseconds.';

-- Small, and without any content of predictions: what recorders keep of themselves.
CREATE TABLE IF NOT EXISTS recorder_log (
  log_id uuid PRIMARY KEY,
  position bigint NOT NULL,
  recorder text NOT NULL,
  stored_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE recorder_log IS
  'Position up to which each recorder''s log is stored; moved in the transaction that stores, so that nothing is stored twice.';

-- Since revision 6.
CREATE TABLE IF NOT EXISTS recorder_open (
  log_id uuid NOT NULL,
  slot integer NOT NULL,
  at timestamptz NOT NULL,
  model_version text,
  open jsonb NOT NULL,
  PRIMARY KEY (log_id, slot)
);
COMMENT ON TABLE recorder_open IS
  'Requests that were not over at a moment, of those that a rollout drew one by one, counted by how long they had lasted; some minutes of each recorder, for judges.';

CREATE TABLE IF NOT EXISTS recording_losses (
  log_id uuid NOT NULL,
  position bigint NOT NULL,
  lost_at timestamptz NOT NULL,
  reason text NOT NULL,
  requests bigint NOT NULL,
  recorder text NOT NULL,
  PRIMARY KEY (log_id, position, reason)
);
COMMENT ON TABLE recording_losses IS 'Requests that were answered but whose record was lost, counted by the recorder, and why.';

CREATE TABLE IF NOT EXISTS recording_settings (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  retention_days integer NOT NULL CHECK (retention_days >= 1)
);

-- By ATTACH, whose lock lets recorders go on writing; CREATE … PARTITION OF would stop them and wait for every reader.
CREATE OR REPLACE FUNCTION make_prediction_day(wanted date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  today constant date := (now() AT TIME ZONE 'UTC')::date;
  kept integer := (SELECT retention_days FROM recording_settings);
  parent text;
  part text;
BEGIN
  IF wanted < today - kept OR wanted > today + 31 THEN
    RETURN false;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || ' prediction days', 0));
  FOREACH parent IN ARRAY ARRAY['inference_requests', 'inference_response'] LOOP
    part := parent || '_' || to_char(wanted, 'YYYYMMDD');
    IF to_regclass(quote_ident(part)) IS NULL THEN
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
      -- Whoever follows what comes in reads the last minutes of a day; such an index has some pages for millions of rows.
      IF parent = 'inference_requests' THEN
        EXECUTE format('CREATE INDEX ON %I USING brin (request_time) WITH (autosummarize = on)', part);
      END IF;
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, wanted, wanted + 1);
    END IF;
  END LOOP;
  RETURN true;
END $$;
COMMENT ON FUNCTION make_prediction_day(date) IS
  'Makes the partitions of a UTC day, unless they are there. False for a day that is past retention, or over a month ahead.';

CREATE OR REPLACE FUNCTION maintain_prediction_days() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '1s' AS $$
DECLARE
  today constant date := (now() AT TIME ZONE 'UTC')::date;
  oldest constant date := today - (SELECT retention_days FROM recording_settings);
  expired regclass;
  dropped integer := 0;
BEGIN
  FOR ahead IN 0..7 LOOP
    PERFORM make_prediction_day(today + ahead);
  END LOOP;
  FOR expired IN
    SELECT c.oid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent IN ('inference_requests'::regclass, 'inference_response'::regclass)
       AND c.relname ~ '_[0-9]{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') < oldest
     ORDER BY c.relname
  LOOP
    BEGIN
      EXECUTE 'DROP TABLE ' || expired;
      dropped := dropped + 1;
    EXCEPTION WHEN lock_not_available THEN
      -- Somebody reads: the next call drops it.
      NULL;
    END;
  END LOOP;
  DELETE FROM recorder_log WHERE stored_at < oldest;
  DELETE FROM recorder_open WHERE at < now() - interval '1 hour';
  RETURN dropped;
END $$;
COMMENT ON FUNCTION maintain_prediction_days() IS
  'Makes the partitions of today and a week ahead, drops those past retention, and answers how many it dropped.';

REVOKE EXECUTE ON FUNCTION make_prediction_day(date), maintain_prediction_days() FROM PUBLIC;
