-- Up Migration

ALTER TABLE menagerie.api_key
  ADD COLUMN requests_per_minute bigint CHECK (requests_per_minute > 0),
  ADD COLUMN tokens_per_minute bigint CHECK (tokens_per_minute > 0),
  ADD COLUMN tokens_per_day bigint CHECK (tokens_per_day > 0);
ALTER TABLE menagerie.organization
  ADD COLUMN requests_per_minute bigint CHECK (requests_per_minute > 0),
  ADD COLUMN tokens_per_minute bigint CHECK (tokens_per_minute > 0),
  ADD COLUMN tokens_per_day bigint CHECK (tokens_per_day > 0);
COMMENT ON COLUMN menagerie.api_key.requests_per_minute IS 'Requests that are let in with this key in a minute of the database''s clock; null for no limit.';
COMMENT ON COLUMN menagerie.api_key.tokens_per_day IS 'Tokens, in and out, of a UTC day; null for no limit.';
COMMENT ON COLUMN menagerie.organization.requests_per_minute IS
  'Requests that are let in for the organization''s models in a minute of the database''s clock, with whatever key; null for no limit.';

CREATE TABLE menagerie.usage (
  organization_id bigint NOT NULL REFERENCES menagerie.organization (id),
  app_id bigint NOT NULL,
  model text NOT NULL CHECK (model <> ''),
  day date NOT NULL,
  requests bigint NOT NULL CHECK (requests >= 0),
  tokens_in bigint NOT NULL CHECK (tokens_in >= 0),
  tokens_out bigint NOT NULL CHECK (tokens_out >= 0),
  PRIMARY KEY (day, organization_id, app_id, model)
);
COMMENT ON TABLE menagerie.usage IS 'Requests that were let in, and the tokens that their answers told of, by UTC day of the database''s clock.';
COMMENT ON COLUMN menagerie.usage.organization_id IS 'Whose model or app was asked.';
COMMENT ON COLUMN menagerie.usage.app_id IS
  'Id of the app in model; 0 for a model that was asked itself. Not a reference, so that counts outlive what is deleted.';
COMMENT ON COLUMN menagerie.usage.model IS 'Name of the model that answered: that of the zoo which the app points at, or that at the gateway.';

CREATE TABLE menagerie.limit_window (
  subject text NOT NULL CHECK (subject ~ '^(key|organization) [0-9]+$'),
  kind text NOT NULL CHECK (kind IN ('requestsPerMinute', 'tokensPerMinute', 'tokensPerDay')),
  since timestamptz NOT NULL,
  taken bigint NOT NULL CHECK (taken >= 0),
  PRIMARY KEY (subject, kind, since)
);
COMMENT ON TABLE menagerie.limit_window IS
  'What the API pods have taken of each limit, in windows of a minute or a UTC day: what was let in, and blocks that a pod holds for what comes next.';

CREATE TABLE menagerie.usage_source (
  run uuid PRIMARY KEY,
  stored bigint NOT NULL,
  at timestamptz NOT NULL
);
COMMENT ON TABLE menagerie.usage_source IS 'Processes that count, and the number of the last batch that is stored of each: none is stored twice.';

