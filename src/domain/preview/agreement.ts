import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Removal } from "./removals.ts";

/** Hex digits that stand for one removal: enough to tell a stack's resources apart. */
const digits = 8;

/**
 * What a person agrees to, for `--agreed`: what they are asked about, in whatever order. A run of {@link digits} hex digits for each
 * removal, joined by dashes, so that less than what was agreed to is still agreed to.
 */
export function agreementTo(list: readonly Removal[]): string {
  return [...new Set(list.filter(({ asked }) => asked).map(digestOf))].sort().join("-");
}

/** Whether a removal is among what an agreement holds. */
export function isAgreedTo(removal: Removal, agreement: string): boolean {
  return agreement.split("-").includes(digestOf(removal));
}

/** The change, its reason, and the URN, which has the kind. Effects hold times and counts, which a later preview may know better. */
function digestOf({ urn, op, replacedBy }: Removal): string {
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify([op, [...replacedBy].sort(), urn])))).slice(0, digits);
}
