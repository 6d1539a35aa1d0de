import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

/** Cohorts are ranges of a 32-bit hash. */
const buckets = 2 ** 32;

/**
 * The place of an organization in a rollout, from 0 to 2³² − 1: the first four bytes of SHA-256 over the rollout's name, a
 * colon and the organization's id. The name is part of it, so that not always the same organizations come first. Databases
 * compute the same (adapters/postgres/zoo/migration/statements.ts). Rows without an organization come last.
 */
export function cohortBucket(rollout: string, organization: string | null): number {
  if (organization === null) return buckets - 1;
  return new DataView(sha256(utf8ToBytes(`${rollout}:${organization}`)).buffer).getUint32(0);
}

/** Organizations below this bucket are in the share; `share` in percent. */
export function cohortLimit(share: number): number {
  return share >= 100 ? buckets : Math.floor((share / 100) * (buckets - 1));
}

/** Whether an organization's apps are moved at this share, in percent. */
export function inCohort(rollout: string, organization: string | null, share: number): boolean {
  return cohortBucket(rollout, organization) < cohortLimit(share);
}
