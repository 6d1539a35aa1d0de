-- Up Migration

CREATE TABLE menagerie.release (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  environment text NOT NULL CHECK (environment <> ''),
  tag text NOT NULL CHECK (tag <> ''),
  -- The tag without its candidate's number.
  base text NOT NULL CHECK (base <> ''),
  scheme text NOT NULL,
  number integer CHECK (number >= 1),
  candidate integer CHECK (candidate >= 1),
  code_version text NOT NULL CHECK (code_version <> ''),
  models jsonb NOT NULL CHECK (jsonb_typeof(models) = 'array'),
  combination_digest text NOT NULL CHECK (combination_digest ~ '^[0-9a-f]{64}$'),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (environment, tag),
  UNIQUE (id, environment)
);
COMMENT ON TABLE menagerie.release IS 'One combination of code and model versions. A tag stands for one content, for ever.';
CREATE INDEX release_combination ON menagerie.release (environment, combination_digest);
CREATE INDEX release_base ON menagerie.release (environment, base);
CREATE INDEX release_number ON menagerie.release (environment, number DESC) WHERE number IS NOT NULL;

-- An intent, written before anything changes. It may only follow one that is closed, and only one may follow it: so the
-- intents of an environment are a chain, and at most its last one is open. Order is that of the chain, never of a clock.
CREATE TABLE menagerie.deployment (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  environment text NOT NULL,
  release_id bigint NOT NULL,
  follows bigint CHECK (follows < id),
  -- What is to be served: [{name, version, hash, digest, source, service}]
  models jsonb NOT NULL CHECK (jsonb_typeof(models) = 'array'),
  state_schema text,
  -- The stack's config without its secrets.
  config jsonb NOT NULL,
  config_digest text NOT NULL CHECK (config_digest ~ '^[0-9a-f]{64}$'),
  code_commit text,
  promoted_from text,
  requested_by text NOT NULL,
  run text NOT NULL,
  began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (id, environment),
  FOREIGN KEY (release_id, environment) REFERENCES menagerie.release (id, environment)
);
CREATE UNIQUE INDEX deployment_one_open ON menagerie.deployment (environment, follows) NULLS NOT DISTINCT;
CREATE INDEX deployment_latest ON menagerie.deployment (environment, id DESC);
CREATE INDEX deployment_release ON menagerie.deployment (release_id, id DESC);

-- How an intent ended. What changed the environment replaces what was there before, which only one can do: so exactly one is
-- current. `at` never goes back, even where the clock does.
CREATE TABLE menagerie.deployment_outcome (
  deployment_id bigint PRIMARY KEY,
  environment text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('deployed', 'mixed', 'unchanged')),
  replaces bigint REFERENCES menagerie.deployment_outcome (deployment_id) CHECK (replaces < deployment_id),
  -- What was served when it was closed, as observed: [{name, version, hash, digest, source, service}]
  models jsonb NOT NULL CHECK (jsonb_typeof(models) = 'array'),
  settled_by text NOT NULL CHECK (settled_by IN ('up', 'next up', 'api')),
  reason text,
  at timestamptz NOT NULL,
  clock_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (deployment_id, environment),
  FOREIGN KEY (deployment_id, environment) REFERENCES menagerie.deployment (id, environment),
  CONSTRAINT deployment_unchanged_replaces_nothing CHECK (outcome <> 'unchanged' OR replaces IS NULL)
);
CREATE UNIQUE INDEX deployment_one_current ON menagerie.deployment_outcome (environment, replaces) NULLS NOT DISTINCT
  WHERE outcome <> 'unchanged';
CREATE INDEX deployment_as_of ON menagerie.deployment_outcome (environment, at DESC, deployment_id DESC)
  WHERE outcome <> 'unchanged';
CREATE INDEX deployment_replaces ON menagerie.deployment_outcome (replaces);
ALTER TABLE menagerie.deployment
  ADD FOREIGN KEY (follows, environment) REFERENCES menagerie.deployment_outcome (deployment_id, environment);

CREATE FUNCTION menagerie.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'menagerie.% is insert-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON menagerie.release
  FOR EACH STATEMENT EXECUTE FUNCTION menagerie.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON menagerie.deployment
  FOR EACH STATEMENT EXECUTE FUNCTION menagerie.refuse_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON menagerie.deployment_outcome
  FOR EACH STATEMENT EXECUTE FUNCTION menagerie.refuse_change();

CREATE VIEW menagerie.deployment_range AS
  SELECT d.id, d.environment, r.tag, r.scheme, r.code_version, o.outcome, o.models, o.at AS since, n.at AS until,
         d.state_schema, d.config, d.config_digest, d.code_commit, d.promoted_from, d.requested_by, d.run, d.began_at,
         o.settled_by, o.reason
    FROM menagerie.deployment_outcome o
    JOIN menagerie.deployment d ON d.id = o.deployment_id
    JOIN menagerie.release r ON r.id = d.release_id
    LEFT JOIN menagerie.deployment_outcome n ON n.replaces = o.deployment_id
   WHERE o.outcome <> 'unchanged';
COMMENT ON VIEW menagerie.deployment_range IS 'From when to when each deployment was current; until is null for the one that is.';

-- Down Migration

DROP VIEW menagerie.deployment_range;
ALTER TABLE menagerie.deployment DROP CONSTRAINT deployment_follows_environment_fkey;
DROP TABLE menagerie.deployment_outcome, menagerie.deployment, menagerie.release;
DROP FUNCTION menagerie.refuse_change();