CREATE TABLE menagerie.settled_claim (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE menagerie.settled_claim IS 'Requests at the gateway whose tokens are counted: a recorder may tell them again, and they are counted once.';
CREATE INDEX settled_claim_at ON menagerie.settled_claim (at);

-- Plans judge what limits of tokens need, and read no keys.
CREATE FUNCTION menagerie.token_limits() RETURNS TABLE (holder text, model text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT 'organization ' || o.name, NULL
    FROM menagerie.organization o
   WHERE o.is_admin AND num_nonnulls(o.tokens_per_minute, o.tokens_per_day) > 0
  UNION ALL
  SELECT 'key ' || k.prefix, m.name
    FROM menagerie.api_key k
    LEFT JOIN menagerie.model m ON m.id = k.model_id
    JOIN menagerie.organization o ON o.id = coalesce(k.organization_id, m.organization_id)
   WHERE o.is_admin AND k.revoked_at IS NULL AND num_nonnulls(k.tokens_per_minute, k.tokens_per_day) > 0
   ORDER BY 1
$$;
COMMENT ON FUNCTION menagerie.token_limits() IS
  'Whose tokens are limited at the gateway, and for which model; null for all: keys of the platform''s own models, and their organization.';
REVOKE EXECUTE ON FUNCTION menagerie.token_limits() FROM PUBLIC;

-- In the order of their names, so that no two calls wait for each other.
CREATE FUNCTION menagerie.take_of_limits(asks jsonb)
  RETURNS TABLE (place integer, since_ms double precision, left_ms double precision, granted bigint, taken bigint)
  LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  ask record;
  at timestamptz;
  begun timestamptz;
  length interval;
  before bigint;
  free bigint;
BEGIN
  FOR ask IN
    SELECT * FROM jsonb_to_recordset(asks)
      AS a (place integer, subject text, kind text, "limit" bigint, need bigint, want bigint)
     ORDER BY a.subject, a.kind
  LOOP
    at := clock_timestamp();
    length := CASE WHEN ask.kind = 'tokensPerDay' THEN interval '1 day' ELSE interval '1 minute' END;
    begun := date_bin(length, at, 'epoch');
    INSERT INTO menagerie.limit_window AS w VALUES (ask.subject, ask.kind, begun, 0) ON CONFLICT DO NOTHING;
    SELECT w.taken INTO STRICT before FROM menagerie.limit_window w
     WHERE w.subject = ask.subject AND w.kind = ask.kind AND w.since = begun FOR UPDATE;
    free := greatest(ask."limit" - before, 0);
    -- Blocks shrink with what is left, so that the last requests find what there is. One that a killed pod held is lost for its window: those of a day are smaller.
    granted := CASE WHEN free < ask.need THEN 0
      ELSE least(free, greatest(ask.want, ask.need, free / CASE WHEN ask.kind = 'tokensPerDay' THEN 256 ELSE 16 END)) END;
    IF granted > 0 THEN
      UPDATE menagerie.limit_window w SET taken = before + granted
       WHERE w.subject = ask.subject AND w.kind = ask.kind AND w.since = begun;
    END IF;
    place := ask.place;
    since_ms := extract(epoch FROM begun) * 1000;
    left_ms := extract(epoch FROM begun + length - at) * 1000;
    taken := before + granted;
    RETURN NEXT;
  END LOOP;
END $$;
COMMENT ON FUNCTION menagerie.take_of_limits(jsonb) IS
  'Grants parts of limits to one process, check and set: [{place, subject, kind, limit, need, want}]. left_ms is what is left of the window.';
REVOKE EXECUTE ON FUNCTION menagerie.take_of_limits(jsonb) FROM PUBLIC;

CREATE FUNCTION menagerie.store_usage(run uuid, batch_number bigint, batch jsonb) RETURNS double precision
  LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  claims uuid[];
  each record;
BEGIN
  INSERT INTO menagerie.usage_source AS s VALUES (store_usage.run, batch_number, now())
    ON CONFLICT ON CONSTRAINT usage_source_pkey DO UPDATE SET stored = excluded.stored, at = excluded.at
    WHERE s.stored < excluded.stored;
  -- Stored before, though nobody heard of it.
  IF NOT FOUND THEN RETURN extract(epoch FROM clock_timestamp()) * 1000; END IF;
  WITH told AS (
    SELECT DISTINCT c.id FROM jsonb_to_recordset(batch->'claims') AS c (id uuid) ORDER BY 1
  ), added AS (
    INSERT INTO menagerie.settled_claim (id) SELECT told.id FROM told ORDER BY 1 ON CONFLICT DO NOTHING RETURNING id
  ) SELECT coalesce(array_agg(added.id), '{}') INTO claims FROM added;
  INSERT INTO menagerie.usage AS u (organization_id, app_id, model, day, requests, tokens_in, tokens_out)
  SELECT c.organization, c.app, c.model, c.day, sum(c.requests), sum(c."in"), sum(c."out")
    FROM jsonb_to_recordset((batch->'counts') || (batch->'claims'))
      AS c (id uuid, organization bigint, app bigint, model text, day date, requests bigint, "in" bigint, "out" bigint)
   WHERE c.id IS NULL OR c.id = ANY (claims)
   GROUP BY 1, 2, 3, 4 ORDER BY 4, 1, 2, 3
  ON CONFLICT ON CONSTRAINT usage_pkey DO UPDATE
    SET requests = u.requests + excluded.requests,
        tokens_in = u.tokens_in + excluded.tokens_in,
        tokens_out = u.tokens_out + excluded.tokens_out;
  FOR each IN
    SELECT a.subject, a.kind, to_timestamp(a.since / 1000.0) AS since, sum(a.amount)::bigint AS amount
      FROM jsonb_to_recordset(batch->'adjustments') AS a (claim uuid, subject text, kind text, since double precision, amount bigint)
     WHERE a.claim IS NULL OR a.claim = ANY (claims)
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  LOOP
    INSERT INTO menagerie.limit_window AS w VALUES (each.subject, each.kind, each.since, greatest(each.amount, 0))
      ON CONFLICT ON CONSTRAINT limit_window_pkey DO UPDATE SET taken = greatest(w.taken + each.amount, 0);
  END LOOP;
  RETURN extract(epoch FROM clock_timestamp()) * 1000;
END $$;
COMMENT ON FUNCTION menagerie.store_usage(uuid, bigint, jsonb) IS
  'Adds a batch of one process, once: {counts, claims, adjustments}. Answers the database''s clock, in milliseconds since 1970.';
REVOKE EXECUTE ON FUNCTION menagerie.store_usage(uuid, bigint, jsonb) FROM PUBLIC;

-- Down Migration

DROP FUNCTION menagerie.token_limits();
DROP FUNCTION menagerie.store_usage(uuid, bigint, jsonb);
DROP FUNCTION menagerie.take_of_limits(jsonb);
DROP TABLE menagerie.settled_claim, menagerie.usage_source, menagerie.limit_window, menagerie.usage;
ALTER TABLE menagerie.organization
  DROP COLUMN requests_per_minute, DROP COLUMN tokens_per_minute, DROP COLUMN tokens_per_day;
ALTER TABLE menagerie.api_key DROP COLUMN requests_per_minute, DROP COLUMN tokens_per_minute, DROP COLUMN tokens_per_day;
