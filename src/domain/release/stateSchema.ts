import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { nameBounds } from "../generatedNames.ts";
import type { Clause } from "../refusals/clause.ts";
import { refuse } from "./refusals.ts";

/** How a table of a new release begins: with the rows of the one before, as a view of them, or without any. */
export const seedRules = ["copy", "view", "empty"] as const;
export type SeedRule = (typeof seedRules)[number];

/** One table of a release's state. */
export interface StateTable {
  readonly name: string;
  readonly seed: SeedRule;
  /** Schema of the table that it is seeded from; null where there is none yet, or nothing is taken over. */
  readonly from: string | null;
  /**
   * SQL expressions over a row of the table that is copied, by the column that they fill: for columns that are new, of another
   * type, or NOT NULL from now on.
   * @default none
   */
  readonly columns?: Readonly<Record<string, string>> | undefined;
}

/** A table that is there by itself, not a view of another release's. */
export function isOwnTable({ seed, from }: StateTable): boolean {
  return seed !== "view" || from === null;
}

/** One SQL file that declares state tables. */
export interface StateFile {
  readonly name: string;
  readonly sql: string;
}

/** The longest of the prefixes below is part of a role's name. */
const longestSchema = nameBounds.identifier.longest - "pipeline_".length;
const tagPattern = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/;
const reserved = /^(public|menagerie|source|information_schema|pg_.*)$/i;

/** What is wrong with a tag as the name of a state, as the rest of a sentence about it; undefined when nothing is. */
export function tagIssue(tag: string): Clause | undefined {
  if (!tagPattern.test(tag)) {
    return {
      problem: "is not a tag",
      fix: "use up to 200 letters, digits and . _ + -, starting with a letter or digit, such as v1.2.3",
    };
  }
  return reserved.test(tag)
    ? { problem: "is the name of a schema that is there for something else", fix: "use a version, such as v1.2.3" }
    : undefined;
}

/**
 * Name of the schema that holds the state of the release `tag`: the tag itself, or where it is too long for PostgreSQL its
 * beginning and 12 digits of its hash.
 */
export function stateSchemaName(tag: string): string {
  const issue = tagIssue(tag);
  if (issue) throw refuse("release.tag-not-usable", { tag: JSON.stringify(tag), ...issue });
  if (tag.length <= longestSchema) return tag;
  const hash = bytesToHex(sha256(utf8ToBytes(tag))).slice(0, 12);
  return `${tag.slice(0, longestSchema - 13)}-${hash}`;
}

/** Roles of one release. They log in, and see nothing of any other release. */
export function releaseRoles(schema: string): { readonly service: string; readonly pipeline: string } {
  return { service: `service_${schema}`, pipeline: `pipeline_${schema}` };
}

/** Hash of the SQL files, whatever order they were read in. */
export function declaredHash(files: readonly StateFile[]): string {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, sql }) => [name, sql]);
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(sorted))));
}
