-- Logins of a release whose files make sequences: they take numbers, and set none.
GRANT SELECT, USAGE ON ALL SEQUENCES IN SCHEMA :"schema" TO :"role";
