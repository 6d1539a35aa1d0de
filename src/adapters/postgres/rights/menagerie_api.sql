-- The API service: follows pointers, checks keys, keeps the patches of development versions.
GRANT CONNECT ON DATABASE menagerie TO menagerie_api;
GRANT USAGE ON SCHEMA menagerie TO menagerie_api;
GRANT SELECT ON menagerie.organization, menagerie.model, menagerie.model_version, menagerie.api_key TO menagerie_api;

-- What clients push: their models, and one development version of each. Pointers are not among it.
GRANT INSERT (name, organization_id) ON menagerie.model TO menagerie_api;
GRANT INSERT (model_id, number, truss_hash, is_development), UPDATE (truss_hash, image_digest, status)
  ON menagerie.model_version TO menagerie_api;

-- Chains are never changed; what is known of containers and heads is. A trigger allows one change of a patch: one that an
-- earlier Menagerie stored is sealed, once.
GRANT INSERT, SELECT ON menagerie.truss_generation, menagerie.truss_patch TO menagerie_api;
GRANT UPDATE (ops, requirements, is_sealed) ON menagerie.truss_patch TO menagerie_api;
-- How long patches took; by their keys the first note is known.
GRANT INSERT, SELECT ON menagerie.truss_reload TO menagerie_api;
GRANT INSERT, SELECT, UPDATE
  ON menagerie.truss_sync, menagerie.truss_head, menagerie.development_deployment
  TO menagerie_api;
-- Nothing here uses it since sleep_state tells when a version was used. Pods of an earlier API service do, which run until an `up` has
-- replaced them: the table and this line go with a later version.
GRANT INSERT, SELECT, UPDATE ON menagerie.development_activity TO menagerie_api;

-- A row is a deletion of what a client pushed, and of nothing else: a trigger carries it out.
GRANT INSERT, SELECT ON menagerie.development_deletion TO menagerie_api;

-- What is deployed, and how deployments end.
GRANT SELECT ON menagerie.rollout, menagerie.release, menagerie.deployment TO menagerie_api;
GRANT INSERT, SELECT ON menagerie.deployment_outcome TO menagerie_api;

-- Limits and usage: every pod takes its parts and adds its counts, by these functions, and deletes what is over.
GRANT EXECUTE ON FUNCTION menagerie.take_of_limits(jsonb), menagerie.store_usage(uuid, bigint, jsonb) TO menagerie_api;
GRANT DELETE, INSERT, SELECT, UPDATE (taken) ON menagerie.limit_window TO menagerie_api;
GRANT INSERT, SELECT, UPDATE (requests, tokens_in, tokens_out) ON menagerie.usage TO menagerie_api;
GRANT DELETE, INSERT, SELECT, UPDATE (stored, at) ON menagerie.usage_source TO menagerie_api;
GRANT DELETE, INSERT, SELECT ON menagerie.settled_claim TO menagerie_api;

-- Counts of requests: every pod adds its own, and the one that leads those of the gateway; old seconds become minutes, and those hours.
GRANT DELETE, INSERT, SELECT, UPDATE (count, latency) ON menagerie.traffic_count TO menagerie_api;
GRANT DELETE, INSERT, SELECT, UPDATE (until) ON menagerie.traffic_observed TO menagerie_api;
GRANT DELETE, INSERT, SELECT, UPDATE (ended_at) ON menagerie.traffic_source TO menagerie_api;

-- Models and development versions that sleep: what is under way in each process, and what the cluster is told.
GRANT DELETE, INSERT, SELECT, UPDATE ON menagerie.sleep_lease, menagerie.sleep_state TO menagerie_api;

-- Which side of a rollout answers.
GRANT SELECT ON menagerie.rollout_traffic TO menagerie_api;
