-- Up Migration

ALTER TABLE menagerie.release_table ADD COLUMN columns jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN menagerie.release_table.columns IS 'Expressions over a row of the release before, by the column that they fill.';

-- Down Migration

ALTER TABLE menagerie.release_table DROP COLUMN columns;
