-- Up Migration

-- Everything is made by the role menagerie_owner, which nothing uses at run time; run-time roles get their privileges
-- from the stack's grants, table by table.

CREATE TABLE menagerie.organization (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (name <> '' AND octet_length(name) <= 255),
  is_admin boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE menagerie.organization IS 'Who owns models. Zoo models belong to the one admin organization.';
CREATE UNIQUE INDEX organization_one_admin ON menagerie.organization (is_admin) WHERE is_admin;
INSERT INTO menagerie.organization (name, is_admin) VALUES ('admin', true);

CREATE TABLE menagerie.app_user (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL CHECK (email <> '' AND octet_length(email) <= 320),
  organization_id bigint NOT NULL REFERENCES menagerie.organization (id)
);
CREATE UNIQUE INDEX app_user_email ON menagerie.app_user (lower(email));
CREATE INDEX app_user_organization ON menagerie.app_user (organization_id);

CREATE TABLE menagerie.model (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL CHECK (name <> '' AND octet_length(name) <= 255),
  organization_id bigint NOT NULL REFERENCES menagerie.organization (id),
  owner_id bigint REFERENCES menagerie.app_user (id),
  UNIQUE (organization_id, name)
);
COMMENT ON TABLE menagerie.model IS 'Zoo models, and apps: a user''s model whose version points at a zoo version.';
CREATE INDEX model_owner ON menagerie.model (owner_id);

CREATE TABLE menagerie.model_version (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_id bigint NOT NULL REFERENCES menagerie.model (id),
  number integer NOT NULL CHECK (number BETWEEN 1 AND 99999),
  truss_hash text,
  truss_signature jsonb,
  image_digest text CHECK (image_digest ~ '^sha256:[0-9a-f]{64}$'),
  is_current boolean NOT NULL DEFAULT false,
  is_development boolean NOT NULL DEFAULT false,
  proxy_model_version_id bigint REFERENCES menagerie.model_version (id),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('deploying', 'active', 'inactive', 'failed')),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (model_id, number),
  CONSTRAINT model_version_has_content CHECK (proxy_model_version_id IS NOT NULL OR truss_hash IS NOT NULL),
  CONSTRAINT model_version_not_its_own_proxy CHECK (proxy_model_version_id <> id)
);
COMMENT ON COLUMN menagerie.model_version.proxy_model_version_id IS 'The version that answers predictions in place of this one.';
CREATE UNIQUE INDEX model_version_one_current ON menagerie.model_version (model_id) WHERE is_current;
-- One number for one content, whatever stack runs registered it; development versions change theirs.
CREATE UNIQUE INDEX model_version_one_number_per_hash ON menagerie.model_version (model_id, truss_hash)
  WHERE proxy_model_version_id IS NULL AND NOT is_development;
-- Migrations walk the apps of one version in batches by id.
CREATE INDEX model_version_proxy ON menagerie.model_version (proxy_model_version_id, id);

-- Down Migration

DROP TABLE menagerie.model_version, menagerie.model, menagerie.app_user, menagerie.organization;
