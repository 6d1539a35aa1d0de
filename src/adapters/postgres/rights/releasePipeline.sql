-- Pipelines that build the state of one release. What they read of the source data is granted to menagerie_pipeline.
GRANT CONNECT ON DATABASE menagerie TO :"role";
GRANT USAGE ON SCHEMA :"schema" TO :"role";
GRANT DELETE, INSERT, SELECT, TRUNCATE, UPDATE ON :"schema".:"written" TO :"role";
GRANT SELECT ON :"schema".:"read" TO :"role";
