-- Up Migration

CREATE TABLE menagerie.hash_draw (
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  truss_hash text NOT NULL,
  key text NOT NULL CHECK (key ~ '^[0-9a-f]{32}$'),
  made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model_id, truss_hash)
);
COMMENT ON TABLE menagerie.hash_draw IS
  'Keys of draws by the hash of a header, one for each content of a model, as the gateway''s hash has one salt for it: recorders store an HMAC of the header''s value by it. Made by menagerie.draw_key, deleted by menagerie.prune_judgements.';

CREATE TABLE menagerie.hashed_user (
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  truss_hash text NOT NULL,
  person text NOT NULL,
  generation bigint NOT NULL,
  is_new boolean NOT NULL,
  at timestamptz NOT NULL,
  hash_from integer NOT NULL,
  hash_until integer NOT NULL CHECK (0 <= hash_from AND hash_from <= hash_until AND hash_until <= 10000),
  chance double precision CHECK (0 < chance AND chance < 1),
  PRIMARY KEY (model_id, truss_hash, person, generation)
);
COMMENT ON TABLE menagerie.hashed_user IS
  'Users whose side the hash of a header decides, with their first recorded request under each generation of the traffic: src/domain/judgement/hashedUsers.ts. Insert-only; deleted 14 days after the last change of a rollout that is over.';
COMMENT ON COLUMN menagerie.hashed_user.person IS 'HMAC of the header''s value by the key in menagerie.hash_draw.';
COMMENT ON COLUMN menagerie.hashed_user.hash_from IS
  'What is known of the hash after this request: at least this, and below hash_until, in ten-thousandths of all hashes.';
COMMENT ON COLUMN menagerie.hashed_user.chance IS
  'Probability of the new version by what was known before; null where the side was known, so that nothing was drawn.';
CREATE INDEX hashed_user_at ON menagerie.hashed_user (model_id, truss_hash, at) WHERE chance IS NOT NULL;

CREATE FUNCTION menagerie.draw_key(model_name text) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO menagerie.hash_draw (model_id, truss_hash, key)
  SELECT t.model_id, t.truss_hash, replace(gen_random_uuid()::text, '-', '')
    FROM menagerie.rollout_traffic t JOIN menagerie.model m ON m.id = t.model_id
    JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
   WHERE m.name = model_name AND t.sticky LIKE 'header:%'
  ON CONFLICT DO NOTHING;
  SELECT d.key
    FROM menagerie.hash_draw d JOIN menagerie.rollout_traffic t USING (model_id, truss_hash)
    JOIN menagerie.model m ON m.id = t.model_id
    JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
   WHERE m.name = model_name AND t.sticky LIKE 'header:%'
$$;
COMMENT ON FUNCTION menagerie.draw_key(text) IS
  'The key of the draw that a zoo model''s traffic is in, which is made where it is missing; null where no header decides.';
REVOKE EXECUTE ON FUNCTION menagerie.draw_key(text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION menagerie.prune_judgements() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH rows AS (
    DELETE FROM menagerie.judgement_row r
     USING menagerie.judgement j, LATERAL (
             SELECT f.seq, f.at FROM menagerie.judgement_row f
              WHERE f.judgement_id = j.id AND f.seq <= (j.cursor->>'folded')::bigint ORDER BY f.seq LIMIT 10000) old
     WHERE old.at < now() - interval '14 days' AND r.judgement_id = j.id AND r.seq = old.seq
    RETURNING 1
  ), verdicts AS (
    DELETE FROM menagerie.verdict v
     WHERE v.at < now() - interval '14 days' AND v.decision <> 'bad'
       -- Those that `menagerie rollout` shows.
       AND v.id < (SELECT min(l.id) FROM (
             SELECT l.id FROM menagerie.verdict l WHERE l.judgement_id = v.judgement_id ORDER BY l.id DESC LIMIT 20) l)
       AND NOT EXISTS (SELECT FROM menagerie.take_back t WHERE t.verdict_id = v.id)
       AND NOT EXISTS (SELECT FROM menagerie.rollout_traffic_step s WHERE s.verdict_id = v.id)
    RETURNING 1
  ), over AS MATERIALIZED (
    -- A rollout that begins again while sides are remembered has the same draw: its users are the same until then.
    SELECT d.model_id, d.truss_hash
      FROM menagerie.hash_draw d
     WHERE d.made_at < now() - interval '14 days'
       AND NOT EXISTS (
         SELECT FROM menagerie.rollout r WHERE (r.model_id, r.truss_hash) = (d.model_id, d.truss_hash)
            AND r.phase IN ('copy', 'version', 'forward', 'bake'))
       AND NOT EXISTS (
         SELECT FROM menagerie.rollout_traffic_step s WHERE (s.model_id, s.truss_hash) = (d.model_id, d.truss_hash)
            AND s.at >= now() - interval '14 days')
  ), users AS (
    DELETE FROM menagerie.hashed_user u
     USING (SELECT x.model_id, x.truss_hash, x.person, x.generation
              FROM menagerie.hashed_user x JOIN over USING (model_id, truss_hash) LIMIT 10000) old
     WHERE (u.model_id, u.truss_hash, u.person, u.generation) = (old.model_id, old.truss_hash, old.person, old.generation)
    RETURNING 1
  ), keys AS (
    DELETE FROM menagerie.hash_draw d USING over o
     WHERE (d.model_id, d.truss_hash) = (o.model_id, o.truss_hash)
       AND NOT EXISTS (SELECT FROM menagerie.hashed_user u WHERE (u.model_id, u.truss_hash) = (o.model_id, o.truss_hash))
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM rows) + (SELECT count(*) FROM verdicts) + (SELECT count(*) FROM users) + (SELECT count(*) FROM keys);
$$;
COMMENT ON FUNCTION menagerie.prune_judgements() IS
  'Deletes rows of judgements that are in their state, verdicts of no consequence, and users by the hash of a header with their key, after 14 days. Says how many.';

-- Down Migration

CREATE OR REPLACE FUNCTION menagerie.prune_judgements() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH rows AS (
    DELETE FROM menagerie.judgement_row r
     USING menagerie.judgement j, LATERAL (
             SELECT f.seq, f.at FROM menagerie.judgement_row f
              WHERE f.judgement_id = j.id AND f.seq <= (j.cursor->>'folded')::bigint ORDER BY f.seq LIMIT 10000) old
     WHERE old.at < now() - interval '14 days' AND r.judgement_id = j.id AND r.seq = old.seq
    RETURNING 1
  ), verdicts AS (
    DELETE FROM menagerie.verdict v
     WHERE v.at < now() - interval '14 days' AND v.decision <> 'bad'
       -- Those that `menagerie rollout` shows.
       AND v.id < (SELECT min(l.id) FROM (
             SELECT l.id FROM menagerie.verdict l WHERE l.judgement_id = v.judgement_id ORDER BY l.id DESC LIMIT 20) l)
       AND NOT EXISTS (SELECT FROM menagerie.take_back t WHERE t.verdict_id = v.id)
       AND NOT EXISTS (SELECT FROM menagerie.rollout_traffic_step s WHERE s.verdict_id = v.id)
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM rows) + (SELECT count(*) FROM verdicts);
$$;
COMMENT ON FUNCTION menagerie.prune_judgements() IS
  'Deletes rows of judgements that are in their state, and verdicts of no consequence, after 14 days. Says how many.';
DROP FUNCTION menagerie.draw_key(text);
DROP TABLE menagerie.hashed_user, menagerie.hash_draw;
