-- Up Migration

-- The grants of what an earlier migration made were the engine's to declare: `PlatformPlan.mayHoldGrants` tells a database of that time by
-- this migration, which it has not run.
COMMENT ON SCHEMA menagerie IS
  'The platform''s tables. What each role may do here is one SQL file of Menagerie (src/adapters/postgres/rights); `up` takes back what is granted or revoked by hand.';
