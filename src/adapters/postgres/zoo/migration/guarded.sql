-- What a guard may do in an existing database, in the schema menagerie_migrations: one function, by the rights of whoever installs it.
-- As menagerie.revert_taken_back of the platform's database, which has the same rows in its own tables. Installed again without harm.

CREATE TABLE IF NOT EXISTS menagerie_migrations.guarded_table (
  target text PRIMARY KEY,
  id_column text NOT NULL,
  id_type text NOT NULL,
  proxy_column text NOT NULL,
  proxy_type text NOT NULL
);
COMMENT ON TABLE menagerie_migrations.guarded_table IS
  'Tables in which a guard may take apps back, as their catalog has them.';

CREATE TABLE IF NOT EXISTS menagerie_migrations.take_back (
  id bigint PRIMARY KEY,
  target text NOT NULL,
  from_id text NOT NULL,
  to_id text NOT NULL,
  state text NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT now(),
  resumed_at timestamptz
);
COMMENT ON TABLE menagerie_migrations.take_back IS
  'Take-backs of the platform''s database that concern apps here. Until one is resumed, nothing of it moves forward.';

CREATE OR REPLACE FUNCTION menagerie_migrations.lock_pair(target text, from_id text, to_id text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', 'menagerie.take_back', target, from_id, to_id), 0))
$$;
REVOKE EXECUTE ON FUNCTION menagerie_migrations.lock_pair(text, text, text) FROM PUBLIC;

-- MG021 is what src/adapters/postgres/zoo/migration/journal.ts makes a sentence of.
CREATE OR REPLACE FUNCTION menagerie_migrations.refuse_taken_back() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  why text;
BEGIN
  IF NEW.direction <> 'forward' OR NEW.state <> 'open' OR NEW.paused_at IS NOT NULL THEN
    RETURN NEW;
  END IF;
  -- Keeps it apart from a take-back that is being written: one of the two sees the other.
  PERFORM menagerie_migrations.lock_pair(NEW.target, NEW.from_id, NEW.to_id);
  SELECT t.state INTO why FROM menagerie_migrations.take_back t
    WHERE t.target = NEW.target AND t.from_id = NEW.from_id AND t.to_id = NEW.to_id AND t.resumed_at IS NULL;
  IF FOUND THEN
    RAISE EXCEPTION '%', why USING ERRCODE = 'MG021';
  END IF;
  RETURN NEW;
END $$;
REVOKE EXECUTE ON FUNCTION menagerie_migrations.refuse_taken_back() FROM PUBLIC;
CREATE OR REPLACE TRIGGER taken_back BEFORE INSERT OR UPDATE ON menagerie_migrations.zoo_migration
  FOR EACH ROW EXECUTE FUNCTION menagerie_migrations.refuse_taken_back();

-- `batch` 0 writes the take-back down and holds what goes forward. Null only looks: `picked` rows are left after `after`, of which
-- `last` is the first.
CREATE OR REPLACE FUNCTION menagerie_migrations.revert_taken_back(
  take_back bigint, why text, target text, old text, new text, batch integer, after text, waits boolean
) RETURNS TABLE (migration bigint, live boolean, goal boolean, picked integer, moved text[], last text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  place menagerie_migrations.guarded_table;
  written menagerie_migrations.take_back;
  journal record;
  due text[];
  held text[];
  others text[];
BEGIN
  IF batch NOT BETWEEN 0 AND 5000 OR take_back IS NULL OR why IS NULL OR waits IS NULL THEN
    RAISE EXCEPTION 'a batch has 0 to 5000 rows' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT g.* INTO place FROM menagerie_migrations.guarded_table g WHERE g.target = revert_taken_back.target;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no guard is declared for table %', target USING ERRCODE = 'MG024';
  END IF;
  EXECUTE format('SELECT $1::%1$s::text, $2::%1$s::text', place.id_type) INTO old, new USING old, new;
  PERFORM menagerie_migrations.lock_pair(place.target, old, new);
  INSERT INTO menagerie_migrations.take_back AS t (id, target, from_id, to_id, state)
    VALUES (take_back, place.target, old, new, why) ON CONFLICT ON CONSTRAINT take_back_pkey DO NOTHING;
  SELECT t.* INTO written FROM menagerie_migrations.take_back t WHERE t.id = revert_taken_back.take_back FOR SHARE;
  IF (written.target, written.from_id, written.to_id) IS DISTINCT FROM (place.target, old, new) OR written.resumed_at IS NOT NULL THEN
    RAISE EXCEPTION 'take-back % is not open', take_back USING ERRCODE = 'MG024';
  END IF;
  picked := 0;
  moved := '{}';
  IF batch = 0 THEN
    UPDATE menagerie_migrations.zoo_migration m SET paused_at = written.opened_at, changed_at = now()
     WHERE m.target = place.target AND m.from_id = old AND m.to_id = new AND m.direction = 'forward' AND m.paused_at IS NULL
    RETURNING m.id INTO migration;
    live := false;
    goal := false;
    RETURN NEXT;
    RETURN;
  END IF;
  -- The hold was to stop what went forward; from here on, one that somebody sets stops the way back.
  IF batch IS NOT NULL THEN
    UPDATE menagerie_migrations.zoo_migration m
       SET direction = 'reverted', revert = 'journaled', state = 'open', paused_at = NULL, changed_at = now()
     WHERE m.target = place.target AND m.from_id = old AND m.to_id = new
       AND (m.direction = 'forward' OR m.paused_at <= written.opened_at);
  END IF;
  SELECT m.id, m.paused_at INTO journal FROM menagerie_migrations.zoo_migration m
    WHERE m.target = place.target AND m.from_id = old AND m.to_id = new FOR SHARE;
  migration := journal.id;
  live := migration IS NULL OR journal.paused_at IS NULL;
  IF batch IS NULL THEN
    SELECT count(*), min(e.row_id) INTO picked, last FROM menagerie_migrations.zoo_migration_row e
     WHERE e.migration_id = migration AND e.state = 'forward' AND e.row_id > coalesce(after, '');
    RETURN NEXT;
    RETURN;
  END IF;
  EXECUTE format('SELECT count(*) > 0 FROM (SELECT FROM %s g WHERE g.%I = $1::%s FOR KEY SHARE) there', place.target, place.id_column, place.id_type)
    INTO goal USING old;
  IF migration IS NULL OR NOT live OR NOT goal THEN
    RETURN NEXT;
    RETURN;
  END IF;
  SELECT array_agg(j.row_id), count(*), max(j.row_id) INTO due, picked, last
    FROM (SELECT e.row_id FROM menagerie_migrations.zoo_migration_row e
           WHERE e.migration_id = migration AND e.state = 'forward' AND e.row_id > coalesce(after, '')
           ORDER BY e.row_id LIMIT batch) j;
  IF picked = 0 THEN
    UPDATE menagerie_migrations.zoo_migration m SET state = 'done', changed_at = now()
     WHERE m.id = migration AND m.state = 'open'
       AND NOT EXISTS (SELECT FROM menagerie_migrations.zoo_migration_row e WHERE e.migration_id = m.id AND e.state = 'forward');
    RETURN NEXT;
    RETURN;
  END IF;
  -- What is read of a row that was locked is what it holds by then.
  EXECUTE format(
    'SELECT array_agg(l.id) FILTER (WHERE l.holds), array_agg(l.id) FILTER (WHERE l.holds IS NOT TRUE)
       FROM (SELECT v.%1$I::text AS id, v.%2$I = $2::%3$s AS holds FROM %4$s v
              WHERE v.%1$I = ANY ($1::%5$s[]) ORDER BY v.%1$I FOR NO KEY UPDATE %6$s) l',
    place.id_column, place.proxy_column, place.proxy_type, place.target, place.id_type, CASE WHEN waits THEN '' ELSE 'SKIP LOCKED' END
  ) INTO held, others USING due, new;
  EXECUTE format('UPDATE %s v SET %I = $1::%s WHERE v.%I = ANY ($2::%s[])',
    place.target, place.proxy_column, place.proxy_type, place.id_column, place.id_type) USING old, held;
  -- What triggers made of it counts. Those that fire at the end of a transaction fire now.
  SET CONSTRAINTS ALL IMMEDIATE;
  EXECUTE format('SELECT coalesce(array_agg(v.%1$I::text), ''{}'') FROM %2$s v WHERE v.%1$I = ANY ($1::%3$s[]) AND v.%4$I = $2::%5$s',
    place.id_column, place.target, place.id_type, place.proxy_column, place.proxy_type) INTO moved USING held, old;
  UPDATE menagerie_migrations.zoo_migration_row e SET reverted_at = now(),
         state = CASE WHEN e.row_id = ANY (moved) THEN 'reverted' WHEN e.row_id = ANY (others) THEN 'changed' ELSE 'deleted' END
   WHERE e.migration_id = migration AND e.state = 'forward'
     AND (e.row_id = ANY (moved) OR e.row_id = ANY (others)
          -- A row that is not found may be locked, unless it was waited for.
          OR waits AND e.row_id = ANY (due) AND e.row_id <> ALL (coalesce(held, '{}') || coalesce(others, '{}')));
  RETURN NEXT;
END $$;
COMMENT ON FUNCTION menagerie_migrations.revert_taken_back(bigint, text, text, text, text, integer, text, boolean) IS
  'Moves up to `batch` rows back that the migration between two versions moved forward, from the row after `after` on, past rows that others have locked unless it waits. Writes the take-back down first.';
REVOKE EXECUTE ON FUNCTION menagerie_migrations.revert_taken_back(bigint, text, text, text, text, integer, text, boolean) FROM PUBLIC;
