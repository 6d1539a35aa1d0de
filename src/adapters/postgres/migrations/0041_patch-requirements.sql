-- Up Migration

ALTER TABLE menagerie.truss_patch ADD COLUMN requirements json;
COMMENT ON COLUMN menagerie.truss_patch.requirements IS
  'Python requirements of the truss behind the patch; null in patches from before this was kept.';

-- Down Migration

ALTER TABLE menagerie.truss_patch DROP COLUMN requirements;
