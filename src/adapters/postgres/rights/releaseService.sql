-- Services of one release. :"written" are the tables of its own, :"read" those that are views of the release before, and its views.
GRANT CONNECT ON DATABASE menagerie TO :"role";
GRANT USAGE ON SCHEMA :"schema" TO :"role";
GRANT DELETE, INSERT, SELECT, UPDATE ON :"schema".:"written" TO :"role";
GRANT SELECT ON :"schema".:"read" TO :"role";
