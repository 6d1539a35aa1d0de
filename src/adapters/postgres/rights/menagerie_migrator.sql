-- Moves apps from one zoo version to another, and keeps the journal of it.
GRANT CONNECT ON DATABASE menagerie TO menagerie_migrator;
GRANT USAGE ON SCHEMA menagerie TO menagerie_migrator;
GRANT SELECT ON menagerie.model TO menagerie_migrator;
GRANT SELECT (id, model_id, number, is_development, proxy_model_version_id, status), UPDATE (proxy_model_version_id)
  ON menagerie.model_version TO menagerie_migrator;
GRANT INSERT, SELECT, UPDATE ON menagerie.zoo_migration, menagerie.zoo_migration_row TO menagerie_migrator;
GRANT EXECUTE ON FUNCTION menagerie.expect_traffic(text, bigint) TO menagerie_migrator;
