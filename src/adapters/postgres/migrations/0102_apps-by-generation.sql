-- Up Migration

-- Apps go forward by check-and-set too. Runs of `up` exclude each other by the engine's lock and the deployment's, and an `up` sets its weight before
-- it moves apps: so what it names is the generation that it planned from, and what counts is whether a guard has changed the weight since. Without
-- this an `up` that began before a take-back could move apps after somebody called that a false alarm, though the new version has no weight.
CREATE FUNCTION menagerie.expect_traffic(new_version text, expected bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  model bigint;
  since menagerie.rollout_traffic_step;
BEGIN
  SELECT v.model_id INTO model FROM menagerie.model_version v WHERE v.id = new_version::bigint;
  -- Whoever changes the weight locks this row for it: one of the two sees the other.
  PERFORM FROM menagerie.rollout r WHERE r.model_id = model FOR SHARE;
  SELECT s.* INTO since FROM menagerie.rollout_traffic_step s
   WHERE s.model_id = model AND s.generation > expected AND s.changed_by <> 'up' ORDER BY s.generation DESC LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the % set it to % %%', since.changed_by, since.weight USING ERRCODE = 'MG022';
  END IF;
END $$;
COMMENT ON FUNCTION menagerie.expect_traffic(text, bigint) IS
  'Fails with MG022 where somebody else than an `up` changed the traffic of a version''s model since that generation, and keeps it from changing until the transaction ends.';
REVOKE EXECUTE ON FUNCTION menagerie.expect_traffic(text, bigint) FROM PUBLIC;

-- Down Migration

DROP FUNCTION menagerie.expect_traffic(text, bigint);
