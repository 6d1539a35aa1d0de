-- Up Migration

-- Rollouts that a guard takes back. Rows are added and never changed: what is open, done or resumed is told by what rows there are.
-- Triggers here act as the tables' owner, so that they hold whoever writes, and a guard needs no right in tables that they look into.

CREATE TABLE menagerie.take_back (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  generation bigint NOT NULL,
  from_version_id bigint NOT NULL REFERENCES menagerie.model_version (id),
  to_version_id bigint NOT NULL REFERENCES menagerie.model_version (id),
  truss_hash text NOT NULL,
  verdict_id bigint NOT NULL UNIQUE,
  action text NOT NULL CHECK (action IN ('revert', 'hold')),
  reason text NOT NULL CHECK (reason <> ''),
  opened_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (model_id, generation)
);
COMMENT ON TABLE menagerie.take_back IS
  'Rollouts that are taken back: the intent, written before anything changes. Until it is resumed, its content gets no request and no app. Insert-only.';
COMMENT ON COLUMN menagerie.take_back.generation IS 'Of rollout_traffic, when the intent was written.';
COMMENT ON COLUMN menagerie.take_back.verdict_id IS
  'Verdict that it follows from; one verdict leads to one take-back at most. Not a reference, so that it outlives the verdict.';
COMMENT ON COLUMN menagerie.take_back.action IS
  'revert: everything goes back to the old version. hold: what goes forward stops, and what is there stays.';
COMMENT ON COLUMN menagerie.take_back.reason IS 'Such as errors 12 of 180 against 3 of 1,620.';
CREATE INDEX take_back_content ON menagerie.take_back (model_id, from_version_id, truss_hash);
CREATE INDEX take_back_pair ON menagerie.take_back (from_version_id, to_version_id);

CREATE TABLE menagerie.take_back_step (
  take_back_id bigint NOT NULL REFERENCES menagerie.take_back (id),
  step text NOT NULL CHECK (step IN ('held', 'weight', 'reverted', 'done', 'cannot')),
  detail jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(detail) = 'object'),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (take_back_id, step)
);
COMMENT ON TABLE menagerie.take_back_step IS
  'What a take-back has done: the forward migration is held, the weight is 0, apps are back, all is done. cannot: something is in the way, and the guard tries again. Insert-only.';

