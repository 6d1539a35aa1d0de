-- Up Migration

-- A row that could not be changed is skipped where the operator says so. NOT VALID: the rows that are there hold the states of
-- before, and need not be read.
ALTER TABLE menagerie.zoo_migration_row DROP CONSTRAINT zoo_migration_row_state_check,
  ADD CONSTRAINT zoo_migration_row_state_check
    CHECK (state IN ('forward', 'reverted', 'swept', 'changed', 'deleted', 'skipped')) NOT VALID;

-- Down Migration

UPDATE menagerie.zoo_migration_row SET state = 'changed' WHERE state = 'skipped';
ALTER TABLE menagerie.zoo_migration_row DROP CONSTRAINT zoo_migration_row_state_check,
  ADD CONSTRAINT zoo_migration_row_state_check
    CHECK (state IN ('forward', 'reverted', 'swept', 'changed', 'deleted')) NOT VALID;
