import { createHash } from "node:crypto";

/** An index row of PostgreSQL takes some 2,700 bytes; any id that is meant as one is far shorter. */
const longest = 256;

/** The id as it is stored: as it came, or where it is very long its SHA-256, which is the same on every side. */
export function recordedId(given: string): string {
  return given.length <= longest ? given : `sha256:${createHash("sha256").update(given).digest("hex")}`;
}