CREATE TABLE menagerie.rollout_resume (
  take_back_id bigint PRIMARY KEY REFERENCES menagerie.take_back (id),
  who text NOT NULL CHECK (who <> ''),
  reason text NOT NULL CHECK (reason <> ''),
  at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE menagerie.rollout_resume IS
  'Take-backs that an operator called a false alarm: their content may go on. Insert-only.';

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON menagerie.take_back
  FOR EACH STATEMENT EXECUTE FUNCTION menagerie.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON menagerie.take_back_step
  FOR EACH STATEMENT EXECUTE FUNCTION menagerie.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON menagerie.rollout_resume
  FOR EACH STATEMENT EXECUTE FUNCTION menagerie.refuse_change();

CREATE VIEW menagerie.taken_back AS
  SELECT t.id, t.model_id, t.generation, t.from_version_id, t.to_version_id, t.truss_hash, t.verdict_id, t.action, t.reason, t.opened_at,
         (SELECT s.at FROM menagerie.take_back_step s WHERE s.take_back_id = t.id AND s.step = 'done') AS done_at,
         (SELECT s.detail FROM menagerie.take_back_step s WHERE s.take_back_id = t.id AND s.step = 'cannot') AS cannot
    FROM menagerie.take_back t
   WHERE NOT EXISTS (SELECT FROM menagerie.rollout_resume r WHERE r.take_back_id = t.id);
COMMENT ON VIEW menagerie.taken_back IS 'Take-backs that nobody resumed; done_at is null while one is under way.';

-- Part of the release record, beside the chain of deployments: a take-back is recorded also while the intent of an `up` is open.
CREATE VIEW menagerie.release_take_back AS
  SELECT t.id, m.name AS model, f.number AS from_version, v.number AS to_version, t.truss_hash, t.opened_at,
         (SELECT s.at FROM menagerie.take_back_step s WHERE s.take_back_id = t.id AND s.step = 'done') AS done_at,
         'guard'::text AS settled_by, t.verdict_id AS cause, t.action, t.reason, r.who AS resumed_by, r.reason AS resumed_because, r.at AS resumed_at
    FROM menagerie.take_back t
    JOIN menagerie.model m ON m.id = t.model_id
    JOIN menagerie.model_version f ON f.id = t.from_version_id
    JOIN menagerie.model_version v ON v.id = t.to_version_id
    LEFT JOIN menagerie.rollout_resume r ON r.take_back_id = t.id;
COMMENT ON VIEW menagerie.release_take_back IS 'Take-backs as the release record tells them.';

-- MG023: what was judged is not what is rolled out by now.
CREATE FUNCTION menagerie.open_take_back() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM menagerie.rollout r WHERE r.model_id = NEW.model_id FOR UPDATE;
  PERFORM FROM menagerie.rollout r
     JOIN menagerie.rollout_traffic t ON t.model_id = r.model_id AND t.from_version_id = r.from_version_id AND t.truss_hash = r.truss_hash
     JOIN menagerie.model_version v ON v.id = t.to_version_id AND v.model_id = r.model_id AND v.truss_hash = r.truss_hash
    WHERE r.model_id = NEW.model_id AND r.phase IN ('version', 'forward', 'bake')
      AND t.generation = NEW.generation AND t.from_version_id = NEW.from_version_id
      AND t.to_version_id = NEW.to_version_id AND t.truss_hash = NEW.truss_hash;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the rollout of model % is another one by now', NEW.model_id USING ERRCODE = 'MG023';
  END IF;
  PERFORM FROM menagerie.taken_back t
    WHERE t.model_id = NEW.model_id AND t.from_version_id = NEW.from_version_id AND t.truss_hash = NEW.truss_hash;
  IF FOUND THEN
    RAISE EXCEPTION 'the content is taken back already' USING ERRCODE = 'unique_violation';
  END IF;
  NEW.opened_at := now();
  RETURN NEW;
END $$;
CREATE TRIGGER take_back_opened BEFORE INSERT ON menagerie.take_back
  FOR EACH ROW EXECUTE FUNCTION menagerie.open_take_back();

-- Steps follow each other, and nothing follows a resume. MG024: the take-back is over, or another step comes first.
CREATE FUNCTION menagerie.follow_take_back() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  steps text[];
  before text;
  whole boolean;
BEGIN
  SELECT t.action = 'revert' INTO whole FROM menagerie.take_back t WHERE t.id = NEW.take_back_id FOR UPDATE;
  PERFORM FROM menagerie.rollout_resume r WHERE r.take_back_id = NEW.take_back_id;
  IF FOUND THEN
    RAISE EXCEPTION 'take-back % was resumed', NEW.take_back_id USING ERRCODE = 'MG024';
  END IF;
  SELECT coalesce(array_agg(s.step), '{}') INTO steps FROM menagerie.take_back_step s WHERE s.take_back_id = NEW.take_back_id;
  IF TG_TABLE_NAME = 'rollout_resume' THEN
    IF NOT steps && ARRAY['done', 'cannot'] THEN
      RAISE EXCEPTION 'take-back % is under way', NEW.take_back_id USING ERRCODE = 'MG024';
    END IF;
    NEW.at := now();
    RETURN NEW;
  END IF;
  before := CASE NEW.step WHEN 'weight' THEN 'held' WHEN 'reverted' THEN 'weight'
                          WHEN 'done' THEN CASE WHEN whole THEN 'reverted' ELSE 'held' END END;
  IF before IS NOT NULL AND before <> ALL (steps) OR 'done' = ANY (steps) AND NEW.step <> ALL (steps)
     OR NOT whole AND NEW.step IN ('weight', 'reverted') THEN
    RAISE EXCEPTION 'step % of take-back % does not follow %', NEW.step, NEW.take_back_id, steps USING ERRCODE = 'MG024';
  END IF;
  NEW.at := now();
  RETURN NEW;
END $$;
CREATE TRIGGER take_back_followed BEFORE INSERT ON menagerie.take_back_step
  FOR EACH ROW EXECUTE FUNCTION menagerie.follow_take_back();
CREATE TRIGGER take_back_followed BEFORE INSERT ON menagerie.rollout_resume
  FOR EACH ROW EXECUTE FUNCTION menagerie.follow_take_back();

-- A false alarm lets go of what a guard only held. After a revert, the next `up` begins a forward anew.
CREATE FUNCTION menagerie.let_go_of_held() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE menagerie.zoo_migration m SET paused_at = NULL, changed_at = now()
    FROM menagerie.take_back_step s
   WHERE s.take_back_id = NEW.take_back_id AND s.step = 'held' AND m.id = (s.detail->>'migration')::bigint
     AND (s.detail->>'newly')::boolean AND m.direction = 'forward';
  RETURN NULL;
END $$;
CREATE TRIGGER take_back_resumed AFTER INSERT ON menagerie.rollout_resume
  FOR EACH ROW EXECUTE FUNCTION menagerie.let_go_of_held();

CREATE FUNCTION menagerie.take_back_text(action text, at timestamptz, reason text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT format('%s at %s UTC (%s)', CASE action WHEN 'revert' THEN 'taken back' ELSE 'held' END,
                to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), split_part(reason, ', at least ', 1))
$$;
COMMENT ON FUNCTION menagerie.take_back_text(text, timestamptz, text) IS 'What refusals say of a take-back.';
REVOKE EXECUTE ON FUNCTION menagerie.take_back_text(text, timestamptz, text) FROM PUBLIC;

-- A migration that goes forward, or begins to, is refused for a content that is taken back: an `up` that began earlier ends here, whatever
-- its plan says. The lock keeps it apart from an intent that is being written: one of the two sees the other. MG021 is such a refusal.
CREATE FUNCTION menagerie.refuse_taken_back() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  state text;
BEGIN
  IF NEW.direction <> 'forward' OR NEW.state <> 'open' OR NEW.paused_at IS NOT NULL
     OR NEW.target <> '"menagerie"."model_version"' THEN
    RETURN NEW;
  END IF;
  PERFORM FROM menagerie.rollout r JOIN menagerie.model_version v ON v.model_id = r.model_id
    WHERE v.id = NEW.to_id::bigint FOR SHARE OF r;
  SELECT menagerie.take_back_text(t.action, t.opened_at, t.reason) INTO state FROM menagerie.taken_back t
    WHERE t.from_version_id = NEW.from_id::bigint AND t.to_version_id = NEW.to_id::bigint;
  IF FOUND THEN
    RAISE EXCEPTION '%', state USING ERRCODE = 'MG021';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER taken_back BEFORE INSERT OR UPDATE ON menagerie.zoo_migration
  FOR EACH ROW EXECUTE FUNCTION menagerie.refuse_taken_back();

-- The same for weights. A guard lowers them, and nothing else: of whatever rollout there is.
CREATE FUNCTION menagerie.refuse_higher_weight() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was menagerie.rollout_traffic;
  state text;
BEGIN
  -- An insert that ends as an update is one here too. Whoever writes holds the rollout's lock.
  SELECT t.* INTO was FROM menagerie.rollout_traffic t
    WHERE t.model_id = NEW.model_id AND (t.from_version_id, t.to_version_id, t.truss_hash) = (NEW.from_version_id, NEW.to_version_id, NEW.truss_hash);
  IF was.weight >= NEW.weight AND was.control >= NEW.control THEN
    RETURN NEW;
  END IF;
  IF session_user = 'menagerie_guard' THEN
    RAISE EXCEPTION 'a guard lowers weights, and nothing else' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT menagerie.take_back_text(t.action, t.opened_at, t.reason) INTO state FROM menagerie.taken_back t
    WHERE t.model_id = NEW.model_id AND t.from_version_id = NEW.from_version_id AND t.truss_hash = NEW.truss_hash;
  IF FOUND AND NEW.weight > coalesce(was.weight, 0) THEN
    RAISE EXCEPTION '%', state USING ERRCODE = 'MG021';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER taken_back BEFORE INSERT OR UPDATE ON menagerie.rollout_traffic
  FOR EACH ROW EXECUTE FUNCTION menagerie.refuse_higher_weight();

-- The one thing that a guard may do to apps: move back, in bounded batches, what the migration of an open take-back moved forward. As
-- src/adapters/postgres/zoo/migration/statements.ts does it: a row that does not point at the new version any more is left where it is, and
-- each batch changes rows and journal together. `batch` 0 holds the migration, and answers it where
-- nobody held it before.
CREATE FUNCTION menagerie.revert_taken_back(take_back bigint, batch integer, after text, waits boolean)
  RETURNS TABLE (migration bigint, live boolean, goal boolean, picked integer, moved text[], last text)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  pair record;
  journal record;
  due bigint[];
  held bigint[];
  others bigint[];
BEGIN
  IF batch IS NULL OR batch NOT BETWEEN 0 AND 5000 OR waits IS NULL THEN
    RAISE EXCEPTION 'a batch has 0 to 5000 rows' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT t.from_version_id AS old, t.to_version_id AS new INTO pair FROM menagerie.take_back t
    WHERE t.id = revert_taken_back.take_back FOR SHARE;
  IF NOT FOUND OR EXISTS (SELECT FROM menagerie.rollout_resume r WHERE r.take_back_id = revert_taken_back.take_back)
     OR EXISTS (SELECT FROM menagerie.take_back_step s WHERE s.take_back_id = revert_taken_back.take_back AND s.step = 'done') THEN
    RAISE EXCEPTION 'take-back % is not open', take_back USING ERRCODE = 'MG024';
  END IF;
  IF batch = 0 THEN
    UPDATE menagerie.zoo_migration m SET paused_at = now(), changed_at = now()
     WHERE m.target = '"menagerie"."model_version"' AND m.from_id = pair.old::text AND m.to_id = pair.new::text
       AND m.direction = 'forward' AND m.paused_at IS NULL RETURNING m.id INTO migration;
    live := false; goal := false; picked := 0; moved := '{}';
    RETURN NEXT;
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM menagerie.take_back_step s WHERE s.take_back_id = revert_taken_back.take_back AND s.step = 'weight') THEN
    RAISE EXCEPTION 'apps are taken back once the new version has no weight' USING ERRCODE = 'MG024';
  END IF;
  -- The hold was to stop what went forward; from here on, one that somebody sets stops the way back.
  UPDATE menagerie.zoo_migration m
     SET direction = 'reverted', revert = 'journaled', state = 'open', paused_at = NULL, changed_at = now()
   WHERE m.target = '"menagerie"."model_version"' AND m.from_id = pair.old::text AND m.to_id = pair.new::text
     -- An `up` with `phase: reverted` may have turned it meanwhile, and stops at the hold as well.
     AND (m.direction = 'forward' OR m.paused_at <= (SELECT max(s.at) FROM menagerie.take_back_step s
            WHERE s.take_back_id = revert_taken_back.take_back AND s.step = 'held'));
  SELECT m.id, m.paused_at INTO journal FROM menagerie.zoo_migration m
    WHERE m.target = '"menagerie"."model_version"' AND m.from_id = pair.old::text AND m.to_id = pair.new::text FOR SHARE;
  migration := journal.id;
  live := migration IS NULL OR journal.paused_at IS NULL;
  PERFORM FROM menagerie.model_version g
    WHERE g.id = pair.old AND g.status = 'active' AND g.proxy_model_version_id IS NULL AND NOT g.is_development FOR KEY SHARE;
  goal := FOUND;
  picked := 0;
  moved := '{}';
  IF migration IS NULL OR NOT live OR NOT goal THEN
    RETURN NEXT;
    RETURN;
  END IF;
  SELECT array_agg(j.row_id::bigint), count(*), max(j.row_id) INTO due, picked, last
    FROM (SELECT e.row_id FROM menagerie.zoo_migration_row e
           WHERE e.migration_id = migration AND e.state = 'forward' AND e.row_id > coalesce(after, '')
           ORDER BY e.row_id LIMIT batch) j;
  IF picked = 0 THEN
    UPDATE menagerie.zoo_migration m SET state = 'done', changed_at = now()
     WHERE m.id = migration AND m.state = 'open'
       AND NOT EXISTS (SELECT FROM menagerie.zoo_migration_row e WHERE e.migration_id = m.id AND e.state = 'forward');
    RETURN NEXT;
    RETURN;
  END IF;
  -- What is read of a row that was locked is what it holds by then.
  IF waits THEN
    SELECT array_agg(l.id) FILTER (WHERE l.proxy = pair.new), array_agg(l.id) FILTER (WHERE l.proxy IS DISTINCT FROM pair.new)
      INTO held, others
      FROM (SELECT v.id, v.proxy_model_version_id AS proxy FROM menagerie.model_version v
             WHERE v.id = ANY (due) ORDER BY v.id FOR NO KEY UPDATE) l;
  ELSE
    SELECT array_agg(l.id) FILTER (WHERE l.proxy = pair.new), array_agg(l.id) FILTER (WHERE l.proxy IS DISTINCT FROM pair.new)
      INTO held, others
      FROM (SELECT v.id, v.proxy_model_version_id AS proxy FROM menagerie.model_version v
             WHERE v.id = ANY (due) ORDER BY v.id FOR NO KEY UPDATE SKIP LOCKED) l;
  END IF;
  WITH changed AS (
    UPDATE menagerie.model_version v SET proxy_model_version_id = pair.old WHERE v.id = ANY (held)
    RETURNING v.id, v.proxy_model_version_id = pair.old AS holds
  ), settled AS (
    SELECT c.id, 'reverted' AS state FROM changed c WHERE c.holds
     UNION ALL SELECT o.id, 'changed' FROM unnest(others) o (id)
     -- A row that is not found may be locked, unless it was waited for.
     UNION ALL SELECT d.id, 'deleted' FROM unnest(due) d (id)
      WHERE waits AND d.id <> ALL (coalesce(held, '{}') || coalesce(others, '{}'))
  ), written AS (
    UPDATE menagerie.zoo_migration_row e SET state = s.state, reverted_at = now() FROM settled s
     WHERE e.migration_id = migration AND e.row_id = s.id::text AND e.state = 'forward'
  ) SELECT coalesce(array_agg(c.id::text), '{}') INTO moved FROM changed c WHERE c.holds;
  RETURN NEXT;
END $$;
COMMENT ON FUNCTION menagerie.revert_taken_back(bigint, integer, text, boolean) IS
  'Moves up to `batch` rows back that the migration of an open take-back moved forward, from the row after `after` on, past rows that others have locked unless it waits. Without a migration: nothing, and `migration` is null.';
REVOKE EXECUTE ON FUNCTION menagerie.revert_taken_back(bigint, integer, text, boolean) FROM PUBLIC;

-- Down Migration

DROP FUNCTION menagerie.revert_taken_back(bigint, integer, text, boolean);
DROP TRIGGER taken_back ON menagerie.rollout_traffic;
DROP FUNCTION menagerie.refuse_higher_weight();
DROP TRIGGER taken_back ON menagerie.zoo_migration;
DROP VIEW menagerie.release_take_back, menagerie.taken_back;
DROP TABLE menagerie.rollout_resume, menagerie.take_back_step, menagerie.take_back;
DROP FUNCTION menagerie.open_take_back(), menagerie.follow_take_back(), menagerie.let_go_of_held(), menagerie.refuse_taken_back();
DROP FUNCTION menagerie.take_back_text(text, timestamptz, text);
