-- Everybody else has no right. By default PUBLIC may connect and make temporary tables.
REVOKE ALL ON DATABASE menagerie FROM PUBLIC;
