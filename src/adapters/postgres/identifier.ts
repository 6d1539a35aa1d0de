import * as z from "zod";
import { identifierIssue } from "../../domain/generatedNames.ts";
import { sentenceOf } from "../../domain/refusals/clause.ts";
import { refuse } from "./refusals.ts";

/** A name of a database, schema, role or table: any text of 1 to 63 bytes without NUL. Quoting makes the rest safe. */
export const identifier = z.string().superRefine((name, context) => {
  const issue = identifierIssue(name);
  if (issue) context.addIssue({ code: "custom", message: sentenceOf(issue) });
});

/** The name as it stands in SQL: in double quotes, with those inside it doubled. Throws an `OperatorError` for what is not a name. */
export function quoteIdentifier(name: string): string {
  const issue = identifierIssue(name);
  if (issue) throw refuse("identifier.wrong", { name: JSON.stringify(name), ...issue });
  return `"${name.replaceAll('"', '""')}"`;
}
