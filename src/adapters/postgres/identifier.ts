import * as z from "zod";
import { badInput } from "../../domain/errors.ts";

/** PostgreSQL cuts longer names off silently, so that two of them may become one (NAMEDATALEN - 1). */
const longestIdentifier = 63;

/** A name of a database, schema, role or table: any text of 1 to 63 bytes without NUL. Quoting makes the rest safe. */
export const identifier = z
  .string()
  .min(1, "is empty; give a name")
  .refine((name) => !name.includes("\0"), "holds a NUL character; remove it")
  .refine((name) => name.isWellFormed(), "is not valid Unicode; write it in plain letters")
  .refine(
    (name) => Buffer.byteLength(name) <= longestIdentifier,
    `is longer than ${longestIdentifier} bytes; PostgreSQL would cut it off, choose a shorter name`,
  );

/** What is wrong with a name, as the rest of a sentence about it; undefined when nothing is. */
export function identifierMistake(name: unknown): string | undefined {
  const result = identifier.safeParse(name);
  return result.success ? undefined : (result.error.issues[0]?.message ?? "is no name");
}

/** The name as it stands in SQL: in double quotes, with those inside it doubled. Throws a `badInput` for what is no name. */
export function quoteIdentifier(name: string): string {
  const mistake = identifierMistake(name);
  if (mistake) throw badInput(`PostgreSQL name ${JSON.stringify(name)}: ${mistake}`);
  return `"${name.replaceAll('"', '""')}"`;
}
