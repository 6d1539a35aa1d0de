-- Owns the states of releases, and keeps the journal of their seeding. Nobody logs in as it, so it does not connect.
REVOKE ALL ON DATABASE menagerie FROM menagerie_state;
GRANT USAGE ON SCHEMA menagerie TO menagerie_state;
GRANT DELETE, INSERT, SELECT, UPDATE
  ON menagerie.release_chunk, menagerie.release_schema, menagerie.release_table TO menagerie_state;
GRANT INSERT, SELECT, UPDATE ON menagerie.release_pipeline TO menagerie_state;
