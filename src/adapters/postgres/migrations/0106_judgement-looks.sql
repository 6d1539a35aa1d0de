-- Up Migration

CREATE TABLE menagerie.judgement_look (
  judgement_id bigint NOT NULL REFERENCES menagerie.judgement (id),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  metrics jsonb NOT NULL,
  PRIMARY KEY (judgement_id, at)
);
COMMENT ON TABLE menagerie.judgement_look IS
  'How much of the evidence was there at a time, for pictures: src/domain/judgement/evidenceShares.ts. The longer a judgement lasts, the further apart its looks are.';

CREATE FUNCTION menagerie.prune_judgement_looks() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  WITH looks AS (
    DELETE FROM menagerie.judgement_look l
     USING (SELECT o.judgement_id, o.at FROM menagerie.judgement_look o WHERE o.at < now() - interval '14 days' LIMIT 10000) old
     WHERE (l.judgement_id, l.at) = (old.judgement_id, old.at)
    RETURNING 1
  )
  SELECT count(*) FROM looks;
$$;
COMMENT ON FUNCTION menagerie.prune_judgement_looks() IS 'Deletes looks of judgements after 14 days. Says how many.';
REVOKE EXECUTE ON FUNCTION menagerie.prune_judgement_looks() FROM PUBLIC;

-- Down Migration

DROP FUNCTION menagerie.prune_judgement_looks();
DROP TABLE menagerie.judgement_look;
