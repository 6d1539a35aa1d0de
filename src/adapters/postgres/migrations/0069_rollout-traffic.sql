-- Up Migration

CREATE TABLE menagerie.rollout_traffic (
  model_id bigint PRIMARY KEY REFERENCES menagerie.model (id),
  generation bigint NOT NULL CHECK (generation > 0),
  from_version_id bigint NOT NULL REFERENCES menagerie.model_version (id),
  to_version_id bigint NOT NULL REFERENCES menagerie.model_version (id),
  truss_hash text NOT NULL,
  weight double precision NOT NULL CHECK (weight BETWEEN 0 AND 100),
  control double precision NOT NULL CHECK (control BETWEEN 0 AND 100),
  sticky text CHECK (sticky = 'cookie' OR sticky ~ '^header:[a-z0-9-]+$'),
  changed_at timestamptz NOT NULL
);
COMMENT ON TABLE menagerie.rollout_traffic IS
  'How much of a model''s own route the new version of its rollout answers: one row a model, written by menagerie.set_traffic alone and never deleted.';
COMMENT ON COLUMN menagerie.rollout_traffic.generation IS
  'Rises by one with each change, over all rollouts of the model. Whoever changes the row names the generation that the change is made from.';
COMMENT ON COLUMN menagerie.rollout_traffic.weight IS 'Percent of the requests that the new version answers.';
COMMENT ON COLUMN menagerie.rollout_traffic.control IS
  'Percent of the requests that are copied to the version that does not answer them; nobody gets its answers.';
COMMENT ON COLUMN menagerie.rollout_traffic.sticky IS
  'What keeps a user on one side: cookie, or header:<name>. Null where each request is drawn by itself.';

CREATE TABLE menagerie.rollout_traffic_step (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  generation bigint NOT NULL,
  from_version_id bigint NOT NULL,
  to_version_id bigint NOT NULL,
  truss_hash text NOT NULL,
  weight double precision NOT NULL,
  control double precision NOT NULL,
  sticky text,
  changed_by text NOT NULL CHECK (changed_by IN ('up', 'advance', 'guard', 'restore', 'resume')),
  verdict_id bigint,
  at timestamptz NOT NULL,
  applied_at timestamptz,
  UNIQUE (model_id, generation)
);
COMMENT ON TABLE menagerie.rollout_traffic_step IS
  'Every change of menagerie.rollout_traffic, written in its transaction. Nothing but applied_at is changed later, and that once.';
COMMENT ON COLUMN menagerie.rollout_traffic_step.applied_at IS
  'When the object that the gateway reads was first written for this generation; null before that.';

-- A role that may not change menagerie.rollout cannot lock its rows either.
CREATE FUNCTION menagerie.lock_rollout(model bigint) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT FROM menagerie.rollout r WHERE r.model_id = lock_rollout.model FOR UPDATE
$$;
COMMENT ON FUNCTION menagerie.lock_rollout(bigint) IS
  'Locks the rollout of a model until the end of the transaction. Whoever changes its phase, traffic or apps holds it.';
REVOKE EXECUTE ON FUNCTION menagerie.lock_rollout(bigint) FROM PUBLIC;

CREATE FUNCTION menagerie.set_traffic(
  model_name text, expected bigint, new_weight double precision, new_control double precision, new_sticky text,
  by_whom text, verdict bigint
) RETURNS TABLE (outcome text, generation bigint)
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  model bigint;
  rollout menagerie.rollout;
  held menagerie.rollout_traffic;
  target bigint;
BEGIN
  SELECT m.id INTO model FROM menagerie.model m
    JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin WHERE m.name = model_name;
  PERFORM menagerie.lock_rollout(model);
  SELECT * INTO rollout FROM menagerie.rollout r WHERE r.model_id = model;
  SELECT * INTO held FROM menagerie.rollout_traffic t WHERE t.model_id = model;
  generation := held.generation;
  IF rollout.from_version_id IS NULL OR rollout.phase NOT IN ('copy', 'version', 'forward', 'bake') THEN
    outcome := 'no rollout';
    RETURN NEXT;
    RETURN;
  END IF;
  SELECT v.id INTO target FROM menagerie.model_version v
    JOIN menagerie.model m ON m.id = v.model_id
    JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
   WHERE m.name = CASE WHEN rollout.phase = 'copy' THEN model_name || '_copy' ELSE model_name END
     AND v.truss_hash = rollout.truss_hash AND v.proxy_model_version_id IS NULL AND NOT v.is_development;
  IF target IS NULL THEN
    outcome := 'no rollout';
  ELSIF (held.from_version_id, held.to_version_id, held.truss_hash, held.weight, held.control, held.sticky)
    IS NOT DISTINCT FROM (rollout.from_version_id, target, rollout.truss_hash, new_weight, new_control, new_sticky) THEN
    outcome := 'same';
  ELSIF held.generation IS DISTINCT FROM expected THEN
    outcome := 'stale';
  ELSE
    outcome := 'set';
    generation := coalesce(held.generation, 0) + 1;
    INSERT INTO menagerie.rollout_traffic AS t VALUES (
      model, set_traffic.generation, rollout.from_version_id, target, rollout.truss_hash, new_weight, new_control,
      new_sticky, clock_timestamp()
    ) ON CONFLICT ON CONSTRAINT rollout_traffic_pkey DO UPDATE SET
      generation = excluded.generation, from_version_id = excluded.from_version_id,
      to_version_id = excluded.to_version_id, truss_hash = excluded.truss_hash, weight = excluded.weight,
      control = excluded.control, sticky = excluded.sticky, changed_at = excluded.changed_at;
    INSERT INTO menagerie.rollout_traffic_step (
      model_id, generation, from_version_id, to_version_id, truss_hash, weight, control, sticky, changed_by,
      verdict_id, at
    ) SELECT t.model_id, t.generation, t.from_version_id, t.to_version_id, t.truss_hash, t.weight, t.control, t.sticky,
             by_whom, verdict, t.changed_at
        FROM menagerie.rollout_traffic t WHERE t.model_id = model;
  END IF;
  RETURN NEXT;
END $$;
COMMENT ON FUNCTION menagerie.set_traffic(text, bigint, double precision, double precision, text, text, bigint) IS
  'Sets the traffic of the rollout that a zoo model is in, where its generation is the expected one (null: nothing was ever set). Answers set, same, stale or no rollout, and the generation by now.';
REVOKE EXECUTE ON FUNCTION
  menagerie.set_traffic(text, bigint, double precision, double precision, text, text, bigint) FROM PUBLIC;

CREATE FUNCTION menagerie.traffic_applied(model_name text, applied bigint) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  UPDATE menagerie.rollout_traffic_step s SET applied_at = clock_timestamp()
    FROM menagerie.model m JOIN menagerie.organization o ON o.id = m.organization_id AND o.is_admin
   WHERE m.name = model_name AND s.model_id = m.id AND s.generation = applied AND s.applied_at IS NULL
$$;
COMMENT ON FUNCTION menagerie.traffic_applied(text, bigint) IS
  'Notes that the gateway''s object was written for a generation; later calls change nothing.';
REVOKE EXECUTE ON FUNCTION menagerie.traffic_applied(text, bigint) FROM PUBLIC;

-- Down Migration

DROP FUNCTION menagerie.traffic_applied(text, bigint);
DROP FUNCTION menagerie.set_traffic(text, bigint, double precision, double precision, text, text, bigint);
DROP FUNCTION menagerie.lock_rollout(bigint);
DROP TABLE menagerie.rollout_traffic_step, menagerie.rollout_traffic;
