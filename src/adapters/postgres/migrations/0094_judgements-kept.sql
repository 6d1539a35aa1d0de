-- Up Migration

-- What is in a judgement's state is in no row that it reads again: rows are kept for people, as long as minutes of counts are. A guard may delete
-- neither rows that are not in the state, nor a verdict that something else names.
CREATE FUNCTION menagerie.prune_judgements() RETURNS bigint
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
REVOKE EXECUTE ON FUNCTION menagerie.prune_judgements() FROM PUBLIC;
COMMENT ON TABLE menagerie.judgement_row IS
  'What a judgement is a fold over, in order of seq: src/domain/judgement/storedRows.ts. A verdict follows from these rows alone; those in the state are deleted after 14 days.';

-- Down Migration

DROP FUNCTION menagerie.prune_judgements();
COMMENT ON TABLE menagerie.judgement_row IS
  'What a judgement is a fold over, in order of seq: src/domain/judgement/storedRows.ts. Insert-only; a verdict follows from these rows alone.';
