-- Up Migration

ALTER TABLE menagerie.rollout ADD COLUMN kept_pods integer CHECK (kept_pods > 0);
COMMENT ON COLUMN menagerie.rollout.kept_pods IS
  'Pods that the version it leaves had while it answered every request, where these are more than its least: it keeps them until the rollout is done, so that everybody can go back to it. Null in other phases, and where nobody counted.';

-- Down Migration

ALTER TABLE menagerie.rollout DROP COLUMN kept_pods;
