import * as z from "zod";
import { identifierMistake } from "../../domain/generatedNames.ts";
import { halvesOf } from "../../domain/refusals/refusal.ts";
import { refuse } from "./refusals.ts";

/** A name of a database, schema, role or table: any text of 1 to 63 bytes without NUL. Quoting makes the rest safe. */
export const identifier = z.string().superRefine((name, context) => {
  const mistake = identifierMistake(name);
  if (mistake) context.addIssue({ code: "custom", message: mistake });
});

/** The name as it stands in SQL: in double quotes, with those inside it doubled. Throws an `OperatorError` for what is no name. */
export function quoteIdentifier(name: string): string {
  const mistake = identifierMistake(name);
  if (mistake) throw refuse("identifier.wrong", { name: JSON.stringify(name), ...halvesOf(mistake) });
  return `"${name.replaceAll('"', '""')}"`;
}
