import type { Pool } from "pg";
import { findKey } from "../../adapters/postgres/apiKeys.ts";
import { findDevelopmentVersion } from "../../adapters/postgres/developmentVersions.ts";
import { readPlatformModel, readPointer, readRolloutSides } from "../../adapters/postgres/models.ts";
import { isDatabaseDown } from "../../adapters/postgres/server.ts";
import { freshCache } from "./freshCache.ts";

/** What was read of keys and models stands for so long while the database is away; in milliseconds. */
const knownForMs = 30 * 60_000;

/**
 * What the way of a request asks the database, at most twice a second for each key or model. While the database is away, whoever was let in
 * before is let in to what was there before: models do not need it to answer.
 */
export function lookups(pool: Pool) {
  const options = { otherwise: { isAway: isDatabaseDown, staleFor: knownForMs } };
  const checked = freshCache(async () => {
    await pool.query("SELECT 1");
  }, options);
  return {
    find: freshCache((prefix) => findKey(pool, prefix), options),
    pointer: freshCache((id) => readPointer(pool, id), options),
    sides: freshCache((id) => readRolloutSides(pool, id), options),
    version: freshCache((id) => findDevelopmentVersion(pool, id), options),
    served: freshCache((name) => readPlatformModel(pool, name), options),
    /** Throws once the database has been away for longer than what was read before stands. */
    checkDatabase: () => checked(""),
  };
}
