-- Up Migration

-- A gateway asks with each request which model a name in Kubernetes stands for.
CREATE INDEX model_kubernetes_name ON menagerie.model (organization_id, replace(name, '_', '-'));

-- Down Migration

DROP INDEX menagerie.model_kubernetes_name;
